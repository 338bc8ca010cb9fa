package entry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// JSON edits JSON with the comments and trailing commas that editors allow. It is
// the key that holds the servers.
type JSON string

// Fresh implements Format.
func (j JSON) Fresh(e Entry) []byte {
	s := style{newline: "\n", unit: "  ", gap: " "}
	return []byte(s.value([]Member{{string(j), []Member{{Name, e.members()}}}}, "") + "\n")
}

type splice struct {
	from, to int
	text     string
}

func apply(doc []byte, splices ...splice) []byte {
	slices.SortFunc(splices, func(a, b splice) int { return a.from - b.from })
	var out []byte
	at := 0
	for _, s := range splices {
		out = append(append(out, doc[at:s.from]...), s.text...)
		at = s.to
	}
	return append(out, doc[at:]...)
}

// child finds the object's member; a key that is there twice is refused,
// since programs differ in which one they read.
func child(v hujson.Value, key string) (index int, value hujson.Value, err error) {
	index = -1
	for i, m := range v.Value.(*hujson.Object).Members {
		if m.Name.Value.(hujson.Literal).String() != key {
			continue
		}
		if index >= 0 {
			return -1, value, fmt.Errorf("the key %q is there twice", key)
		}
		index, value = i, m.Value
	}
	return index, value, nil
}

// serversOf returns the document's root and the object in it that holds the
// servers, if there is one.
func (j JSON) serversOf(doc []byte) (root, object hujson.Value, found bool, err error) {
	root, err = hujson.Parse(bytes.Clone(doc))
	if err != nil {
		return root, object, false, errors.New(strings.TrimPrefix(err.Error(), "hujson: "))
	}
	if _, ok := root.Value.(*hujson.Object); !ok {
		return root, object, false, errors.New("it does not hold an object { } at the top")
	}
	i, object, err := child(root, string(j))
	if err != nil || i < 0 {
		return root, object, false, err
	}
	if _, ok := object.Value.(*hujson.Object); !ok {
		return root, object, false, fmt.Errorf("its %q is no object", string(j))
	}
	return root, object, true, nil
}

// Entry implements Format.
func (j JSON) Entry(doc []byte) (map[string]any, error) {
	if blank(doc) {
		return nil, nil //nolint:nilnil // no entry is no failure
	}
	_, object, found, err := j.serversOf(doc)
	if err != nil || !found {
		return nil, err
	}
	i, value, err := child(object, Name)
	if err != nil || i < 0 {
		return nil, err
	}
	data, err := decode(doc[value.StartOffset:value.EndOffset])
	if err != nil {
		return nil, err
	}
	return asEntry(data), nil
}

// blank says whether the document holds nothing but space and comments.
func blank(doc []byte) bool {
	// A document of space and comments parses once a value is put behind it.
	_, err := hujson.Parse(append(bytes.Clone(doc), "\nnull"...))
	return err == nil
}

// Insert implements Format.
func (j JSON) Insert(doc []byte, e Entry) ([]byte, error) {
	newline := newlineOf(doc)
	if blank(doc) {
		text := strings.ReplaceAll(string(j.Fresh(e)), "\n", newline)
		if kept := bytes.TrimRight(doc, " \t\r\n"); len(kept) > 0 {
			text = string(kept) + newline + text
		}
		return []byte(text), nil
	}
	root, object, found, err := j.serversOf(doc)
	if err != nil {
		return nil, err
	}
	s := style{newline: newline, unit: unitOf(doc, root), gap: " "}
	target, add := root, Member{string(j), []Member{{Name, e.members()}}}
	if found {
		target, add = object, Member{Name, e.members()}
	}
	after := apply(doc, s.insertMember(doc, target, add)...)
	return after, j.verify(doc, after, e.Data())
}

// insertMember is how to add a member at the end of an object.
func (s style) insertMember(doc []byte, object hujson.Value, m Member) []splice {
	members := object.Value.(*hujson.Object).Members
	end := object.EndOffset - 1 // the closing brace
	if len(members) == 0 {
		indent := lineIndent(doc, object.StartOffset)
		kept := bytes.TrimRight(doc[object.StartOffset+1:end], " \t\r\n")
		from := object.StartOffset + 1 + len(kept)
		text := s.newline + indent + s.unit + s.member(m, indent+s.unit) + s.newline + indent
		return []splice{{from, end, text}}
	}
	last := members[len(members)-1].Value
	comma, trailing := commaAfter(doc, last)
	first := members[0].Name.StartOffset
	if !bytes.ContainsAny(doc[object.StartOffset:first], "\n") {
		s = style{}
		if doc[members[0].Value.StartOffset-1] == ' ' {
			s.gap = " "
		}
		text := s.gap + s.member(m, "")
		if trailing {
			return []splice{{comma + 1, comma + 1, text + ","}}
		}
		return []splice{{last.EndOffset, last.EndOffset, "," + text}}
	}
	indent := lineIndent(doc, first)
	text := s.newline + indent + s.member(m, indent)
	if trailing {
		at := lineRest(doc, comma+1)
		return []splice{{at, at, text + ","}}
	}
	at := lineRest(doc, last.EndOffset)
	return []splice{{last.EndOffset, last.EndOffset, ","}, {at, at, text}}
}

