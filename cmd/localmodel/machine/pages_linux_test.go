package machine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCleanRanges_OnlyWhatCannotBeWritten(t *testing.T) {
	var maps strings.Builder
	for _, m := range []struct {
		line      string
		anonymous int // kB
	}{
		{"00400000-012bf000 r-xp 00000000 fe:00 1 /opt/local model/localmodel", 0},
		{"012c0000-02096000 r--p 00ec0000 fe:00 1 /opt/local model/localmodel", 0},
		{"02096000-02172000 rw-p 01c96000 fe:00 1 /opt/local model/localmodel", 0},
		{"02172000-02200000 r--p 01d72000 fe:00 1 /opt/local model/localmodel", 12}, // written by the start of a PIE
		{"03000000-03001000 rwxp 00000000 fe:00 1 /opt/local model/localmodel", 0},
		{"04000000-04001000 r--s 00000000 fe:00 1 /opt/local model/localmodel", 0},
		{"05000000-05001000 r-xp 00000000 fe:00 2 /opt/another/localmodel", 0},
		{"06000000-06001000 r--p 00000000 00:00 0", 0},
		{"zz-07001000 r--p 00000000 fe:00 1 /opt/local model/localmodel", 0},
		{"c000000000-c000400000 rw-p 00000000 00:00 0", 0},
		{"7fff0000-7fff1000 r-xp 00000000 00:00 0 [vdso]", 0},
	} {
		fmt.Fprintf(&maps, "%s\nSize: 4096 kB\nRss: 2048 kB\nAnonymous: %8d kB\nVmFlags: rd ex mr mw me\n", m.line, m.anonymous)
	}
	want := []addressRange{{0x400000, 0x12bf000}, {0x12c0000, 0x2096000}}
	if got := cleanRanges(strings.NewReader(maps.String()), "/opt/local model/localmodel"); !slices.Equal(got, want) {
		t.Errorf("ranges %x, want %x", got, want)
	}
}
