package prompts

import "strings"

// DraftQuestion asks for one file of a planned change.
type DraftQuestion struct {
	ID, Ticket, Plan string
	Path, Text, Step string
	Exists           bool // the file is there; else it is to be created
	Whole            bool // the whole file is wanted; else SEARCH/REPLACE blocks
	Markdown         bool // the file may hold code fences of its own
}

// Draft renders the question as the tail that follows DraftSystem.
func Draft(q DraftQuestion) (string, error) {
	foreign := strings.Join([]string{q.ID, q.Ticket, q.Plan, q.Path, q.Text, q.Step}, "\n")
	return render(draftTemplate(), struct {
		DraftQuestion
		Fence string
	}{q, Marker(foreign)})
}

// DraftRepair describes the one repair turn: what was wrong with the reply and,
// where known, the file's real text at that place.
func DraftRepair(q DraftQuestion, why, show string) string {
	var b strings.Builder
	b.WriteString("That answer cannot be used: " + oneLine(why) + ".\n")
	if show != "" {
		marker := Marker(show)
		b.WriteString("The file reads there (with line numbers that are not part of it):\n" + Fence(marker, show) + "\n")
	}
	if q.Whole {
		b.WriteString("Write the whole file again, in one code block.")
	} else {
		b.WriteString("Write all blocks again.")
	}
	return b.String()
}
