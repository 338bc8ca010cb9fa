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

// jsonc edits JSON, with the comments and trailing commas that editors allow.
type jsonc struct{}

func (jsonc) fresh(servers string, e Entry) []byte {
	s := style{newline: "\n", unit: "  "}
	return []byte(s.object([]Member{{servers, []Member{{Name, e.members()}}}}, "", true) + "\n")
}

// splice replaces bytes of a document.
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

// parse reads the document. Its root is an object.
func (jsonc) parse(doc []byte) (hujson.Value, error) {
	v, err := hujson.Parse(bytes.Clone(doc))
	if err != nil {
		return v, errors.New(strings.TrimPrefix(err.Error(), "hujson: "))
	}
	if _, ok := v.Value.(*hujson.Object); !ok {
		return v, errors.New("it does not hold an object { } at the top")
	}
	return v, nil
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

// serversOf returns the object that holds the servers, if there is one.
func (j jsonc) serversOf(doc []byte, servers string) (root, object hujson.Value, found bool, err error) {
	if root, err = j.parse(doc); err != nil {
		return root, object, false, err
	}
	i, object, err := child(root, servers)
	if err != nil || i < 0 {
		return root, object, false, err
	}
	if _, ok := object.Value.(*hujson.Object); !ok {
		return root, object, false, fmt.Errorf("its %q is no object", servers)
	}
	return root, object, true, nil
}

func (j jsonc) entry(doc []byte, servers string) (map[string]any, error) {
	if blank(doc) {
		return nil, nil //nolint:nilnil // no entry is no failure
	}
	_, object, found, err := j.serversOf(doc, servers)
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
	if m, ok := data.(map[string]any); ok {
		return m, nil
	}
	return map[string]any{"": data}, nil // an entry, if an odd one
}

// blank says whether the document holds nothing but space and comments.
func blank(doc []byte) bool {
	// A document of space and comments parses once a value is put behind it.
	_, err := hujson.Parse(append(bytes.Clone(doc), "\nnull"...))
	return err == nil
}

func (j jsonc) insert(doc []byte, servers string, e Entry) ([]byte, error) {
	if blank(doc) {
		text := apply(j.fresh(servers, e))
		if nl := newlineOf(doc); nl != "\n" {
			text = bytes.ReplaceAll(text, []byte("\n"), []byte(nl))
		}
		if kept := bytes.TrimSpace(doc); len(kept) > 0 {
			text = append(append(bytes.TrimRight(bytes.Clone(doc), " \t\r\n"), newlineOf(doc)...), text...)
		}
		return text, nil
	}
	root, object, found, err := j.serversOf(doc, servers)
	if err != nil {
		return nil, err
	}
	s := styleOf(doc, root)
	target, add := root, Member{servers, []Member{{Name, e.members()}}}
	if found {
		target, add = object, Member{Name, e.members()}
	}
	after := apply(doc, s.insertMember(doc, target, add)...)
	return after, j.verify(doc, after, servers, e.Data())
}

// insertMember is how to add a member at the end of an object.
func (s style) insertMember(doc []byte, object hujson.Value, m Member) []splice {
	members := object.Value.(*hujson.Object).Members
	end := object.EndOffset - 1 // the closing brace
	if len(members) == 0 {
		indent := lineIndent(doc, object.StartOffset)
		kept := bytes.TrimRight(doc[object.StartOffset+1:end], " \t\r\n")
		from := object.StartOffset + 1 + len(kept)
		text := s.newline + indent + s.unit + quote(m.Key) + ": " + s.value(m.Value, indent+s.unit, true) + s.newline + indent
		return []splice{{from, end, text}}
	}
	last := members[len(members)-1].Value
	comma, trailing := commaAfter(doc, last)
	first := members[0].Name.StartOffset
	if !bytes.ContainsAny(doc[object.StartOffset:first], "\n") {
		gap := ""
		if s.spaced = doc[members[0].Value.StartOffset-1] == ' '; s.spaced {
			gap = " "
		}
		text := quote(m.Key) + ":" + gap + s.value(m.Value, "", false)
		if trailing {
			return []splice{{comma + 1, comma + 1, gap + text + ","}}
		}
		return []splice{{last.EndOffset, last.EndOffset, "," + gap + text}}
	}
	indent := lineIndent(doc, first)
	text := s.newline + indent + quote(m.Key) + ": " + s.value(m.Value, indent, true)
	if trailing {
		at := lineRest(doc, comma+1)
		return []splice{{at, at, text + ","}}
	}
	at := lineRest(doc, last.EndOffset)
	return []splice{{last.EndOffset, last.EndOffset, ","}, {at, at, text}}
}

func (j jsonc) remove(doc []byte, servers string) ([]byte, error) {
	_, object, found, err := j.serversOf(doc, servers)
	if err != nil || !found {
		return nil, err
	}
	i, _, err := child(object, Name)
	if err != nil || i < 0 {
		return nil, err
	}
	after := apply(doc, removeMember(doc, object, i)...)
	return after, j.verify(after, doc, servers, nil)
}

// removeMember is how to take a member out of an object. Comments stay.
func removeMember(doc []byte, object hujson.Value, i int) []splice {
	members := object.Value.(*hujson.Object).Members
	from, to := members[i].Name.StartOffset, members[i].Value.EndOffset
	line := from - len(lineIndentBytes(doc, from))
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
// and in nothing else.
func (j jsonc) verify(without, with []byte, servers string, want map[string]any) error {
	a, errA := decode(without)
	b, errB := decode(with)
	if errA != nil || errB != nil {
		return fmt.Errorf("the edit would not parse: %w", errors.Join(errA, errB))
	}
	return compare(a.(map[string]any), b.(map[string]any), servers, want)
}

// compare takes our entry out of b and wants a to be left. want, if any, is
// what the entry must be.
func compare(a, b map[string]any, servers string, want map[string]any) error {
	list, _ := b[servers].(map[string]any)
	have := list[Name]
	if want != nil && !reflect.DeepEqual(have, any(want)) {
		return errors.New("the edit would not read as the entry that was meant")
	}
	delete(list, Name)
	if _, had := a[servers]; !had && len(list) == 0 {
		delete(b, servers)
	}
	if !reflect.DeepEqual(a, b) {
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

// lineIndentBytes is the white space between the line's start, or what is
// before, and a position.
func lineIndentBytes(doc []byte, at int) []byte {
	start := len(bytes.TrimRight(doc[:at], " \t"))
	return doc[start:at]
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

func styleOf(doc []byte, root hujson.Value) style {
	s := style{newline: newlineOf(doc), unit: "  "}
	if members := root.Value.(*hujson.Object).Members; len(members) > 0 {
		first := members[0].Name.StartOffset
		if indent := lineIndent(doc, first); indent != "" && bytes.ContainsAny(doc[root.StartOffset:first], "\n") {
			s.unit = strings.TrimPrefix(indent, lineIndent(doc, root.StartOffset))
		}
	}
	return s
}