// Remove implements Format.
func (j JSON) Remove(doc []byte) ([]byte, error) {
	_, object, found, err := j.serversOf(doc)
	if err != nil || !found {
		return nil, err
	}
	i, _, err := child(object, Name)
	if err != nil || i < 0 {
		return nil, err
	}
	after := apply(doc, removeMember(doc, object, i)...)
	return after, j.verify(after, doc, nil)
}

// removeMember is how to take a member out of an object. Comments stay.
func removeMember(doc []byte, object hujson.Value, i int) []splice {
	members := object.Value.(*hujson.Object).Members
	from, to := members[i].Name.StartOffset, members[i].Value.EndOffset
	line := len(bytes.TrimRight(doc[:from], " \t")) // its start, or the end of what is before
	ownLine := line > 0 && doc[line-1] == '\n'
	if comma, follows := commaAfter(doc, members[i].Value); follows {
		to = comma + 1
		rest := to + len(doc[to:]) - len(bytes.TrimLeft(doc[to:], " \t\r"))
		switch {
		case ownLine && rest < len(doc) && doc[rest] == '\n':
			return []splice{{line, rest + 1, ""}}
		case !ownLine && rest < len(doc) && doc[rest] != '\n':
			return []splice{{from, rest, ""}}
		}
		return []splice{{from, to, ""}}
	}
	if ownLine { // up to and with the line's end before it
		from = line - 1
		if from > 0 && doc[from-1] == '\r' {
			from--
		}
	}
	if i == 0 {
		return []splice{{from, to, ""}}
	}
	comma, _ := commaAfter(doc, members[i-1].Value)
	if !ownLine && len(bytes.TrimSpace(doc[comma+1:from])) == 0 {
		return []splice{{comma, to, ""}}
	}
	return []splice{{comma, comma + 1, ""}, {max(from, comma+1), to, ""}}
}

// verify holds an edit to its promise: the two documents differ in our entry
// and in nothing else. want, if any, is what the entry must be.
func (j JSON) verify(without, with []byte, want map[string]any) error {
	a, errA := decode(without)
	b, errB := decode(with)
	if errA != nil || errB != nil {
		return fmt.Errorf("the edit would not parse: %w", errors.Join(errA, errB))
	}
	before, after := a.(map[string]any), b.(map[string]any)
	list, _ := after[string(j)].(map[string]any)
	if want != nil && !reflect.DeepEqual(list[Name], any(want)) {
		return errors.New("the edit would not read as the entry that was meant")
	}
	delete(list, Name)
	if _, had := before[string(j)]; !had && len(list) == 0 {
		delete(after, string(j))
	}
	if !reflect.DeepEqual(before, after) {
		return errors.New("the edit would change more than our entry")
	}
	return nil
}

// decode reads JSON with comments as plain data; numbers keep their digits.
func decode(doc []byte) (any, error) {
	plain, err := hujson.Standardize(bytes.Clone(doc))
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(plain))
	d.UseNumber()
	var out any
	err = d.Decode(&out)
	return out, err
}

// commaAfter finds the comma behind a value, past space and comments.
func commaAfter(doc []byte, v hujson.Value) (at int, found bool) {
	at = v.EndOffset + len(v.AfterExtra)
	return at, at < len(doc) && doc[at] == ','
}

// lineRest is the end of what belongs to a line from a position on: comments
// that begin on it are passed, trailing space is not.
func lineRest(doc []byte, at int) int {
	for p := at; p < len(doc); {
		switch rest := doc[p:]; {
		case rest[0] == ' ' || rest[0] == '\t':
			p++
		case bytes.HasPrefix(rest, []byte("//")):
			n := bytes.IndexByte(rest, '\n')
			if n > 0 && rest[n-1] == '\r' {
				n--
			}
			if n < 0 {
				n = len(rest)
			}
			return p + n
		case bytes.HasPrefix(rest, []byte("/*")):
			p += bytes.Index(rest, []byte("*/")) + 2
			at = p
		default:
			return at
		}
	}
	return at
}

// lineIndent is the white space at the start of the line of a position.
func lineIndent(doc []byte, at int) string {
	line := doc[bytes.LastIndexByte(doc[:at], '\n')+1:]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// newlineOf is the line end that most of the document's lines have.
func newlineOf(doc []byte) string {
	if n := bytes.Count(doc, []byte("\r\n")); n > 0 && 2*n >= bytes.Count(doc, []byte("\n")) {
		return "\r\n"
	}
	return "\n"
}

func unitOf(doc []byte, root hujson.Value) string {
	if members := root.Value.(*hujson.Object).Members; len(members) > 0 {
		first := members[0].Name.StartOffset
		if indent := lineIndent(doc, first); indent != "" && bytes.ContainsAny(doc[root.StartOffset:first], "\n") {
			return strings.TrimPrefix(indent, lineIndent(doc, root.StartOffset))
		}
	}
	return "  "
}
