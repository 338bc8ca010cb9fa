package ticket

import (
	"strings"

	"github.com/tidwall/gjson"
)

// specKittyForm is spec-kitty: a work package per file beneath kitty-specs/FEATURE/tasks.
type specKittyForm struct{}

func (specKittyForm) Name() string { return "spec-kitty" }

func (specKittyForm) Place() string { return "`kitty-specs/FEATURE/tasks/*.md`: a work package a file" }

func (specKittyForm) Recognise(f *file) bool {
	return f.in("kitty-specs") || f.has("workpackageid", "wpcode", "wpid")
}

func (specKittyForm) Read(f *file) (*Document, error) {
	feature, _, ok := f.under("kitty-specs")
	if !ok && f.parent(1) == "tasks" {
		feature = f.parent(2)
	}
	isPackage := f.has("workpackageid", "wpcode", "wpid") || strings.HasPrefix(strings.ToUpper(f.stem), "WP")
	if !isPackage && feature != "" {
		c := newCollector(f, options{})
		c.t.Document = documentName(f.stem)
		if f.base == "tasks.md" {
			c.t.Document = "overview"
		}
		c.id(feature, "folder")
		c.setTitle(titleOf(f.sections()), "heading")
		return &Document{Head: c.finish()}, nil
	}
	full := func(id string) string {
		if feature == "" || strings.Contains(id, "/") || !isLocalID(id) {
			return id
		}
		return taskID(feature, id)
	}
	c := newCollector(f, options{ref: full, ignoreFiles: len(f.keys) > 0 && f.has("ownedfiles")})
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
		c.setStatus(f.laneOf(local), "status.json or folder")
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
	if !ok || strings.ContainsAny(id, `.*?|#@\`) || jsonTooDeep([]byte(text)) || !gjson.Valid(text) {
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
