package entry

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// TOML edits TOML: the entry is a table of its own at the file's end. It is the
// key that holds the servers. The document is read once as a row of statements,
// and only those of our entry are decoded: the library's decoder looks each key up
// among all before it.
type TOML string

// Fresh implements Format.
func (t TOML) Fresh(e Entry) []byte {
	var b, env bytes.Buffer
	fmt.Fprintf(&b, "[%s.%s]\n", t, Name)
	for _, m := range e.members() {
		variables, ok := m.Value.([]Variable)
		if !ok {
			fmt.Fprintf(&b, "%s = %s\n", m.Key, style{}.value(m.Value, ""))
			continue
		}
		fmt.Fprintf(&env, "\n[%s.%s.%s]\n", t, Name, m.Key)
		for _, v := range variables {
			fmt.Fprintf(&env, "%s = %s\n", v.Name, quote(v.Value))
		}
	}
	return append(b.Bytes(), env.Bytes()...)
}

// statement is a table's heading, or a key with its value.
type statement struct {
	heading bool
	path    []string // the first two parts of it, from the document's root
	at      int      // where its line begins
}

// Bounds of what is read: parts of a key, and bytes of our entry, whose keys the
// decoder looks up among each other.
const (
	maxParts = 32
	maxEntry = 64 << 10
)

// names reports whether the statement is about our entry, or about the whole list
// of servers.
func (s statement) names(servers TOML) bool {
	return s.path[0] == string(servers) && (len(s.path) == 1 || s.path[1] == Name)
}

// statements reads the document in one pass. The error has the line.
func (TOML) statements(doc []byte) ([]statement, error) {
	var p unstable.Parser
	p.Reset(doc)
	var out []statement
	var table, key []string
	defined := definitions{seen: map[place]bool{}, lists: map[place]bool{}}
	for p.NextExpression() {
		node := p.Expression()
		s := statement{heading: node.Kind != unstable.KeyValue}
		first := -1
		key = key[:0]
		for keys := node.Key(); keys.Next() && len(key) <= maxParts; {
			if first < 0 {
				first = int(keys.Node().Raw.Offset)
			}
			key = append(key, string(keys.Node().Data))
		}
		s.at = bytes.LastIndexByte(doc[:first], '\n') + 1
		if len(key) > maxParts {
			return nil, fmt.Errorf("line %d: a key of more than %d parts, more than any configuration has", lineOf(doc, s.at), maxParts)
		}
		if s.heading {
			table = nil
		}
		s.path = append(s.path, table...)
		s.path = append(s.path, key[:min(2-len(table), len(key))]...)
		if s.heading {
			table = s.path
		}
		if !defined.first(key, s.heading, node.Kind == unstable.ArrayTable) {
			return nil, fmt.Errorf("line %d: %.100s is there twice", lineOf(doc, s.at), strings.Join(key, "."))
		}
		out = append(out, s)
	}
	var fault *unstable.ParserError
	if errors.As(p.Error(), &fault) {
		at := min(max(0, cap(doc)-cap(fault.Highlight)), len(doc))
		return nil, fmt.Errorf("line %d: %w", lineOf(doc, at), fault)
	}
	return out, p.Error()
}

func lineOf(doc []byte, at int) int { return bytes.Count(doc[:at], []byte("\n")) + 1 }

// place names a path by its hash: paths may be long, and share their beginnings.
type place [sha256.Size]byte

func (p place) with(part string) place { return sha256.Sum256(append(p[:], part...)) }

// definitions are the paths that were defined. In a list of tables each table may
// define the same again.
type definitions struct {
	seen, lists map[place]bool
	table       place
	inList      bool // the table is in a list
}

// first notes a heading, or a key of the table of the last heading, and reports
// whether it is the first of its path.
func (d *definitions) first(key []string, heading, list bool) bool {
	at, repeats := d.table, d.inList
	if heading {
		at, repeats = place{}, false
	}
	for _, part := range key {
		at = at.with(part)
		repeats = repeats || d.lists[at]
	}
	if heading {
		d.table, d.inList = at, repeats || list
	}
	if list {
		d.lists[at] = true
	}
	if repeats {
		return true
	}
	again := d.seen[at]
	d.seen[at] = true
	return !again
}

