package ticket

import "slices"

// Form is one way in which people write tickets. A new one is a file with its two
// functions, and a row in a list below.
type Form struct {
	Name string // as `explain` shows it
	// Place says in Markdown where its files lie or what they look like. The
	// table of forms in the documents is made of it.
	Place string
	// recognise looks at the path first, then at the front matter and the body.
	recognise func(f *file) bool
	read      func(f *file) (*Document, error)
}

// trackerForms are not Markdown: they are recognised before the text is cut into
// front matter and body.
var trackerForms = []Form{
	{"Beads", "its export, `*.jsonl`: a JSON object a line",
		isBeads, readBeads},
	{"Task Master", "`tasks.json`, its lists of tasks by tag",
		isTaskMaster, readTaskMaster},
	{"Task Master", "its text files, a task each",
		isTaskMasterText, readTaskMasterText},
}

// markdownForms are the forms in Markdown, in the order in which they are tried:
// those with a place of their own first, the plain one takes what is left.
var markdownForms = []Form{
	{"OpenSpec", "`openspec/changes/NAME/`: proposal, tasks and design",
		isOpenSpec, readOpenSpec},
	{"Kiro", "`.kiro/specs/NAME/tasks.md` with requirements and design beside it",
		isKiro, readKiro},
	{"spec-kitty", "`kitty-specs/FEATURE/tasks/*.md`: a work package a file",
		isSpecKitty, readSpecKitty},
	{"spec-kit", "`specs/NNN-NAME/tasks.md` with spec and plan beside it",
		isSpecKit, readSpecKit},
	{"Backlog.md", "`backlog/tasks/*.md`; completed tasks, the archive and drafts are left out",
		isBacklog, readBacklog},
	{"kanbn", "`.kanbn/tasks/*.md`, the board in `.kanbn/index.md`",
		isKanbn, readKanbn},
	{"sections", "several tickets in a file: headings `## ID: title`, each with its fields beneath",
		isSections, readSections},
	{"Jira", "exported issues: Jira's keys, a table of fields, or lines",
		isJira, single(options{prose: true})},
	{"Linear", "exported issues: Linear's keys, or a list with `linear_id`",
		isLinear, readLinear},
	{"GitHub", "exported issues, the body of an issue form, or what GitHub's program gh prints of one",
		isGitHub, readGitHub},
	{"Obsidian", "notes with TaskNotes' keys, Dataview's fields or the Tasks plug-in's marks",
		isObsidian, readObsidian},
	{"backlog-agents", "front matter with `affected_files` or `blockers`, or a table of affected files, as above",
		isOrigin, single(options{maxLevel: 3, prefixIsKind: true})},
	{"task list", "`TODO.md`, or a `tasks.md` of no other form: check boxes become tasks",
		isTodo, readTodo},
	// bullets of fields, fields as sections, bold keys, minimal front matter, prose
	{"markdown", "any other Markdown file: headings, bullets and bold keys become fields",
		func(*file) bool { return true }, single(options{prefixIsKind: true, prose: true})},
}

// Forms lists every form: those in Markdown, then those of trackers, each in the
// order in which they are tried.
func Forms() []Form { return slices.Concat(markdownForms, trackerForms) }

// single reads a file with one ticket, whose id may be in the file's name.
func single(opt options) func(f *file) (*Document, error) {
	return func(f *file) (*Document, error) {
		c := markdown(f, opt)
		c.id(f.fileID(false), "file name")
		return &Document{Head: c.finish()}, nil
	}
}

// isOrigin recognises the form of the project that localmodel grew from: front matter
// with depends_on and blockers, tables of affected files and dependencies, boxes AC-1.
func isOrigin(f *file) bool {
	return f.has("blockers", "affectedfiles", "scopeboundary", "estimatedtokens", "sharedfiles") ||
		slices.ContainsFunc(f.sections(), func(s section) bool {
			return (s.level == 2 || s.level == 3) && normal(s.title) == "affectedfiles"
		})
}
