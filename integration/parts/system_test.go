package parts

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// ending notes how a test would have ended.
type ending struct {
	testing.TB
	said string
}

func (r *ending) Helper() {}

func (r *ending) Fatalf(format string, args ...any) { r.end("failed", format, args) }
func (r *ending) Skipf(format string, args ...any)  { r.end("skipped", format, args) }

func (r *ending) end(how, format string, args []any) {
	r.said = how + ": " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestProgram_ThatIsMissing(t *testing.T) {
	for required, want := range map[string]string{
		"":                            "skipped: no-such-program: it is not on the PATH",
		"ollama,no-such-program,node": "failed: REQUIRE names no-such-program: it is not on the PATH",
	} {
		t.Setenv("REQUIRE", required)
		r := &ending{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			Program(r, "no-such-program")
		}()
		<-done
		if r.said != want {
			t.Errorf("REQUIRE=%s: %q, want %q", required, r.said, want)
		}
	}
}

// A word that is both would be ambiguous.
func TestSystem_NamesNoPart(t *testing.T) {
	for _, word := range System {
		if _, err := Lookup(word); err == nil || strings.ContainsAny(word, ", ") {
			t.Errorf("%q is a part too, or no word", word)
		}
	}
	if sorted := slices.Clone(System); len(slices.Compact(sorted)) != len(System) {
		t.Error("a word is listed twice")
	}
}
