package ticket

import (
	"slices"
	"strings"
	"unicode/utf8"

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

// frontMatter takes over what the YAML states. first is the file's line of its
// first line.
func (c *collector) frontMatter(front string, first int) error {
	root, err := parseYAML(front, first)
	if root == nil || err != nil {
		return err
	}
	if root.Kind != yaml.MappingNode {
		return errNoMapping(first + root.Line - 1)
	}
	if err := check(root, first, 0); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		name := keyName(key)
		if name == "" {
			continue
		}
		c.t.HasFrontMatter = true
		if seen[name] {
			where, shown := first+key.Line-1, clip(oneLine(key.Value), 40)
			if !isList(name) {
				c.warn("line %d: duplicate key %q; the first one counts", where, shown)
				continue
			}
			// Dropping a tag or a dependency could hide a reason for caution.
			c.warn("line %d: duplicate key %q; its items are added", where, shown)
		}
		seen[name] = true
		c.key(name, value, first+value.Line-1)
	}
	return nil
}

// keyName is the key without case and separators: dependsOn is depends_on.
func keyName(key *yaml.Node) string {
	if key.Kind != yaml.ScalarNode {
		return ""
	}
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(key.Value))
}

func isList(name string) bool {
	return name == "tags" || name == "dependson" || name == "blockers" || name == "affectedfiles"
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

func (c *collector) key(name string, value *yaml.Node, line int) {
	switch name {
	case "id":
		switch id := c.scalar(value, "id", line); {
		case isPlaceholderID(id):
		case utf8.RuneCountInString(id) > maxID:
			c.warn("the id on line %d has more than %d characters, under which nothing can be recorded; left out", line, maxID)
		default:
			c.t.ID = id
		}
	case "title":
		c.t.Title = c.scalar(value, "title", line)
	case "type":
		c.t.Type = c.choice(value, "type", line)
	case "complexity":
		c.complexity(c.choice(value, "complexity", line), line)
	case "priority":
		c.t.Priority = c.choice(value, "priority", line)
	case "status":
		c.t.Status = c.choice(value, "status", line)
	case "tags":
		for _, text := range c.list(value, "tags", line) {
			c.tag(text)
		}
	case "dependson", "blockers":
		for _, text := range c.list(value, "depends_on or blockers", line) {
			c.dependency(text)
		}
	case "affectedfiles":
		c.affectedFiles(value, line)
	}
}

// text is the scalar as written (007 stays 007); null is "".
func text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return oneLine(n.Value)
}

func (c *collector) scalar(n *yaml.Node, what string, line int) string {
	if n.Kind != yaml.ScalarNode {
		c.warn("line %d: %s is not text; left out (put it in quotes)", line, what)
		return ""
	}
	return c.field(text(n), what)
}

// choice is a scalar with one of several words; the template's "a | b | c" and
// "..." choose none.
func (c *collector) choice(n *yaml.Node, what string, line int) string {
	value := c.scalar(n, what, line)
	if strings.Contains(value, "|") || isNothing(value) {
		return ""
	}
	return value
}

var commas = strings.NewReplacer("，", ",", "、", ",", ";", ",")

// list gives the items of a list, or of a text that stands in its place:
// separated by commas, and for tags also by spaces.
func (c *collector) list(n *yaml.Node, what string, line int) []string {
	switch n.Kind {
	case yaml.ScalarNode:
		value := commas.Replace(text(n))
		if what == "tags" && !strings.Contains(value, ",") {
			return strings.Fields(value)
		}
		return strings.Split(value, ",")
	case yaml.SequenceNode:
		var out []string
		for _, item := range n.Content {
			switch item.Kind {
			case yaml.ScalarNode:
				out = append(out, text(item))
			case yaml.MappingNode:
				out = append(out, field(item, "id", "ticket", "name"))
			default:
				c.warn("%s: an item that is a list is left out", what)
			}
		}
		return out
	}
	c.warn("line %d: %s is not a list; left out", line, what)
	return nil
}

// field gives the first of the named keys of a map that is stated.
func field(n *yaml.Node, names ...string) string {
	for _, name := range names {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if keyName(n.Content[i]) == name {
				if value := text(n.Content[i+1]); value != "" {
					return value
				}
			}
		}
	}
	return ""
}

func (c *collector) affectedFiles(n *yaml.Node, line int) {
	switch n.Kind {
	case yaml.ScalarNode:
		for part := range strings.SplitSeq(n.Value, ",") {
			c.file(File{Path: cleanPath(part)})
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			c.affectedFile(item)
		}
	default:
		c.warn("line %d: affected_files is not a list; left out", line)
	}
}

var fileKeys = []string{"path", "file", "action", "description"}

func (c *collector) affectedFile(item *yaml.Node) {
	switch item.Kind {
	case yaml.ScalarNode:
		c.file(File{Path: cleanPath(text(item))})
	case yaml.MappingNode:
		f := File{Path: field(item, "path", "file"), Action: field(item, "action"), Description: field(item, "description")}
		if key := item.Content; f.Path == "" && len(key) == 2 && !slices.Contains(fileKeys, keyName(key[0])) { // "- src/a.go: modify"
			f.Path = text(item.Content[0])
			if value := text(item.Content[1]); isAction(value) {
				f.Action = value
			} else {
				f.Description = value
			}
		}
		if f.Path == "" {
			c.warn("affected_files: an item names no path; left out")
		}
		f.Path = cleanPath(f.Path)
		c.file(f)
	default:
		c.warn("affected_files: an item that is a list is left out")
	}
}

func isAction(value string) bool {
	normal, _ := action(value)
	return normal != ""
}
