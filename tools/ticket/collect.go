package ticket

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// options say what a form reads otherwise than the others.
type options struct {
	maxLevel      int                    // headings deeper than this open no section; 0 = 6
	numbered      bool                   // "#1" before a criterion is its id
	prose         bool                   // relations are in sentences, too: "Depends on #12"
	prefixIsKind  bool                   // BUG-7 is a bug
	typeIsMark    bool                   // type: task marks a note and says nothing of its kind
	ref           func(id string) string // a dependency in the form's full spelling
	onlySuccess   bool                   // only the success criteria count
	ignoreFiles   bool                   // nothing in the body names affected files
	ignoreDepends bool                   // dependencies are elsewhere
}

// collector gathers what the sources of a ticket state, each thing once.
type collector struct {
	t        Ticket
	opt      options
	paths    map[string]int // path → index in t.Files
	depends  map[string]bool
	labels   map[string]bool
	criteria [3][]block // by class
	lineFile []block    // "Files:" lines, which count where nothing else states files
	unread   []string   // what looks telling and is not understood
	muted    int        // warnings past the limit
}

func newCollector(f *file, opt options) *collector {
	c := &collector{opt: opt, paths: map[string]int{}, depends: map[string]bool{}, labels: map[string]bool{}}
	c.t.Body, c.t.HasFrontMatter, c.t.IDStatesKind = f.body, f.headed, opt.prefixIsKind
	for _, text := range f.lenient {
		c.warn("%s", text)
	}
	return c
}

func (c *collector) warn(format string, args ...any) {
	if len(c.t.Warnings) >= maxWarnings {
		c.muted++
		return
	}
	c.t.Warnings = append(c.t.Warnings, fmt.Sprintf(format, args...))
}

// from notes where a field comes from.
func (c *collector) from(field, source string) {
	source = clip(oneLine(source), 60)
	for i := range c.t.From {
		if o := &c.t.From[i]; o.Field == field {
			if o.From != source && !strings.Contains(o.From, source) && len(o.From) < 200 {
				o.From += ", " + source
			}
			return
		}
	}
	c.t.From = append(c.t.From, Origin{field, source})
}

// notRead notes what looks like a field that decides and is not understood.
func (c *collector) notRead(what, name string) {
	text := what + " " + clip(oneLine(name), 40)
	if len(c.unread) < 5 && !slices.Contains(c.unread, text) {
		c.unread = append(c.unread, text)
	}
}

// room reports whether a list may take one more, and warns once when it is full.
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

var complexityWords = byWord("complexity ")

// complexity takes a stated complexity; place is where it was found, for a warning.
func (c *collector) complexity(stated, place, where string) {
	value := complexityOf(stated)
	if value == "" {
		c.warn("%s: unknown complexity %q; valid: %s", place, clip(stated, 40), strings.Join(complexities, ", "))
		return
	}
	if c.t.Complexity == "" {
		c.t.Complexity = value
		c.from("complexity", where)
	}
}

// complexityOf is what a stated complexity means, "" if nothing.
func complexityOf(stated string) string {
	first := firstWord(strings.ToLower(stated))
	return cmp.Or(complexityWord(stated), hardestOf(stated), complexityWord(first), complexityOfNumber(stated))
}

// hardestOf is the hardest of "low to medium" or "medium/high", "" where there are other
// words.
func hardestOf(stated string) string {
	found := map[string]bool{}
	for word := range strings.FieldsFuncSeq(stated, func(r rune) bool { return !unicode.IsLetter(r) }) {
		value := complexityWord(word)
		if value == "" && !strings.EqualFold(word, "to") && !strings.EqualFold(word, "or") {
			return ""
		}
		found[value] = true
	}
	switch {
	case found["high"] || found["complex"]:
		return "high"
	case found["medium"]:
		return "medium"
	case found["low"] || found["simple"] || found["trivial"]:
		return "low"
	}
	return ""
}

