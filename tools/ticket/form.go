package ticket

import "slices"

// Form is one way in which people write tickets. A new one is a file with a type
// that has these methods, and a line in a list below.
type Form interface {
	Name() string // as `explain` shows it
	// Place says in Markdown where its files lie or what they look like. The
	// table of forms in the documents is made of it.
	Place() string
	// Recognise looks at the path first, then at the front matter and the body.
	Recognise(f *file) bool
	Read(f *file) (*Document, error)
}

// trackerForms are not Markdown: they are recognised before the text is cut into
// front matter and body.
var trackerForms = []Form{beadsForm{}, taskMasterForm{}, taskMasterTextForm{}}

// markdownForms are the forms in Markdown, in the order in which they are tried:
// those with a place of their own first, the plain one takes what is left.
var markdownForms = []Form{
	openSpecForm{}, kiroForm{}, specKittyForm{}, specKitForm{}, backlogForm{}, kanbnForm{},
	jiraForm{}, linearForm{}, githubForm{}, obsidianForm{}, originForm{}, todoForm{}, plainForm{},
}

// Forms lists every form: those in Markdown, then those of trackers, each in the
// order in which they are tried.
func Forms() []Form { return slices.Concat(markdownForms, trackerForms) }
