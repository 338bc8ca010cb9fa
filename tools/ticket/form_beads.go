package ticket

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
)

// isBeads recognises Beads' export: a JSON object a line.
func isBeads(f *file) bool {
	first, _, _ := strings.Cut(strings.TrimSpace(f.text), "\n")
	return f.ext == ".jsonl" ||
		f.path == "" && strings.HasPrefix(first, "{") && strings.Contains(first, `"issue_type"`)
}

type beadsIssue struct {
	ID, Title, Description, Design, Notes, Status, Priority, Parent loose

	IssueType          loose `json:"issue_type"`
	AcceptanceCriteria loose `json:"acceptance_criteria"`
	ClosedAt           loose `json:"closed_at"`
	Marker             loose `json:"_type"`
	Labels             looseList
	Dependencies       json.RawMessage
}

type beadsDependency struct {
	ID, Type    loose
	DependsOnID loose `json:"depends_on_id"`
	TargetID    loose `json:"target_id"`
	DepType     loose `json:"dep_type"`
	LongType    loose `json:"dependency_type"`
}

func readBeads(f *file) (*Document, error) {
	d := f.list("", "", "")
	bad, firstBad, number := 0, 0, 0
	seen := map[string]bool{}
	for line := range strings.SplitSeq(f.text, "\n") {
		number++
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var in beadsIssue
		if checkJSON(line) != nil || json.Unmarshal([]byte(line), &in) != nil {
			if bad++; bad == 1 {
				firstBad = number
			}
			continue
		}
		if in.Marker != "" && in.Marker != "issue" || in.ID == "" || in.Title == "" && in.IssueType == "" {
			continue // a memory, an event
		}
		if len(d.Tasks) >= maxTasks {
			d.Head.Warnings = append(d.Head.Warnings,
				fmt.Sprintf("more than %d issues; the rest is left out", maxTasks))
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
	c := newCollector(&file{}, options{})
	c.id(string(in.ID), "id")
	c.t.Local = c.t.ID
	c.setTitle(string(in.Title), "title")
	title := c.t.Title
	c.set(typeField, string(in.IssueType), "issue_type")
	c.set(statusField, string(in.Status), "status")
	c.set(priorityField, string(in.Priority), "priority")
	for _, label := range in.Labels {
		c.label(string(label), "labels")
	}
	c.beadsDependencies(in.Dependencies)
	c.setParent(string(in.Parent), "parent")
	c.criteriaText(acceptance, string(in.AcceptanceCriteria), "acceptance_criteria")
	c.opt.ignoreDepends = true
	c.sections(outline(string(in.Description)))
	c.t.Title = title
	c.t.Closed = in.Status == "tombstone" || in.Status == "" && in.ClosedAt != ""
	c.t.Body = joinSections(string(in.Title), "", string(in.Description),
		"Acceptance Criteria", string(in.AcceptanceCriteria), "Design", string(in.Design),
		"Notes", string(in.Notes))
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
				c.dependOn("dependencies", string(id))
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
			c.dependOn("dependencies", to)
		}
	}
}