// complexityWord is the complexity that a word, or a size of a shirt, stands for.
func complexityWord(text string) string {
	name := normal(text)
	if slices.Contains(complexities, name) {
		return name
	}
	return complexityWords()[name]
}

// complexityOfNumber reads "7" or "7/10" as Task Master means it.
func complexityOfNumber(text string) string {
	text, _, _ = strings.Cut(text, "/")
	switch n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64); {
	case err != nil || n < 1 || n > 10:
		return ""
	case n <= 4:
		return "low"
	case n <= 7:
		return "medium"
	}
	return "high"
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(strings.TrimLeftFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }), " ")
	return strings.TrimRight(word, ".,;:()[]")
}

func (c *collector) label(text, where string) {
	text = c.field(strings.Trim(text, "`\"' "), "label")
	key := strings.ToLower(text)
	if isNothing(text) || c.labels[key] || !c.room(len(c.t.Labels), "labels") {
		return
	}
	c.labels[key] = true
	c.t.Labels = append(c.t.Labels, strings.TrimPrefix(text, "#"))
	c.concern(text, where)
	c.from("labels", where)
}

// concern notes that text, a label, component or type, names security or architecture.
func (c *collector) concern(text, where string) {
	if found := concern(text); found != "" && !slices.Contains(c.t.Concerns, found) {
		c.t.Concerns = append(c.t.Concerns, found)
		c.from("concerns", where)
	}
}

// id takes the ticket's own id, unless it is one that nothing can be recorded under.
func (c *collector) id(text, where string) {
	id := strings.Trim(oneLine(text), "`*\"'")
	switch {
	case c.t.ID != "" || isNothing(id) || isPlaceholderID(id):
	case utf8.RuneCountInString(id) > maxID:
		c.warn("the id (%s) has more than %d characters, under which nothing can be recorded; left out", where, maxID)
	default:
		c.t.ID = id
		c.from("id", where)
	}
}

func (c *collector) set(what field, text, where string) {
	switch what {
	case idField:
		c.id(text, where)
	case titleField:
		c.setTitle(text, where)
	case typeField:
		c.setWord(&c.t.Type, text, "type", where)
	case statusField:
		c.setWord(&c.t.Status, text, "status", where)
	case priorityField, severityField:
		c.setWord(&c.t.Priority, text, "priority", where)
	case parentField:
		c.setParent(text, where)
	case complexityField:
		if text = strings.Trim(text, "`*_ "); !strings.Contains(text, "|") && !isNothing(text) {
			c.complexity(text, where, where)
		}
	case sizeField: // points and hours say nothing of it
		if complexityWord(text) != "" || hardestOf(text) != "" {
			c.complexity(text, where, where)
		}
	case labelsField:
		for _, label := range labelsIn(text) {
			c.label(label, where)
		}
	case componentsField:
		for _, label := range labelsIn(text) {
			c.concern(label, where)
		}
	}
}

// setWord keeps the first value of a field. One with a bar is a template's list
// of what may be chosen.
func (c *collector) setWord(field *string, text, name, where string) {
	text = c.field(strings.Trim(text, "`*_ "), name)
	if strings.Contains(text, "|") || isNothing(text) {
		return
	}
	if name == "type" {
		c.concern(text, where)
	}
	if *field == "" {
		*field = text
		c.from(name, where)
	}
}

func (c *collector) setParent(text, where string) {
	refs := refsOf(text)
	if c.t.Parent != "" || len(refs) == 0 {
		return
	}
	c.t.Parent = c.field(refs[0], "parent")
	c.from("parent", where)
}

func (c *collector) setTitle(text, where string) {
	text = c.field(strings.TrimSpace(text), "title")
	if c.t.Title != "" || text == "" {
		return
	}
	c.t.Title = text
	c.from("title", where)
}

// dependency takes what a list of dependencies or a cell states.
func (c *collector) dependency(text, where string) { c.dependOn(where, refsOf(text)...) }

