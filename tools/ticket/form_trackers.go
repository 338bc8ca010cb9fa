package ticket

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// jiraForm is Jira's issues as Markdown: keys, a table of fields, or lines.
type jiraForm struct{}

func (jiraForm) Name() string { return "Jira" }

func (jiraForm) Place() string { return "exported issues: Jira's keys, a table of fields, or lines" }

func (jiraForm) Recognise(f *file) bool {
	return f.has("issuetype", "epiclink", "fixversions", "jirakey", "jira") || f.hasAll("key", "summary") ||
		strings.Contains(f.body, "| Field | Value |") || strings.Contains(f.body, "\nStatus (Jira):") ||
		strings.Contains(f.body, "\n## Issue Links")
}

func (jiraForm) Read(f *file) (*Document, error) {
	c := markdown(f, options{prose: true})
	c.id(f.fileID(false), "file name")
	return &Document{Head: c.finish()}, nil
}

// linearForm is Linear's issues as Markdown: state, blocked_by, and blocked for the
// reverse.
type linearForm struct{}

func (linearForm) Name() string { return "Linear" }

func (linearForm) Place() string { return "exported issues: Linear's keys, or a list with `linear_id`" }

func (linearForm) Recognise(f *file) bool {
	return f.has("identifier", "linearid", "linear") || f.has("state") &&
		f.has("blockedby", "blocked", "relatedto", "estimate", "team", "cycle") ||
		!f.headed && strings.Contains(f.body, "\nlinear_id:")
}

func (linearForm) Read(f *file) (*Document, error) {
	if !f.headed && strings.Contains(f.body, "\nlinear_id:") {
		return linearList(f), nil
	}
	c := markdown(f, options{prose: true})
	c.id(f.fileID(false), "file name")
	return &Document{Head: c.finish()}, nil
}

// linearList reads several stories of one file: "## Title", a fenced block of keys,
// "### Acceptance Criteria".
func linearList(f *file) *Document {
	d := &Document{Several: true, Head: Ticket{ID: f.fileID(false), Body: f.body, HasFrontMatter: true}}
	sections := f.sections()
	d.Head.Title = titleOf(sections)
	for part := range strings.SplitSeq("\n"+f.body, "\n## ") {
		title, body, _ := strings.Cut(part, "\n")
		keys, rest, ok := fencedKeys(body)
		if !ok || len(d.Tasks) >= maxTasks {
			continue
		}
		story := &file{text: f.text, body: rest}
		if story.readKeys(keys, 1) != nil {
			d.Head.Warnings = append(d.Head.Warnings, "the keys of "+clip(oneLine(title),
				40)+" are not valid YAML")
			continue
		}
		c := newCollector(story, options{})
		c.setTitle(title, "heading")
		if k := story.key("linearid"); k != nil {
			c.id(text(k.value), k.as)
		}
		c.keys(story)
		c.sections(outline(rest))
		c.id(slug(c.t.Title), "heading")
		c.t.Local = c.t.ID
		c.t.Body = "# " + part
		d.Tasks = append(d.Tasks, c.finish())
	}
	return d
}

// fencedKeys splits a fenced block of YAML from the text after it.
func fencedKeys(body string) (keys, rest string, ok bool) {
	_, after, ok := strings.Cut(body, "```y")
	if !ok {
		return "", "", false
	}
	_, after, _ = strings.Cut(after, "\n")
	keys, rest, ok = strings.Cut(after, "\n```")
	return keys + "\n", rest, ok && len(keys) <= maxFrontMatter
}

// githubForm is an issue of GitHub as Markdown: an export with its number, the body of
// an issue form, or what `gh issue view` prints.
type githubForm struct{}

func (githubForm) Name() string { return "GitHub" }

func (githubForm) Place() string {
	return "exported issues, the body of an issue form, or what GitHub's program gh prints of one"
}

func (githubForm) Recognise(f *file) bool {
	return strings.HasPrefix(f.text, "title:\t") || f.has("number", "issuenumber") ||
		strings.Contains(f.body, "\n_No response_") ||
		!f.headed && isNumber(f.stem)
}

func (githubForm) Read(f *file) (*Document, error) {
	if strings.HasPrefix(f.text, "title:\t") {
		f.viewOutput()
	}
	c := markdown(f, options{prose: true})
	c.id(f.fileID(false), "file name")
	return &Document{Head: c.finish()}, nil
}

// viewOutput takes the lines "name:<tab>value" above "--" for keys.
func (f *file) viewOutput() {
	head, body, ok := strings.Cut(f.text, "\n--\n")
	if !ok {
		head, body = f.text, ""
	}
	line := 0
	for text := range strings.SplitSeq(head, "\n") {
		line++
		name, value, ok := strings.Cut(text, ":\t")
		if !ok || line > 50 {
			continue
		}
		node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
		f.keys = append(f.keys, key{name: normal(name), as: name, value: node, line: line, own: line})
	}
	f.body, f.headed, f.parts = body, true, nil
}
