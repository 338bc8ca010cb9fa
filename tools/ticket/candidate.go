package ticket

import (
	"path"
	"strings"
)

// noTickets are files that are kept beside tickets and are none.
var noTickets = map[string]bool{"readme": true, "changelog": true, "contributing": true, "license": true,
	"licence": true, "code_of_conduct": true,
	"security": true, "support": true, "agents": true, "claude": true, "gemini": true,
	"copilot-instructions": true, "index": true, "_index": true,
	"template": true, "_template": true, "constitution": true, "memory": true, "config": true,
	"maintainers": true, "authors": true, "governance": true}

// noTicketFolders are folders of tools that hold other things.
var noTicketFolders = []string{"backlog/docs/", "backlog/decisions/", "backlog/milestones/",
	".kiro/steering/", ".kiro/hooks/", ".specify/",
	"templates/", ".github/", "node_modules/"}

// IsCandidate reports whether a file of a folder may hold tickets, by its path alone.
func IsCandidate(name string) bool {
	lower := strings.ToLower(name)
	base := path.Base(lower)
	stem := strings.TrimSuffix(base, path.Ext(base))
	for _, folder := range noTicketFolders {
		if strings.HasPrefix(lower, folder) || strings.Contains(lower, "/"+folder) {
			return false
		}
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
var hiddenFolders = map[string]bool{".backlog": true, ".beads": true, ".kiro": true, ".taskmaster": true,
	".kanbn": true}

// skippedFolders are folders in which nobody keeps tickets.
var skippedFolders = map[string]bool{"node_modules": true, "vendor": true, "dist": true, "build": true,
	"target": true, "testdata": true, "__pycache__": true}

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