func (c *collector) dependOn(where string, ids ...string) {
	for _, id := range ids {
		if utf8.RuneCountInString(id) > maxID { // prose, which names no ticket
			c.notRead(where+":", id)
			continue
		}
		if c.opt.ref != nil {
			id = c.opt.ref(id)
		}
		key := strings.ToLower(id)
		if id == "" || c.depends[key] || !c.room(len(c.t.DependsOn), "dependencies") {
			continue
		}
		c.depends[key] = true
		c.t.DependsOn = append(c.t.DependsOn, id)
		c.from("dependencies", where)
	}
}

// file adds f or completes what is already known of its path.
func (c *collector) file(f File, where string) {
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
		c.warn("affected file %s: unknown action %q; valid: create, modify, delete", clip(f.Path, 100),
			clip(oneLine(f.Action), 40))
	}
	f.Action = normal
	c.from("files", where)
	if at, ok := c.paths[f.Path]; ok {
		old := &c.t.Files[at]
		old.Action = cmp.Or(old.Action, f.Action)
		old.Description = cmp.Or(old.Description, f.Description)
		return
	}
	if c.room(len(c.t.Files), "affected files") {
		c.paths[f.Path] = len(c.t.Files)
		c.t.Files = append(c.t.Files, f)
	}
}

var actions = byWord("action ")

// action reduces what is stated to create, modify or delete; known is false if
// it is none of them.
func action(stated string) (normal string, known bool) {
	if normal, known = actions()[stated]; known { // as it mostly is
		return normal, known
	}
	stated = strings.ToLower(strings.Trim(oneLine(stated), "`*_()[]\"'. "))
	normal, known = actions()[stated]
	return normal, known || isNothing(stated) || stated == "create/modify/delete" // the template's placeholder
}

// field makes text a one-line value and says so if it must be cut.
func (c *collector) field(text, what string) string {
	text = oneLine(text)
	if len(text) > maxField {
		c.warn("%s has %d bytes; cut to %d", what, len(text), maxField)
	}
	return clipField(text)
}

func (c *collector) finish() Ticket {
	t := &c.t
	c.chooseCriteria()
	if len(t.Files) == 0 {
		for _, b := range c.lineFile {
			c.fileBlock(b)
		}
	}
	if own := strings.ToLower(t.ID); own != "" && c.depends[own] {
		t.DependsOn = slices.DeleteFunc(t.DependsOn, func(id string) bool { return strings.EqualFold(id, own) })
		c.warn("%s names itself as a dependency; left out", clip(t.ID, 60))
	}
	c.kind()
	t.HasFrontMatter = t.HasFrontMatter || t.Status != "" || t.Priority != "" || t.Complexity != "" || len(t.Labels) > 0
	t.Closed = t.Closed || isClosed(t.Status)
	t.Draft = t.Draft || isOf("draft", normal(t.Status))
	if len(c.unread) > 0 {
		t.Warnings = append(t.Warnings, "not understood: "+strings.Join(c.unread, "; "))
	}
	if c.muted > 0 {
		t.Warnings = append(t.Warnings, fmt.Sprintf("%d more warnings", c.muted))
	}
	return *t
}

// kind settles the kind: the type, the id's prefix where it says so, a label.
func (c *collector) kind() {
	t := &c.t
	if kind := kindOfType(t.Type); kind != "" && (kind != kindTask || !c.opt.typeIsMark) {
		t.Kind = kind
	}
	prefix, _, found := strings.Cut(strings.ToUpper(t.ID), "-")
	if t.Kind == "" && t.IDStatesKind && found &&
		slices.Contains([]string{kindBug, kindFeat, kindTask, kindEpic}, prefix) {
		t.Kind = prefix
		c.from("kind", "id")
	}
	for _, label := range t.Labels {
		if t.Kind != "" {
			break
		}
		if t.Kind = kindOfLabel(label); t.Kind != "" {
			c.from("kind", "label "+label)
		}
	}
}
