package ticket

// plainForm is any other Markdown: bullets of fields, fields as sections, bold keys,
// minimal front matter, prose.
type plainForm struct{}

func (plainForm) Name() string { return "markdown" }

func (plainForm) Place() string {
	return "any other Markdown file: headings, bullets and bold keys become fields"
}

func (plainForm) Recognise(*file) bool { return true }

func (plainForm) Read(f *file) (*Document, error) {
	c := markdown(f, options{prefixIsKind: true, prose: true})
	c.id(f.fileID(false), "file name")
	return &Document{Head: c.finish()}, nil
}
