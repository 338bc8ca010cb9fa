package ticket

import "strings"

// isJira recognises Jira's issues as Markdown: keys, a table of fields, or lines.
func isJira(f *file) bool {
	return f.has("issuetype", "epiclink", "fixversions", "jirakey", "jira") || f.hasAll("key", "summary") ||
		strings.Contains(f.body, " Field | Value |") || strings.Contains(f.body, "\nStatus (Jira):") ||
		strings.Contains(f.body, "\n## Issue Links")
}

// isLinear recognises Linear's issues as Markdown: state, blocked_by, and blocked for
// the reverse.
func isLinear(f *file) bool {
	return f.has("identifier", "linearid", "linear") || f.isLinearList() ||
		f.has("state") && f.has("blockedby", "blocked", "relatedto", "estimate", "team", "cycle")
}

func (f *file) isLinearList() bool { return !f.headed && strings.Contains(f.body, "\nlinear_id:") }

func readLinear(f *file) (*Document, error) {
	if f.isLinearList() {
		return linearList(f), nil
	}
	return single(options{prose: true})(f)
}

// linearList reads several stories of one file: "## Title", a fenced block of keys,
// "### Acceptance Criteria".
func linearList(f *file) *Document {
	d := f.list(f.fileID(false), titleOf(f.sections()), "")
	for part := range strings.SplitSeq("\n"+f.body, "\n## ") {
		title, body, _ := strings.Cut(part, "\n")
		keys, rest, ok := fencedKeys(body)
		if !ok || len(d.Tasks) >= maxTasks {
			continue
		}
		story := &file{text: f.text, body: rest}
		if story.readKeys(keys, 1) != nil {
			d.Head.Warnings = append(d.Head.Warnings,
				"the keys of "+clip(oneLine(title), 40)+" are not valid YAML")
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
	_, after, _ := strings.Cut(body, "```y")
	_, after, _ = strings.Cut(after, "\n")
	keys, rest, ok = strings.Cut(after, "\n```")
	return keys + "\n", rest, ok && len(keys) <= maxFrontMatter
}

// isGitHub recognises an issue of GitHub as Markdown: an export with its number, the
// body of an issue form, or what `gh issue view` prints.
func isGitHub(f *file) bool {
	return f.isViewOutput() || f.has("number", "issuenumber") ||
		strings.Contains(f.body, "\n_No response_") ||
		!f.headed && isNumber(f.stem)
}

func (f *file) isViewOutput() bool { return strings.HasPrefix(f.text, "title:\t") }

func readGitHub(f *file) (*Document, error) {
	if f.isViewOutput() {
		f.viewOutput()
	}
	return single(options{prose: true})(f)
}

// viewOutput takes the lines "name:<tab>value" above "--" for keys.
func (f *file) viewOutput() {
	head, body, _ := strings.Cut(f.text, "\n--\n")
	line := 0
	for text := range strings.SplitSeq(head, "\n") {
		line++
		name, value, ok := strings.Cut(text, ":\t")
		if !ok || line > 50 {
			continue
		}
		f.keys = append(f.keys,
			key{name: normal(name), as: name, value: textNode(value, line), line: line, own: line})
	}
	f.body, f.headed, f.parts = body, true, nil
}
