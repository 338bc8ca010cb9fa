package ticket

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// cut separates the front matter from the body. line is the file's line of the
// front matter's first line; 0 = there is none.
func cut(text string) (front, body string, line int, err error) {
	rest, n := text, 0
	for {
		first, tail, more := strings.Cut(rest, "\n")
		n++
		if strings.TrimRight(first, " \t") == "---" {
			if !opensKeys(tail) { // a rule, or nothing but text
				return "", text, 0, nil
			}
			rest = tail
			break
		}
		if strings.TrimSpace(first) != "" || !more {
			return "", text, 0, nil
		}
		rest = tail
	}
	for at := 0; at < len(rest); {
		next, _, _ := strings.Cut(rest[at:], "\n")
		if closes(next) {
			if at > maxFrontMatter {
				return "", "", 0, errFrontMatterSize(n, at)
			}
			return rest[:at], rest[min(at+len(next)+1, len(rest)):], n + 1, nil
		}
		at += len(next) + 1
	}
	return "", "", 0, errUnterminated(n)
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
	heading := false
	for n := 0; n < most && rest != ""; n++ {
		line, tail, _ := strings.Cut(rest, "\n")
		rest = tail
		text := strings.TrimSpace(line)
		switch {
		case text == "" && heading:
			return false // "# Title" and a blank line: Markdown
		case text == "":
		case closes(line):
			return true
		case strings.HasPrefix(text, "#"):
			heading = strings.HasPrefix(text, "# ") && n <= 1
			continue
		default:
			return isKeyLine(text)
		}
		heading = false
	}
	return false
}

// isKeyLine reports whether a line is "key: value", or one of the YAML ways to begin one.
func isKeyLine(text string) bool {
	if text == "" {
		return false
	}
	if strings.ContainsRune("?{&!<", rune(text[0])) {
		return true
	}
	at := strings.IndexByte(text, ':')
	switch {
	case at <= 0 || at > 100:
		return strings.HasPrefix(text, "<<")
	case at+1 < len(text) && text[at+1] != ' ' && text[at+1] != '\t':
		return text[0] == '"' || text[0] == '\''
	}
	return !strings.ContainsRune("-*>|`", rune(text[0])) && len(strings.Fields(text[:at])) <= 4
}

// cutFrontMatter reads the keys of the front matter, if there is any.
func (f *file) cutFrontMatter() error {
	front, body, line, err := cut(f.text)
	if err != nil {
		return err
	}
	f.body = body
	if line == 0 {
		if strings.Trim(f.text, "-. \t\n") == "" {
			return errEmpty
		}
		return nil
	}
	return f.readKeys(front, line)
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
		return errNoMapping(first + root.Line - 1)
	}
	if err := check(root, first, 0); err != nil {
		return err
	}
	f.keys = make([]key, 0, len(root.Content)/2)
	for i := 0; i+1 < len(root.Content); i += 2 {
		k, value := root.Content[i], root.Content[i+1]
		if name := keyName(k); name != "" {
			f.keys = append(f.keys, key{name: name, as: oneLine(k.Value), value: value,
				line: first + value.Line - 1, own: first + k.Line - 1})
		}
	}
	f.headed = f.headed || len(f.keys) > 0
	return nil
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
