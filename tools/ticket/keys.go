package ticket

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// idKeys are the keys of an id, the most telling first.
var idKeys = []string{"id", "workpackageid", "wpid", "taskid", "ticketid", "issueid", "storyid", "identifier",
	"key", "issuekey",
	"number", "issuenumber", "uid", "slug", "wpcode"}

// keys takes over what the front matter states.
func (c *collector) keys(f *file) {
	if k := f.key(idKeys...); k != nil {
		if value := c.scalar(k); value != "" {
			c.id(value, k.as)
		}
	}
	seen := make(map[string]bool, len(f.keys))
	for i := range f.keys {
		k := &f.keys[i]
		what := meaningOf(k.as)
		if seen[k.name] {
			if !what.field.isList() {
				c.warn("line %d: duplicate key %q; the first one counts", k.own, clip(k.as, 40))
				continue
			}
			// Dropping a label or a dependency could hide a reason for caution.
			c.warn("line %d: duplicate key %q; its items are added", k.own, clip(k.as, 40))
		}
		seen[k.name] = true
		c.key(k, what)
	}
	if k := f.key("severity"); k != nil && c.t.Priority == "" {
		c.setPriority(c.scalar(k), k.as)
	}
}

func (f field) isList() bool {
	return f == labelsField || f == dependsField || f == filesField || f == componentsField ||
		f == criteriaField
}

func (c *collector) key(k *key, what meaning) {
	switch what.field {
	case titleField:
		c.setTitle(c.scalar(k), k.as)
	case typeField:
		c.setType(c.choice(k), k.as)
	case complexityField:
		if value := c.choice(k); value != "" {
			c.complexity(value, fmt.Sprintf("line %d", k.line), k.as)
		}
	case priorityField:
		c.setPriority(c.choice(k), k.as)
	case statusField:
		c.setStatus(c.choice(k), k.as)
	case parentField:
		c.parentKey(k)
	case labelsField:
		for _, text := range c.list(k, "name", "label", "title", "id") {
			c.label(text, k.as)
		}
	case componentsField:
		for _, text := range c.list(k, "name", "label", "title", "id") {
			c.concern(text, k.as)
		}
	case dependsField:
		c.dependsKey(k)
	case linksField:
		c.linksKey(k)
	case filesField:
		c.filesKey(k, what.action)
	case criteriaField:
		c.criteriaKey(k, what.class)
	case unknownField:
		if looksTelling(k.as) && !isEmptyNode(k.value) {
			c.notRead("key", k.as)
		}
	case contextField:
		if k.name == "scope" && k.value.Kind == yaml.SequenceNode {
			c.scopeKey(k)
		}
	default: // read elsewhere, or no statement about the work
	}
}

func (c *collector) scalar(k *key) string {
	if k.value.Kind != yaml.ScalarNode {
		c.warn("line %d: %s is not text; left out (put it in quotes)", k.line, strings.ToLower(k.as))
		return ""
	}
	return c.field(text(k.value), strings.ToLower(k.as))
}

// choice is a scalar with one of several words; the template's "a | b | c" and
// "..." choose none.
func (c *collector) choice(k *key) string {
	if k.value.Kind == yaml.SequenceNode && len(k.value.Content) == 1 { // type: [bug]
		return text(k.value.Content[0])
	}
	value := c.scalar(k)
	if strings.Contains(value, "|") || isNothing(value) {
		return ""
	}
	return value
}

var commas = strings.NewReplacer("，", ",", "、", ",", ";", ",", "；", ",")

// list gives the items of a list, or of a text in its place: separated by
// commas, and for labels also by spaces. of are the keys of an item that is a map.
func (c *collector) list(k *key, of ...string) []string {
	n := k.value
	switch n.Kind {
	case yaml.ScalarNode:
		value := commas.Replace(text(n))
		if strings.HasPrefix(k.name, "tag") && !strings.Contains(value, ",") {
			return strings.Fields(value)
		}
		return strings.Split(value, ",")
	case yaml.SequenceNode:
		out := make([]string, 0, len(n.Content))
		for _, item := range n.Content {
			switch item.Kind {
			case yaml.ScalarNode:
				out = append(out, text(item))
			case yaml.MappingNode:
				out = append(out, mapField(item, of...))
			default:
				c.warn("%s: an item that is a list is left out", k.as)
			}
		}
		return out
	}
	c.warn("line %d: %s is not a list; left out", k.line, k.as)
	return nil
}

func isEmptyNode(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode {
		value := text(n)
		return isNothing(value) || n.Tag == "!!bool" || n.Tag == "!!int"
	}
	return len(n.Content) == 0
}

