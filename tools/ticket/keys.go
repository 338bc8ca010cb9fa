package ticket

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// idKeys are the keys of an id, the most telling first.
var idKeys = []string{"id", "workpackageid", "wpid", "taskid", "ticketid", "issueid", "storyid", "identifier",
	"key", "issuekey", "number", "issuenumber", "uid", "slug", "wpcode"}

// keys takes over what the front matter states.
func (c *collector) keys(f *file) {
	if k := f.key(idKeys...); k != nil {
		c.id(c.scalar(k), k.as)
	}
	seen := make(map[string]bool, len(f.keys))
	for i := range f.keys {
		k := &f.keys[i]
		what := meaningOf(k.as)
		if seen[k.name] {
			if !slices.Contains(listFields, what.field) {
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
		c.set(severityField, c.scalar(k), k.as)
	}
}

var listFields = []field{labelsField, componentsField, dependsField, filesField, criteriaField}

// key takes over one key. Those of other fields are read elsewhere, or state nothing
// about the work.
func (c *collector) key(k *key, what meaning) {
	switch what.field {
	case titleField:
		c.setTitle(c.scalar(k), k.as)
	case typeField, priorityField, statusField:
		c.set(what.field, c.choice(k), k.as)
	case complexityField:
		if value := c.choice(k); value != "" {
			c.complexity(value, fmt.Sprintf("line %d", k.line), k.as)
		}
	case sizeField:
		c.set(sizeField, text(k.value), k.as)
	case parentField:
		c.parentKey(k)
	case labelsField:
		for _, text := range c.list(k) {
			c.label(text, k.as)
		}
	case componentsField:
		for _, text := range c.list(k) {
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
	case contextField: // a scope that is a list of paths; any other is prose
		isOther := func(item *yaml.Node) bool { return !isPath(text(item)) }
		if k.name == "scope" && k.value.Kind == yaml.SequenceNode && !slices.ContainsFunc(k.value.Content, isOther) {
			c.filesKey(k, "")
		}
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
	if value := mapField(k.value, "name", "value"); value != "" { // status: {name: Open}
		return value
	}
	value := c.scalar(k)
	if strings.Contains(value, "|") || isNothing(value) {
		return ""
	}
	return value
}

var commas = strings.NewReplacer("，", ",", "、", ",", ";", ",", "；", ",")

// list gives the items of a list, or of a text in its place: separated by
// commas, and for labels also by spaces.
func (c *collector) list(k *key) []string {
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
			if !c.isNested(k, item) {
				out = append(out, cmp.Or(text(item), mapField(item, "name", "label", "title", "id")))
			}
		}
		return out
	case yaml.MappingNode:
		return labelsOfMap(n)
	}
	c.warn("line %d: %s is not a list; left out", k.line, k.as)
	return nil
}

// labelsOfMap reads "security: true" and "kind: bug", which is kind/bug.
func labelsOfMap(n *yaml.Node) (out []string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := text(n.Content[i]), n.Content[i+1]
		switch {
		case value.Tag != "!!bool":
			out = append(out, strings.TrimSuffix(name+"/"+text(value), "/"))
		case strings.EqualFold(value.Value, "true"):
			out = append(out, name)
		}
	}
	return out
}

// isNested reports whether an item of a list is a list, which none may be.
func (c *collector) isNested(k *key, item *yaml.Node) bool {
	if item.Kind == yaml.SequenceNode {
		c.warn("%s: an item that is a list is left out", k.as)
	}
	return item.Kind == yaml.SequenceNode
}

func isEmptyNode(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode {
		return isNothing(text(n)) || n.Tag == "!!bool" || n.Tag == "!!int"
	}
	return len(n.Content) == 0
}

// mapField gives the first of the named keys of a map that is stated; no other node
// states any.
func mapField(n *yaml.Node, names ...string) string {
	for _, name := range names {
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
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
	c.setParent(cmp.Or(text(k.value), mapField(k.value, "id", "key", "identifier", "number", "title", "name")), k.as)
	if k.value.Kind == yaml.SequenceNode {
		for _, item := range k.value.Content {
			c.setParent(text(item), k.as)
		}
	}
}

// dependencyOf is the ticket that an item of a list names, a text or a map.
func dependencyOf(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
		name, value := n.Content[0], n.Content[1]
		switch {
		case isStrictID(text(name)): // - FEAT-2: why
			return text(name)
		case meaningOf(name.Value).field == dependsField: // - blocked_by: FEAT-2
			return text(value)
		}
	}
	return cmp.Or(text(n), mapField(n, "id", "ticket", "uid", "key", "identifier", "issue", "task", "taskid",
		"dependson", "dependsonid", "number", "ref", "ticketid", "issueid", "slug", "artifact", "target", "path",
		"file", "name", "title"))
}

func (c *collector) dependsKey(k *key) {
	switch n := k.value; n.Kind {
	case yaml.ScalarNode:
		if n.Tag != "!!bool" && n.Tag != "!!timestamp" { // blocked_by: false; after: a date
			c.dependency(n.Value, k.as)
		}
	case yaml.MappingNode:
		c.dependsMap(k)
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if !c.isNested(k, item) && isWaiting(mapField(item, "type", "deptype", "relation", "kind")) {
				c.dependency(dependencyOf(item), k.as)
			}
		}
	}
}

