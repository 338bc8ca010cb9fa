package ticket

import (
	"fmt"
	"slices"
	"strings"
)

// collector gathers what the sources of a ticket state, each thing once.
type collector struct {
	t       Ticket
	paths   map[string]int // path → index in t.Files
	depends map[string]bool
	tags    map[string]bool
	muted   int // warnings past the limit
}

func (c *collector) warn(format string, args ...any) {
	if len(c.t.Warnings) >= maxWarnings {
		c.muted++
		return
	}
	c.t.Warnings = append(c.t.Warnings, fmt.Sprintf(format, args...))
}

// room says whether a list may take one more, and warns once when it is full.
func (c *collector) room(have int, what string) bool {
	if have < maxItems {
		return true
	}
	full := fmt.Sprintf("more than %d %s; the rest is left out", maxItems, what)
	if !slices.Contains(c.t.Warnings, full) {
		c.t.Warnings = append(c.t.Warnings, full) // never muted: something is missing
	}
	return false
}

var complexities = []string{"trivial", "simple", "complex", "low", "medium", "high"}

func (c *collector) complexity(value string, line int) {
	value = strings.ToLower(value)
	switch {
	case slices.Contains(complexities, value):
		c.t.Complexity = value
	case value != "":
		c.warn("line %d: unknown complexity %q; valid: %s", line, clip(value, 40), strings.Join(complexities, ", "))
	}
}

func (c *collector) tag(text string) {
	text = c.field(text, "tag")
	key := strings.ToLower(text)
	if isNothing(text) || c.tags[key] || !c.room(len(c.t.Tags), "tags") {
		return
	}
	c.tags[key] = true
	c.t.Tags = append(c.t.Tags, text)
}

// file adds f or completes what is already known of its path.
func (c *collector) file(f File) {
	if f.Path == "" {
		return
	}
	if len(f.Path) > maxPath {
		c.warn("an affected file of %d bytes is not a path (%s); left out", len(f.Path), clip(f.Path, 40))
		return
	}
	f.Description = oneLine(f.Description)
	if isNothing(f.Description) || strings.EqualFold(f.Description, "what changes") {
		f.Description = ""
	}
	normal, known := action(f.Action)
	if !known {
		c.warn("affected file %s: unknown action %q; valid: create, modify, delete", clip(f.Path, 100), clip(oneLine(f.Action), 40))
	}
	f.Action = normal
	if at, ok := c.paths[f.Path]; ok {
		old := &c.t.Files[at]
		if old.Action == "" {
			old.Action = f.Action
		}
		if old.Description == "" {
			old.Description = f.Description
		}
		return
	}
	if c.room(len(c.t.Files), "affected files") {
		c.paths[f.Path] = len(c.t.Files)
		c.t.Files = append(c.t.Files, f)
	}
}

var actions = map[string]string{
	"create": "create", "creates": "create", "created": "create", "new": "create", "add": "create", "added": "create",
	"modify": "modify", "modifies": "modify", "modified": "modify", "update": "modify", "updated": "modify", "edit": "modify", "change": "modify", "changed": "modify",
	"delete": "delete", "deletes": "delete", "deleted": "delete", "remove": "delete", "removed": "delete",
	"create/modify/delete": "", // the template's placeholder
}

// action reduces what is stated to create, modify or delete; known is false if
// it is none of them.
func action(stated string) (normal string, known bool) {
	if normal, known = actions[stated]; known { // as it mostly is
		return normal, known
	}
	stated = strings.ToLower(strings.Trim(oneLine(stated), "`*_()[]\"'. "))
	if isNothing(stated) {
		return "", true
	}
	normal, known = actions[stated]
	return normal, known
}

func (c *collector) dependency(text string) {
	for _, id := range ticketIDs(text) {
		id = c.field(id, "dependency")
		key := strings.ToLower(id)
		if c.depends[key] || !c.room(len(c.t.DependsOn), "dependencies") {
			continue
		}
		c.depends[key] = true
		c.t.DependsOn = append(c.t.DependsOn, id)
	}
}

// field makes text a one-line value and says so if it must be cut.
func (c *collector) field(text, what string) string {
	text = oneLine(text)
	if len(text) <= maxField {
		return text
	}
	c.warn("%s has %d bytes; cut to %d", what, len(text), maxField)
	return strings.TrimSpace(clipBytes(text, maxField))
}

func (c *collector) finish() Ticket {
	if own := strings.ToLower(c.t.ID); own != "" && c.depends[own] {
		c.t.DependsOn = slices.DeleteFunc(c.t.DependsOn, func(id string) bool { return strings.EqualFold(id, own) })
		c.warn("%s names itself as a dependency; left out", clip(c.t.ID, 60))
	}
	if c.muted > 0 {
		c.t.Warnings = append(c.t.Warnings, fmt.Sprintf("%d more warnings", c.muted))
	}
	return c.t
}
