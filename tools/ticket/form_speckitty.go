package ticket

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
)

// isSpecKitty recognises spec-kitty: a work package per file beneath
// kitty-specs/FEATURE/tasks.
func isSpecKitty(f *file) bool { return f.in("kitty-specs") || f.isWorkPackage() }

func (f *file) isWorkPackage() bool { return f.has("workpackageid", "wpcode", "wpid") }

func readSpecKitty(f *file) (*Document, error) {
	feature, _, ok := f.under("kitty-specs")
	if !ok && f.parent(1) == "tasks" {
		feature = f.parent(2)
	}
	if feature != "" && !f.isWorkPackage() && !strings.HasPrefix(strings.ToUpper(f.stem), "WP") {
		what := documentName(f.stem)
		if f.base == "tasks.md" {
			what = "overview"
		}
		return f.document(what, feature, titleOf(f.sections())), nil
	}
	full := func(id string) string {
		if feature == "" || strings.Contains(id, "/") || !isLocalID(id) {
			return id
		}
		return taskID(feature, id)
	}
	c := newCollector(f, options{ref: full, ignoreFiles: f.has("ownedfiles")})
	c.keys(f)
	c.t.Title, _ = cutPrefixFold(c.t.Title, "Work Package Prompt:")
	c.sections(f.sections())
	c.id(idAtStart(f.stem, true), "file name")
	if rest, ok := cutPrefixFold(c.t.Title, "Work Package Prompt:"); ok {
		c.t.Title = strings.TrimLeft(strings.TrimPrefix(rest, c.t.ID), " -–—:")
	}
	local := c.t.ID
	c.t.ID = full(local)
	if c.t.Status == "" {
		c.set(statusField, f.laneOf(local), "status.json or folder")
	}
	d := &Document{Head: c.finish()}
	d.beside(f.siblings("../spec.md", "../plan.md"))
	return d, nil
}

// laneOf is a work package's lane where it does not state it itself: the folder, or
// the feature's status.json.
func (f *file) laneOf(id string) string {
	switch dir := f.parent(1); dir {
	case "planned", "doing", "for_review", "done", "in_progress", "approved":
		return dir
	}
	text, ok := f.readBeside("../status.json")
	if !ok || strings.ContainsAny(id, `.*?|#@\`) || jsondepth.Check([]byte(text)) != nil ||
		!gjson.Valid(text) {
		return ""
	}
	for _, path := range []string{"work_packages." + id + ".lane", "work_packages." + id, id + ".lane", id,
		"lanes." + id} {
		if r := gjson.Get(text, path); r.Type == gjson.String {
			return r.String()
		}
	}
	return ""
}
