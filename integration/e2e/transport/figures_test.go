package transport

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
)

// A client's model pays for every byte of the list, in every session.
const maxListBytes = 6000

// TestFigures measures what a client waits for and pays: it holds the size of
// tools/list as it goes over the wire, and logs the rest.
func TestFigures(t *testing.T) {
	binary.Path(t) // built before anything is timed
	for _, e := range []era{legacy, modern} {
		runs := 1
		if testkit.Measuring() {
			runs = 30
		}
		var first []time.Duration
		var rss []int
		for range runs {
			began := time.Now()
			s := spawn(t, e)
			first = append(first, time.Since(began))
			if rss = append(rss, memory(t, s, "VmRSS")); len(rss) < runs {
				s.closes()
				continue
			}
			list := s.ask("1", "tools/list", "")
			if got := len(list.Raw) + 1; got >= maxListBytes {
				t.Errorf("%s: tools/list has %d bytes, want less than %d", e, got, maxListBytes)
			} else {
				t.Logf("%s: tools/list has %d bytes", e, got)
			}
			holdsTools(t, list.Get("result.tools"))
			s.closes()
		}
		slices.Sort(first)
		slices.Sort(rss)
		t.Logf("%s: spawn to first answer %s median, %s to %s, of %d; idle %.1f MB", e, first[runs/2].Round(time.Millisecond/10),
			first[0].Round(time.Millisecond/10), first[runs-1].Round(time.Millisecond/10), runs, float64(rss[runs/2])/1e6)
	}
}

func holdsTools(t *testing.T, tools gjson.Result) {
	t.Helper()
	var names []string
	for _, tool := range tools.Array() {
		names = append(names, tool.Get("name").Str)
	}
	if got, want := fmt.Sprint(names), "[check_local_health classify_ticket plan_ticket record_gate_outcome]"; got != want {
		t.Errorf("tools %s, want %s", got, want)
	}
}
