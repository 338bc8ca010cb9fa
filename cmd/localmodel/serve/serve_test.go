package serve

import (
	"runtime"
	"testing"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
)

func TestSpareProcessors(t *testing.T) {
	before := runtime.GOMAXPROCS(2)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	spareProcessors(app.Env{Lookup: func(string) (string, bool) { return "2", true }})
	if n := runtime.GOMAXPROCS(0); n != 2 {
		t.Errorf("set through GOMAXPROCS: got %d, want 2", n)
	}
	for start, want := range map[int]int{2: leastProcessors, leastProcessors + 1: leastProcessors + 1} {
		runtime.GOMAXPROCS(start)
		spareProcessors(app.Env{Lookup: func(string) (string, bool) { return "", false }})
		if n := runtime.GOMAXPROCS(0); n != want {
			t.Errorf("from %d: got %d, want %d", start, n, want)
		}
	}
}
