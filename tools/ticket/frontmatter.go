package ticket

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// cutFrontMatter separates the front matter from the body and reads its keys, if there
// is any.
func (f *file) cutFrontMatter() error {
	rest := strings.TrimLeftFunc(f.text, unicode.IsSpace)
	at := len(f.text) - len(rest)
	first, rest, _ := strings.Cut(rest, "\n")
	first = strings.TrimRight(first, " \t")
	if fence := opensFence(first); fence != "" && isYAML(first[len(fence):]) {
		if keys, body, ok := strings.Cut(rest, "\n"+fence+"\n"); ok && len(keys) <= maxFrontMatter && opensKeys(keys) {
			f.body = body
			return f.readKeys(keys+"\n", lineAt(f.text, at)+1)
		}
	}
	if isOtherFrontMatter(first, rest) {
		return &Error{lineAt(f.text, at), "the front matter is not YAML", "Write it as YAML between two lines of ---."}
	}
	if first != "---" || at > 0 && f.text[at-1] != '\n' || !opensKeys(rest) {
		if strings.Trim(f.text, "-. \t\n") == "" {
			return errEmpty
		}
		return nil // a rule, or nothing but text
	}
	line := lineAt(f.text, at)
	size := 0
	for next := range strings.Lines(rest) {
		if !closes(strings.TrimSuffix(next, "\n")) {
			size += len(next)
			continue
		}
		if size > maxFrontMatter {
			return &Error{line, fmt.Sprintf("the front matter has %d bytes, the limit is %d", size, maxFrontMatter),
				"Move long text into the body."}
		}
		f.body = rest[size+len(next):]
		return f.readKeys(rest[:size], line+1)
	}
	return &Error{line, "the front matter is opened with --- and never closed",
		"Put a line with --- alone after the last key."}
}

func isYAML(language string) bool { return language == "yaml" || language == "yml" }

// isOtherFrontMatter: TOML or JSON in the place of YAML, as some site generators take it.
func isOtherFrontMatter(first, rest string) bool {
	next, rest, _ := strings.Cut(rest, "\n")
	switch next = strings.TrimSpace(next); first {
	case "+++":
		return strings.Contains(next, "=") && strings.Contains(rest, "+++")
	case "{":
		return strings.HasPrefix(next, `"`) && strings.Contains(next, `":`)
	}
	return false
}

func closes(line string) bool {
	if !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "...") {
		return false
	}
	after := strings.TrimLeft(line[3:], " \t")
	return after == "" || after[0] == '#' && len(after) < len(line)-3 // "--- # end"
}

// opensKeys reports whether what follows "---" is front matter: its first line that is
// no comment is a key, or it is closed at once.
func opensKeys(rest string) bool {
	const most = 50 // lines looked at
	n, heading := 0, false
	for line := range strings.Lines(rest) {
		text := strings.TrimSpace(line)
		switch {
		case n == most, text == "" && heading: // "# Title" and a blank line: Markdown
			return false
		case closes(strings.TrimSuffix(line, "\n")):
			return true
		case text != "" && text[0] != '#':
			return isKeyLine(text)
		}
		heading = strings.HasPrefix(text, "# ") && n <= 1
		n++
	}
	return false
}

// isKeyLine reports whether a line is "key: value", or one of the YAML ways to begin one.
func isKeyLine(text string) bool {
	at := strings.IndexByte(text, ':')
	switch {
	case text == "":
		return false
	case strings.ContainsRune("?{&!<", rune(text[0])):
		return true
	case at <= 0 || at > 100:
		return strings.HasPrefix(text, "<<")
	case at+1 < len(text) && text[at+1] != ' ' && text[at+1] != '\t':
		return text[0] == '"' || text[0] == '\''
	}
	return !strings.ContainsRune("-*>|`", rune(text[0])) && len(strings.Fields(text[:at])) <= 4
}

// readKeys takes over the keys of a YAML mapping; first is the file's line of its
// first line.
func (f *file) readKeys(front string, first int) error {
	root, lenient, err := parseYAML(front, first)
	f.lenient = append(f.lenient, lenient...)
	if root == nil || err != nil {
		return err
	}
	if root.Kind != yaml.MappingNode {
		return &Error{first + root.Line - 1, "the front matter is not a list of keys and values",
			`Write each line as "key: value".`}
	}
	if err := check(root, first, 0); err != nil {
		return err
	}
	f.keys = keysOf(root, first)
	for i := range f.keys { // fields: {labels: [...]}; not the id, which may be another thing's
		if k := &f.keys[i]; k.value.Kind == yaml.MappingNode && (metadataSections[k.name] || k.name == "scope") {
			inner := keysOf(k.value, first)
			isID := func(k key) bool { return slices.Contains(idKeys, k.name) }
			f.keys = append(f.keys, slices.DeleteFunc(inner, isID)...)
		}
	}
	f.headed = f.headed || len(f.keys) > 0
	return nil
}

// keysOf lists the keys of a mapping; first is the file's line of the front matter's
// first line.
func keysOf(n *yaml.Node, first int) []key {
	keys := make([]key, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, value := n.Content[i], n.Content[i+1]
		if name := keyName(k); name != "" {
			keys = append(keys, key{name: name, as: oneLine(k.Value), value: value,
				line: first + value.Line - 1, own: first + k.Line - 1})
		}
	}
	return keys
}

// keyName is the key without case and separators: dependsOn is depends_on.
func keyName(key *yaml.Node) string {
	if key.Kind != yaml.ScalarNode {
		return ""
	}
	return normal(key.Value)
}

// check refuses what could make a small front matter large: aliases, merge
// keys and deep nesting.
func check(n *yaml.Node, first, depth int) error {
	switch {
	case n.Kind == yaml.AliasNode:
		return errAlias(first + n.Line - 1)
	case depth > maxDepth:
		return errDepth(first + n.Line - 1)
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && child.Tag == "!!merge" {
			return errAlias(first + child.Line - 1)
		}
		if err := check(child, first, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// text is the scalar as written (007 stays 007); null is "".
func text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return oneLine(n.Value)
}