// Entry implements Format.
func (t TOML) Entry(doc []byte) (map[string]any, error) {
	all, err := t.statements(doc)
	if err != nil {
		return nil, err
	}
	var ours []byte // the part of the document that names our entry
	for i, s := range all {
		end := len(doc)
		if i+1 < len(all) {
			end = all[i+1].at
		}
		if s.names(t) {
			ours = append(ours, doc[s.at:end]...)
		}
		if len(ours) > maxEntry {
			return nil, fmt.Errorf("its localmodel entry has more than %d bytes, more than any has", maxEntry)
		}
	}
	data := map[string]any{}
	if err := toml.Unmarshal(ours, &data); err != nil {
		return nil, err
	}
	list, ok := data[string(t)].(map[string]any)
	if !ok && data[string(t)] != nil {
		return nil, fmt.Errorf("its %s is no table", t)
	}
	if list[Name] == nil {
		return nil, nil //nolint:nilnil // no entry is no failure
	}
	return asEntry(list[Name]), nil
}

// Insert implements Format.
func (t TOML) Insert(doc []byte, e Entry) ([]byte, error) {
	nl := newlineOf(doc)
	text := bytes.Clone(doc)
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, nl...)
	}
	if len(bytes.TrimSpace(text)) > 0 && !bytes.HasSuffix(text, []byte(nl+nl)) {
		text = append(text, nl...)
	}
	text = append(text, bytes.ReplaceAll(t.Fresh(e), []byte("\n"), []byte(nl))...)
	return text, t.verify(text, e.Data())
}

var aside = lazy.Regexp(`^[ \t]*(#.*)?\r?\n?$`)

// Remove implements Format: it cuts our tables from their heading to the next one,
// but for the comments that lead it.
func (t TOML) Remove(doc []byte) ([]byte, error) {
	all, err := t.statements(doc)
	if err != nil {
		return nil, err
	}
	headings := map[int]bool{} // by the line's offset: whether it is one of ours
	for _, s := range all {
		if s.heading {
			headings[s.at] = len(s.path) > 1 && s.names(t)
		}
	}
	lines := bytes.SplitAfter(doc, []byte("\n"))
	starts := make([]int, len(lines)+1)
	for i, l := range lines {
		starts[i+1] = starts[i] + len(l)
	}
	isOther := func(i int) bool { ours, heading := headings[starts[i]]; return heading && !ours }
	var out [][]byte
	cut := false
	for i := 0; i < len(lines); i++ {
		if !headings[starts[i]] {
			out = append(out, lines[i])
			continue
		}
		cut = true
		end := i + 1
		for end < len(lines) && !isOther(end) {
			end++
		}
		for end > i+1 && aside().Match(lines[end-1]) {
			end--
		}
		if end < len(lines) && len(lines[end]) > 0 && len(bytes.TrimSpace(lines[end])) == 0 {
			end++ // the blank line that parted us from the next
		}
		if end >= len(lines)-1 && len(out) > 0 && len(bytes.TrimSpace(out[len(out)-1])) == 0 {
			out = out[:len(out)-1] // the blank line that parted us from the one before
		}
		i = end - 1
	}
	if !cut {
		return nil, fmt.Errorf("the entry is not a table [%s.%s] of its own", t, Name)
	}
	after := bytes.Join(out, nil)
	return after, t.verify(after, nil)
}

// verify holds an edit to its promise: the document reads, and our entry in it is
// the one that is wanted, nil = none. Only our tables' lines are added or cut, so
// nothing else can have changed.
func (t TOML) verify(after []byte, want map[string]any) error {
	have, err := t.Entry(after)
	if err != nil {
		return fmt.Errorf("the edit would not parse: %w", err)
	}
	if !reflect.DeepEqual(have, want) {
		return errors.New("the edit would not read as the entry that was meant")
	}
	return nil
}
