package ticket

import (
	"path"
	"slices"
	"strings"
)

// noTickets are files that are kept beside tickets and are none.
var noTickets = set(`readme changelog contributing license licence code_of_conduct security support agents claude gemini
	copilot-instructions index _index template _template constitution memory config maintainers authors governance`)

// noTicketFolders are folders of tools that hold other things.
var noTicketFolders = []string{"backlog/docs/", "backlog/decisions/", "backlog/milestones/",
	".kiro/steering/", ".kiro/hooks/", ".specify/", "templates/", ".github/", "node_modules/"}

// IsCandidate reports whether a file of a folder may hold tickets, by its path alone.
func IsCandidate(name string) bool {
	lower := strings.ToLower(name)
	base := path.Base(lower)
	stem := strings.TrimSuffix(base, path.Ext(base))
	if slices.ContainsFunc(noTicketFolders,
		func(folder string) bool { return strings.Contains("/"+lower, "/"+folder) }) {
		return false
	}
	switch path.Ext(base) {
	case ".md", ".markdown":
		return !noTickets[stem] && (stem != "project" || !strings.Contains("/"+lower, "/openspec/"))
	case ".jsonl":
		return base == "issues.jsonl" || base == "beads.jsonl"
	case ".json":
		return base == "tasks.json"
	case ".txt":
		return strings.HasPrefix(stem, "task_")
	}
	return false
}

// hiddenFolders are folders with a dot that hold tickets.
var hiddenFolders = set(".backlog .beads .kiro .taskmaster .kanbn")

// skippedFolders are folders in which nobody keeps tickets.
var skippedFolders = set("node_modules vendor dist build target testdata __pycache__")

// IsFolder reports whether a folder is looked into for tickets, by its name.
func IsFolder(name string) bool {
	if strings.HasPrefix(name, ".") {
		return hiddenFolders[name]
	}
	return !skippedFolders[name]
}

// Limit is how many bytes of a file are read, by its path.
func Limit(name string) int64 {
	switch strings.ToLower(path.Ext(name)) {
	case ".json", ".jsonl":
		return MaxListBytes
	}
	return MaxBytes
}
