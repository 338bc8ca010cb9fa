package references

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/project"
)

// ticketExtensions are the files whose path a caller may give for an id.
var ticketExtensions = []string{".md", ".markdown", ".mdx", ".txt", ".json", ".jsonl"}

const (
	maxKnown   = 30 // tickets that an unknown id is compared with: the latest, and as many on each side of it
	maxNearest = 3
)

// RecordedID is the id that an outcome is recorded under. A path is read as the
// id of its ticket, and an id that differs from a known one in case alone as
// that one; both are said. An id that was never seen is taken as it is, with
// the nearest known ones in the warning. seen are the ids that the journal is
// known to know.
func RecordedID(ctx context.Context, p project.Project, journal History, seen *sync.Map, given string) (id, warning string) {
	id = given
	known, near, err := lookUp(ctx, journal, seen, id)
	if known {
		return id, ""
	}
	if file, _, _ := strings.Cut(id, "#"); slices.Contains(ticketExtensions, strings.ToLower(path.Ext(file))) {
		id = idOfPath(ctx, p, id)
		warning = fmt.Sprintf("%s is read as the ticket id %s", plain.Clip(given, 100), id)
		if known, near, err = lookUp(ctx, journal, seen, id); known {
			return id, warning
		}
	}
	if err != nil { // a journal that cannot be read fails the record itself
		return id, warning
	}
	if i := slices.IndexFunc(near, func(k string) bool { return strings.EqualFold(k, id) }); i >= 0 {
		return near[i], fmt.Sprintf("%s is read as the ticket id %s", plain.Clip(given, 100), near[i])
	}
	unseen := id + " was neither classified nor recorded in this project before"
	if nearest := nearestIDs(id, near); len(nearest) > 0 {
		unseen += "; known are " + strings.Join(nearest, ", ") + ". If you meant one of them, record under that id"
	}
	return id, contract.Join(warning, unseen)
}

// idOfPath is the id of the one ticket at a path, else what its file's name says.
func idOfPath(ctx context.Context, p project.Project, ref string) string {
	r := Read(ctx, p, nil, []string{ref}, "")
	if len(r.Items) == 1 && r.Items[0].Fault == nil && paths.CheckID(r.Items[0].ID) == nil {
		return r.Items[0].ID
	}
	if _, id, found := strings.Cut(ref, "#"); found {
		return id
	}
	return project.BaseName(ref)
}

// lookUp reports whether the ticket was seen in this project, and which seen ones
// an unknown id may be meant for. What was seen once is not looked up again.
func lookUp(ctx context.Context, journal History, seen *sync.Map, id string) (known bool, near []string, err error) {
	if _, found := seen.Load(id); found {
		return true, nil, nil
	}
	known, near, err = journal.Known(ctx, id, maxKnown)
	if err != nil {
		return false, nil, err
	}
	if known {
		seen.Store(id, true)
	}
	return known, near, nil
}

// nearestIDs returns the known ids that are at most two edits away, nearest
// first.
func nearestIDs(id string, known []string) []string {
	const most = 2
	distance := func(k string) int { return editDistance(strings.ToUpper(id), strings.ToUpper(k)) }
	near := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return distance(k) > most })
	slices.SortStableFunc(near, func(a, b string) int { return distance(a) - distance(b) })
	return near[:min(len(near), maxNearest)]
}

// editDistance counts the insertions, deletions and changes of bytes between a
// and b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
