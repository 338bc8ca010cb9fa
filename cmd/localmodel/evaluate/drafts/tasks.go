// Package drafts compares models on small changes that they write: whether what
// they write applies, parses and passes the tests of the task, and how long it
// takes.
package drafts

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

// tasks holds the tasks, one a file: a head, a ticket, and the files of a
// project, each after a line `-- name --`. Those beneath solution/ are one right
// change, for the tests of this package.
//
//go:embed tasks/*.txt
var tasks embed.FS

// Task is a small ticket with a known outcome: its test fails before the change
// and passes after it.
type Task struct {
	Name     string // language, dash, subject
	Ticket   string
	Step     string            // the plan's words for the change
	File     string            // the one that is changed
	Test     string            // a line for the shell
	Files    map[string]string // of the project, File included, by name
	Solution string            // what File may be after the change
}

// Language is the task's language in a word: go, py or js.
func (t Task) Language() string {
	language, _, _ := strings.Cut(t.Name, "-")
	return language
}

// Tasks returns every task, by name.
func Tasks() ([]Task, error) {
	names, err := fs.Glob(tasks, "tasks/*.txt") // sorted
	if err != nil {
		return nil, err
	}
	out := make([]Task, 0, len(names))
	for _, name := range names {
		text, err := tasks.ReadFile(name)
		if err != nil {
			return nil, err
		}
		t, err := parseTask(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		t.Name = strings.TrimSuffix(strings.TrimPrefix(name, "tasks/"), ".txt")
		out = append(out, t)
	}
	return out, nil
}

func parseTask(text string) (Task, error) {
	t := Task{Files: map[string]string{}}
	head, rest, _ := strings.Cut(text, "\n\n")
	for line := range strings.SplitSeq(head, "\n") {
		key, value, _ := strings.Cut(line, ": ")
		field := map[string]*string{"file": &t.File, "test": &t.Test, "step": &t.Step}[key]
		if field == nil {
			return t, fmt.Errorf("unknown line %q", line)
		}
		*field = value
	}
	into := ""
	for line := range strings.Lines(rest) {
		if name, found := strings.CutPrefix(line, "-- "); found && strings.HasSuffix(name, " --\n") {
			into = strings.TrimSuffix(name, " --\n")
			continue
		}
		switch into {
		case "":
			t.Ticket += line
		case "solution/" + t.File:
			t.Solution += line
		default:
			t.Files[into] += line
		}
	}
	if t.Test == "" || t.Files[t.File] == "" || t.Solution == "" {
		return t, fmt.Errorf("a part of it is missing")
	}
	return t, nil
}
