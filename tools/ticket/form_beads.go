package ticket

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
)

// beadsForm is Beads' export: a JSON object a line.
type beadsForm struct{}

func (beadsForm) Name() string { return "Beads" }

func (beadsForm) Place() string { return "its export, `*.jsonl`: a JSON object a line" }

func (beadsForm) Recognise(f *file) bool {
	if f.ext == ".jsonl" {
		return true
	}
	first, _, _ := bytes.Cut(bytes.TrimSpace(f.data), []byte("\n"))
	return f.path == "" && bytes.HasPrefix(first, []byte("{")) &&
		bytes.Contains(first, []byte(`"issue_type"`))
}

type beadsIssue struct {
	ID, Title, Description, Design, Notes, Status, Priority, Assignee loose
	IssueType                                                         loose           `json:"issue_type"`
	AcceptanceCriteria                                                loose           `json:"acceptance_criteria"`
	ClosedAt                                                          loose           `json:"closed_at"`
	Parent                                                            loose           `json:"parent"`
	Labels                                                            looseList       `json:"labels"`
	Dependencies                                                      json.RawMessage `json:"dependencies"`
	Marker                                                            loose           `json:"_type"`
}

type beadsDependency struct {
	ID, Type    loose
	IssueID     loose `json:"issue_id"`
	DependsOnID loose `json:"depends_on_id"`
	TargetID    loose `json:"target_id"`
	DepType     loose `json:"dep_type"`
	LongType    loose `json:"dependency_type"`
}

func (beadsForm) Read(f *file) (*Document, error) {
	d := &Document{Several: true, Head: Ticket{Body: f.text, HasFrontMatter: true}}
	bad, firstBad, number := 0, 0, 0
	seen := map[string]bool{}
	for line := range strings.SplitSeq(f.text, "\n") {
		number++
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var in beadsIssue
		if jsonTooDeep([]byte(line)) || json.Unmarshal([]byte(line), &in) != nil {
			if bad++; bad == 1 {
				firstBad = number
			}
			continue
		}
		if in.Marker != "" && in.Marker != "issue" || in.ID == "" || in.Title == "" && in.IssueType == "" {
			continue // a memory, an event
		}
		if len(d.Tasks) >= maxTasks {
			d.Head.Warnings = append(d.Head.Warnings, fmt.Sprintf("more than %d issues; the rest is left out",
				maxTasks))
			break
		}
		t := in.ticket()
		if key := strings.ToLower(t.ID); t.ID != "" && !seen[key] {
			seen[key] = true
			d.Tasks = append(d.Tasks, t)
		}
	}
	if bad > 0 {
		d.Head.Warnings = append(d.Head.Warnings,
			fmt.Sprintf("%d lines are no JSON, the first is line %d; left out", bad, firstBad))
	}
	if bad > 0 && len(d.Tasks) == 0 && bad == strings.Count(strings.TrimSpace(f.text), "\n")+1 {
		return nil, errJSON(fmt.Sprintf("has no line of JSON (line %d)", firstBad))
	}
	return d, nil
}

func (in *beadsIssue) ticket() Ticket {
	c := &collector{paths: map[string]int{}, depends: map[string]bool{}, labels: map[string]bool{}}
	c.id(string(in.ID), "id")
	c.t.Local = c.t.ID
	c.setTitle(string(in.Title), "title")
	c.setType(string(in.IssueType), "issue_type")
	c.setStatus(string(in.Status), "status")
	c.setPriority(string(in.Priority), "priority")
	for _, label := range in.Labels {
		c.label(string(label), "labels")
	}
	c.beadsDependencies(in.Dependencies)
	c.setParent(string(in.Parent), "parent")
	if in.AcceptanceCriteria != "" {
		c.criteria[acceptance] = []block{{where: "acceptance_criteria",
			lines: strings.Split(string(in.AcceptanceCriteria), "\n")}}
	}
	c.opt.ignoreDepends = true
	title := c.t.Title
	c.sections(outline(string(in.Description)))
	c.t.Title = title
	c.t.Closed = c.t.Closed || in.Status == "tombstone" || in.Status == "" && in.ClosedAt != ""
	c.t.Body = joinSections(string(in.Title), "", string(in.Description), "Acceptance Criteria",
		string(in.AcceptanceCriteria),
		"Design", string(in.Design), "Notes", string(in.Notes))
	return c.finish()
}

// beadsDependencies reads the edges: "blocks" makes this issue wait, "parent-child"
// names its parent, the others do not wait.
func (c *collector) beadsDependencies(raw json.RawMessage) {
	var edges []beadsDependency
	if json.Unmarshal(raw, &edges) != nil {
		var ids looseList
		if json.Unmarshal(raw, &ids) == nil {
			for _, id := range ids {
				c.dependOn(string(id), "dependencies")
			}
		}
		return
	}
	for _, e := range edges {
		to, kind := cmp.Or(string(e.DependsOnID), string(e.TargetID), string(e.ID)),
			string(e.Type+e.DepType+e.LongType)
		switch {
		case strings.Contains(kind, "parent"):
			c.setParent(to, "dependencies parent-child")
		case kind == "" || strings.Contains(kind, "block") || strings.Contains(kind, "wait"):
			c.dependOn(to, "dependencies")
		}
	}
}
