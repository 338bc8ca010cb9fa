package clients

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// tomlText edits TOML: the entry is a table of its own at the file's end.
type tomlText struct{}

func (t tomlText) fresh(servers string, e Entry) []byte { return []byte(t.table(servers, e)) }

func (tomlText) table(servers string, e Entry) string {
	s := style{}
	var b, env strings.Builder
	fmt.Fprintf(&b, "[%s.%s]\n", servers, name)
	for _, m := range e.members() {
		variables, ok := m.value.([]Variable)
		if !ok {
			fmt.Fprintf(&b, "%s = %s\n", m.key, s.value(m.value, "", false))
			continue
		}
		fmt.Fprintf(&env, "\n[%s.%s.%s]\n", servers, name, m.key)
		for _, v := range variables {
			fmt.Fprintf(&env, "%s = %s\n", v.Name, quote(v.Value))
		}
	}
	return b.String() + env.String()
}

func (tomlText) decode(doc []byte) (map[string]any, error) {
	out := map[string]any{}
	err := toml.Unmarshal(doc, &out)
	var at *toml.DecodeError
	if errors.As(err, &at) {
		line, column := at.Position()
		return nil, fmt.Errorf("line %d, column %d: %w", line, column, err)
	}
	return out, err
}

func (t tomlText) entry(doc []byte, servers string) (map[string]any, error) {
	all, err := t.decode(doc)
	if err != nil {
		return nil, err
	}
	list, ok := all[servers].(map[string]any)
	if !ok && all[servers] != nil {
		return nil, fmt.Errorf("its %s is no table", servers)
	}
	switch entry := list[name].(type) {
	case nil:
		return nil, nil //nolint:nilnil // no entry is no failure
	case map[string]any:
		return entry, nil
	default:
		return map[string]any{"": entry}, nil // an entry, if an odd one
	}
}

func (t tomlText) insert(doc []byte, servers string, e Entry) ([]byte, error) {
	nl := newlineOf(doc)
	text := bytes.Clone(doc)
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, nl...)
	}
	if len(bytes.TrimSpace(text)) > 0 && !bytes.HasSuffix(text, []byte(nl+nl)) {
		text = append(text, nl...)
	}
	text = append(text, strings.ReplaceAll(t.table(servers, e), "\n", nl)...)
	return text, t.verify(doc, text, servers, e.data())
}

// heading says whether the line at an offset, which looks like a table's heading,
// is one: not where it stands in a string or a list of several lines.
func (t tomlText) heading(doc []byte, at int) bool {
	_, err := t.decode(doc[:at])
	return err == nil
}

var (
	ourTable = `^[ \t]*\[[ \t]*["']?%s["']?[ \t]*\.[ \t]*["']?%s["']?[ \t]*[.\]]`
	anyTable = regexp.MustCompile(`^[ \t]*\[`)
	aside    = regexp.MustCompile(`^[ \t]*(#.*)?\r?\n?$`)
)

// remove cuts our tables: from their heading to the next one, but for the
// comments that lead it.
func (t tomlText) remove(doc []byte, servers string) ([]byte, error) {
	ours := regexp.MustCompile(fmt.Sprintf(ourTable, regexp.QuoteMeta(servers), regexp.QuoteMeta(name)))
	lines := bytes.SplitAfter(doc, []byte("\n"))
	starts := make([]int, len(lines)+1)
	for i, l := range lines {
		starts[i+1] = starts[i] + len(l)
	}
	is := func(kind *regexp.Regexp, i int) bool { return kind.Match(lines[i]) && t.heading(doc, starts[i]) }
	var out [][]byte
	cut := false
	for i := 0; i < len(lines); i++ {
		if !is(ours, i) {
			out = append(out, lines[i])
			continue
		}
		cut = true
		end := i + 1
		for end < len(lines) && (!is(anyTable, end) || is(ours, end)) {
			end++
		}
		for end > i+1 && aside.Match(lines[end-1]) {
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
		return nil, fmt.Errorf("the entry is not a table [%s.%s] of its own", servers, name)
	}
	after := bytes.Join(out, nil)
	return after, t.verify(after, doc, servers, nil)
}

func (t tomlText) verify(without, with []byte, servers string, want map[string]any) error {
	a, errA := t.decode(without)
	b, errB := t.decode(with)
	if errA != nil || errB != nil {
		return fmt.Errorf("the edit would not parse: %w", errors.Join(errA, errB))
	}
	return compare(a, b, servers, want)
}
