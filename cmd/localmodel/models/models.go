// Package models knows coder models that this program can recommend: their
// download size, the memory they take, and what they are good for. The table is
// models.tsv.
package models

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed models.tsv
var table string

// Model is one row of the table.
type Model struct {
	Name     string
	Download int64 // bytes, of the weights
	Context  int   // tokens that the model was made for
	GPUOnly  bool  // too slow without a GPU
	GoodFor  string
	Licence  string
	Sources  []string

	perToken int64 // bytes of context for each token
}

// Memory is the bytes that the model takes with a context of so many tokens.
func (m Model) Memory(tokens int) int64 { return m.Download + m.perToken*int64(tokens) }

// All lists the table, best first.
func All() []Model {
	var all []Model
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m, err := parse(strings.Split(line, "\t"))
		if err != nil {
			panic(fmt.Sprintf("models.tsv: %v: %q", err, line)) // a test reads every row
		}
		all = append(all, m)
	}
	return all
}

func parse(cells []string) (Model, error) {
	const columns = 10
	if len(cells) != columns {
		return Model{}, fmt.Errorf("%d columns, not %d", len(cells), columns)
	}
	var numbers [5]int64
	for i := range numbers {
		n, err := strconv.ParseInt(cells[i+1], 10, 64)
		if err != nil || n <= 0 {
			return Model{}, fmt.Errorf("column %d is no number above 0", i+2)
		}
		numbers[i] = n
	}
	const keyAndValue, bytesEach = 2, 2
	return Model{
		Name:     cells[0],
		Download: numbers[0],
		Context:  int(numbers[4]),
		GPUOnly:  cells[6] == "only",
		GoodFor:  cells[7],
		Licence:  cells[8],
		Sources:  strings.Fields(cells[9]),
		perToken: numbers[1] * numbers[2] * numbers[3] * keyAndValue * bytesEach,
	}, nil
}

// Find returns the row of a model.
func Find(name string) (Model, bool) {
	for _, m := range All() {
		if m.Name == name {
			return m, true
		}
	}
	return Model{}, false
}

// Room is what a machine has for a model, in bytes; 0 = not known.
type Room struct {
	Memory int64
	GPU    int64 // memory of its graphics card; on Apple's processors, all of Memory
}

// share of a machine's memory that a model may take: the rest is for the
// system, the editor and the program that is worked on.
const share = 0.75

// usable is the part of the memory that a model may take.
func (r Room) usable() int64 { return int64(float64(r.Memory) * share) }

// Fits reports whether a model that takes so many bytes runs well here; true
// where the memory is not known.
func (r Room) Fits(bytes int64) bool {
	return r.Memory == 0 || bytes <= max(r.usable(), r.GPU)
}

// smallestWindow is the fewest tokens of context that a recommendation gives
// up to: a ticket with its affected files still fits.
const smallestWindow = 16384

// Recommend returns the best model for a machine, and the tokens of context it
// has room for there: window, half of it, or what the model was made for. false where nothing fits.
func Recommend(r Room, window int) (Model, int, bool) {
	for _, m := range All() {
		room := max(r.usable(), r.GPU)
		if m.GPUOnly {
			room = r.GPU
		}
		if r.Memory == 0 && !m.GPUOnly {
			room = smallMachine
		}
		for tokens := min(window, m.Context); tokens >= min(window, smallestWindow); tokens /= 2 {
			if m.Memory(tokens) <= room {
				return m, tokens, true
			}
		}
	}
	return Model{}, 0, false
}

// smallMachine is what a machine is taken to have room for where its memory is
// not known.
const smallMachine = 6e9

// About is what is known of a download, in brackets: size, licence, and the
// bytes that are free for it (0 = not known).
func About(name string, free int64) string {
	parts := []string{"size not known"}
	if m, known := Find(name); known {
		parts = []string{Size(m.Download), m.Licence + " licence"}
	}
	if free > 0 {
		parts = append(parts, Size(free)+" free on the disk")
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// Size writes bytes as downloads are sold.
func Size(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
