package prompts

import "strings"

// Content counts what a programmer can go by in a plan.
type Content struct {
	Steps  int `json:"steps"` // that change a file which is there
	Where  int `json:"where"` // of them, those that name a place in it
	Tests  int `json:"tests"`
	Named  int `json:"named"` // tests with a name
	Verify int `json:"verify"`
}

// ContentOf counts the content of a plan, accepted or not.
func (q PlanQuestion) ContentOf(r PlanReply) Content {
	c := Content{Verify: len(r.Verify)}
	for _, s := range q.steps(r) {
		if s.Action != "modify" {
			continue
		}
		c.Steps++
		if strings.TrimSpace(s.Where) != "" && q.lost(s) == "" {
			c.Where++
		}
	}
	for _, t := range q.tests(r) {
		c.Tests++
		if strings.TrimSpace(t.Name) != "" {
			c.Named++
		}
	}
	return c
}
