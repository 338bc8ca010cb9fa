package draft

import (
	"cmp"
	"path/filepath"
	"strings"
)

// The states of a draft.
const (
	StateWriting = "writing" // call again to wait for it
	StateReady   = "ready"   // a patch is there
	StateNone    = "none"    // nothing usable came of it
	StateOff     = "off"     // drafting is switched off for this class of tickets
)

// Status is what the caller of plan_ticket sees of a draft.
type Status struct {
	State   string            `json:"state"`
	Done    int               `json:"done,omitempty"` // files written
	Of      int               `json:"of,omitempty"`
	Patch   string            `json:"patch_file,omitempty"`
	Stats   *Stats            `json:"stats,omitempty"`
	Checks  map[string]string `json:"checks,omitempty"` // by check: passed, or which file did not pass and why
	Missing []Missing         `json:"missing,omitempty"`
	// Verified says that every check ran and passed, on every file.
	Verified bool   `json:"verified,omitempty"`
	Why      string `json:"why,omitempty"`
	Message  string `json:"-"` // what is happening now, for progress
}

// Missing is a step of the plan without a draft.
type Missing struct {
	File string `json:"file"`
	Why  string `json:"why"`
}

const maxDetail = 120 // bytes of a detail in the status

// statusOf sums a job up.
func statusOf(j *job, dir string) Status {
	s := Status{State: StateWriting, Of: len(j.Files)}
	for _, r := range j.Files {
		if r.Done {
			s.Done++
		}
	}
	if !j.Ended {
		return s
	}
	s.State, s.Checks, s.Verified = StateNone, map[string]string{}, true
	for _, r := range j.Files {
		for _, c := range r.Checks {
			s.add(c)
		}
		if r.Done && r.After == "" {
			why := cmp.Or(r.Why, "not handed over: the project's commands failed")
			s.Missing = append(s.Missing, Missing{File: clip(r.Path, maxDetail), Why: clip(why, maxDetail)})
		}
	}
	if j.Commands != nil {
		s.add(*j.Commands)
	}
	if j.Stats.Files > 0 {
		stats := j.Stats
		s.State, s.Stats, s.Patch = StateReady, &stats, filepath.Join(dir, patchFile)
	}
	s.Verified = s.Verified && s.State == StateReady && len(s.Missing) == 0
	return s
}

// add notes a check. What has not passed is named.
func (s *Status) add(c Check) {
	const most = 300
	if c.State == Passed {
		s.Checks[c.Name] = cmp.Or(s.Checks[c.Name], string(Passed))
		return
	}
	s.Verified = false
	text := string(c.State)
	if c.File != "" {
		text += " " + c.File
	}
	if c.Detail != "" {
		text += ": " + clip(c.Detail, maxDetail)
	}
	if before := s.Checks[c.Name]; before != "" && before != string(Passed) {
		text = before + "; " + text
	}
	s.Checks[c.Name] = strings.TrimSpace(clip(text, most))
}