// dependsMap reads "dependencies: {blocked_by: [...], blocks: [...]}".
func (c *collector) dependsMap(k *key) {
	known := false
	for i := 0; i+1 < len(k.value.Content); i += 2 {
		sub, value := k.value.Content[i], k.value.Content[i+1]
		field := meaningOf(sub.Value).field
		known = known || field != unknownField && field != contextField
		if field == dependsField {
			c.dependsKey(&key{name: keyName(sub), as: k.as + "." + sub.Value, value: value, line: k.line})
		}
	}
	if !known && len(k.value.Content) > 0 && meaningOf(k.as).field == dependsField {
		c.warn("line %d: %s is not a list; left out", k.line, k.as)
	}
}

// isWaiting reports whether the type of a relation, stated or not, means that this ticket
// waits for the other.
func isWaiting(relation string) bool {
	name := normal(relation)
	return name != "requiredby" && name != "unblocks" && name != "enables" &&
		!slices.ContainsFunc([]string{"parent", "relat", "discovered", "duplicate", "child"},
			func(part string) bool { return strings.Contains(name, part) })
}

// linksKey reads links that say their relation: {type: is blocked by, key: X-1}.
func (c *collector) linksKey(k *key) {
	if k.value.Kind == yaml.MappingNode { // relations: {depends_on: [...]}
		c.dependsMap(k)
		return
	}
	for _, item := range k.value.Content {
		c.relations(text(item), k.as)
		if isBlockedBy(mapField(item, "type", "relation", "kind", "link")) {
			c.dependency(dependencyOf(item), k.as)
		}
	}
}

func (c *collector) filesKey(k *key, action string) {
	switch n := k.value; n.Kind {
	case yaml.ScalarNode:
		for line := range strings.FieldsFuncSeq(expandBraces(n.Value), isFileSeparator) {
			parts := []string{line}
			if words := strings.Fields(line); len(words) > 1 && !slices.ContainsFunc(words, isNoPath) {
				parts = words // lines that YAML has joined
			}
			for _, part := range parts {
				c.file(File{Path: cleanPath(part), Action: action}, k.as)
			}
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			c.fileItem(k, item, action)
		}
	default: // files: {create: [...], modify: [...]}
		known := len(n.Content) == 0
		for i := 0; i+1 < len(n.Content); i += 2 {
			if name := n.Content[i].Value; isAction(name) {
				known = true
				c.filesKey(&key{name: k.name, as: k.as, value: n.Content[i+1], line: k.line}, name)
			}
		}
		if !known {
			c.warn("line %d: %s is not a list; left out", k.line, k.as)
		}
	}
}

func isFileSeparator(r rune) bool { return r == ',' || r == '\n' }

func isNoPath(word string) bool { return !isPath(word) }

var fileKeys = []string{"path", "file", "filename", "name", "action", "description"}

func (c *collector) fileItem(k *key, item *yaml.Node, doing string) {
	if c.isNested(k, item) {
		return
	}
	f := File{Path: cmp.Or(text(item), mapField(item, "path", "file", "filename", "name")),
		Action: mapField(item, "action"), Description: mapField(item, "description")}
	if pair := item.Content; len(pair) == 2 && !slices.Contains(fileKeys, keyName(pair[0])) { // "- src/a.go: modify"
		f.Path = text(pair[0])
		if value := text(pair[1]); isAction(value) {
			f.Action = value
		} else {
			f.Description = value
		}
	}
	if f.Path == "" && item.Kind == yaml.MappingNode {
		c.warn("%s: an item names no path; left out", k.as)
	}
	for part := range strings.SplitSeq(expandBraces(f.Path), ", ") {
		c.file(File{Path: cleanPath(part), Action: cmp.Or(f.Action, doing), Description: f.Description}, k.as)
	}
}

func isAction(value string) bool {
	normal, _ := action(value)
	return normal != ""
}

// criteriaKey reads criteria in the front matter.
func (c *collector) criteriaKey(k *key, class int) {
	b := block{where: k.as, fallback: true}
	switch n := k.value; n.Kind {
	case yaml.MappingNode:
		c.warn("line %d: %s is not a list; left out", k.line, k.as)
	case yaml.ScalarNode:
		b.lines = strings.Split(n.Value, "\n")
	case yaml.SequenceNode:
		for _, item := range n.Content {
			line := cmp.Or(text(item), mapField(item, "text", "description", "criterion", "title", "name"))
			if id := mapField(item, "id"); id != "" && line != "" {
				line = id + ": " + line
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