// mapField gives the first of the named keys of a map that is stated.
func mapField(n *yaml.Node, names ...string) string {
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

func (c *collector) parentKey(k *key) {
	switch k.value.Kind {
	case yaml.ScalarNode:
		c.setParent(text(k.value), k.as)
	case yaml.MappingNode:
		c.setParent(mapField(k.value, "id", "key", "identifier", "number", "title", "name"), k.as)
	case yaml.SequenceNode:
		for _, item := range k.value.Content {
			c.setParent(text(item), k.as)
		}
	}
}

// dependencyKeys are the keys of a dependency that is a map.
var dependencyKeys = []string{"id", "ticket", "uid", "key", "identifier", "issue", "task", "taskid",
	"dependson", "dependsonid", "number", "ref",
	"ticketid", "issueid", "slug", "artifact", "target", "path", "file", "name", "title"}

func (c *collector) dependsKey(k *key) {
	n := k.value
	switch {
	case n.Kind == yaml.ScalarNode && (n.Tag == "!!bool" || n.Tag == "!!timestamp"):
		return // blocked_by: false; after: a date
	case n.Kind == yaml.ScalarNode:
		c.dependency(n.Value, k.as)
		return
	case n.Kind == yaml.MappingNode:
		c.dependsMap(k)
		return
	case n.Kind != yaml.SequenceNode:
		return
	}
	for _, item := range n.Content {
		switch item.Kind {
		case yaml.ScalarNode:
			c.dependency(text(item), k.as)
		case yaml.MappingNode:
			if relation := mapField(item, "type", "deptype", "relation", "kind"); relation == "" ||
				isWaiting(relation) {
				c.dependency(mapField(item, dependencyKeys...), k.as)
			}
		default:
			c.warn("%s: an item that is a list is left out", k.as)
		}
	}
}

// dependsMap reads "dependencies: {blocked_by: [...], blocks: [...]}".
func (c *collector) dependsMap(k *key) {
	known := false
	for i := 0; i+1 < len(k.value.Content); i += 2 {
		sub, value := k.value.Content[i], k.value.Content[i+1]
		switch what := meaningOf(sub.Value); what.field {
		case dependsField:
			known = true
			c.dependsKey(&key{name: keyName(sub), as: k.as + "." + sub.Value, value: value, line: k.line})
		case unknownField, contextField:
		default:
			known = true
		}
	}
	if !known && len(k.value.Content) > 0 && meaningOf(k.as).field == dependsField {
		c.warn("line %d: %s is not a list; left out", k.line, k.as)
	}
}

// isWaiting reports whether the type of a relation means that this ticket waits for the
// other.
func isWaiting(relation string) bool {
	name := normal(relation)
	if strings.Contains(name, "parent") || strings.Contains(name, "relat") ||
		strings.Contains(name, "discovered") ||
		strings.Contains(name, "duplicate") || strings.Contains(name, "child") {
		return false
	}
	return name != "requiredby" && name != "unblocks" && name != "enables"
}

// linksKey reads links that say their relation: {type: is blocked by, key: X-1}.
func (c *collector) linksKey(k *key) {
	if k.value.Kind == yaml.MappingNode { // relations: {depends_on: [...]}
		c.dependsMap(k)
	}
	if k.value.Kind != yaml.SequenceNode {
		return
	}
	for _, item := range k.value.Content {
		switch item.Kind {
		case yaml.MappingNode:
			if isBlockedBy(mapField(item, "type", "relation", "kind", "link")) {
				c.dependency(mapField(item, dependencyKeys...), k.as)
			}
		case yaml.ScalarNode:
			c.relations(text(item), k.as)
		}
	}
}

func (c *collector) filesKey(k *key, action string) {
	switch n := k.value; n.Kind {
	case yaml.ScalarNode:
		for part := range strings.SplitSeq(n.Value, ",") {
			c.file(File{Path: cleanPath(part), Action: action}, k.as)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			c.fileItem(k, item, action)
		}
	default:
		if !c.filesMap(k) {
			c.warn("line %d: %s is not a list; left out", k.line, k.as)
		}
	}
}

// filesMap reads "files: {create: [...], modify: [...]}".
func (c *collector) filesMap(k *key) bool {
	known := false
	for i := 0; i+1 < len(k.value.Content); i += 2 {
		name, value := k.value.Content[i], k.value.Content[i+1]
		if isAction(name.Value) {
			known = true
			c.filesKey(&key{name: k.name, as: k.as, value: value, line: k.line}, name.Value)
		}
	}
	return known || len(k.value.Content) == 0
}

var fileKeys = []string{"path", "file", "filename", "name", "action", "description"}

func (c *collector) fileItem(k *key, item *yaml.Node, doing string) {
	switch item.Kind {
	case yaml.ScalarNode:
		c.file(File{Path: cleanPath(text(item)), Action: doing}, k.as)
	case yaml.MappingNode:
		f := File{Path: mapField(item, "path", "file", "filename", "name"), Action: mapField(item, "action"),
			Description: mapField(item, "description")}
		if pair := item.Content; f.Path == "" && len(pair) == 2 && !slices.Contains(fileKeys, keyName(pair[0])) { // "- src/a.go: modify"
			f.Path = text(pair[0])
			if value := text(pair[1]); isAction(value) {
				f.Action = value
			} else {
				f.Description = value
			}
		}
		if f.Path == "" {
			c.warn("%s: an item names no path; left out", k.as)
		}
		if f.Action == "" {
			f.Action = doing
		}
		f.Path = cleanPath(f.Path)
		c.file(f, k.as)
	default:
		c.warn("%s: an item that is a list is left out", k.as)
	}
}

// scopeKey reads a scope that is a list of paths; any other scope is prose.
func (c *collector) scopeKey(k *key) {
	for _, item := range k.value.Content {
		if !isPath(text(item)) {
			return
		}
	}
	c.filesKey(k, "")
}

func isAction(value string) bool {
	normal, _ := action(value)
	return normal != ""
}

// criteriaKey reads criteria in the front matter.
func (c *collector) criteriaKey(k *key, class int) {
	b := block{where: k.as, fallback: true}
	switch n := k.value; n.Kind {
	case yaml.ScalarNode:
		b.lines = strings.Split(n.Value, "\n")
	case yaml.SequenceNode:
		for _, item := range n.Content {
			line := text(item)
			if item.Kind == yaml.MappingNode {
				line = mapField(item, "text", "description", "criterion", "title", "name")
				if id := mapField(item, "id"); id != "" && line != "" {
					line = id + ": " + line
				}
			}
			if item.Kind == yaml.MappingNode && line == "" && len(item.Content) == 2 { // "- Given: when"
				line = text(item.Content[0]) + ": " + text(item.Content[1])
			}
			if line != "" {
				b.lines = append(b.lines, "- "+line)
			}
		}
	}
	c.criteria[class] = append(c.criteria[class], b)
}
