package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
)

// What our packages make before main runs is paid for by every start: an
// expression, a table or a schema is made when it is first used (internal/lazy).
func TestStart_InitAllocatesLittle(t *testing.T) {
	const most, mostOfOne = 100_000, 40_000 // bytes
	cmd := exec.CommandContext(t.Context(), binary.Path(t), "version")
	cmd.Env = binary.Env(t, "GODEBUG=inittrace=1")
	var trace bytes.Buffer
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatal(err, trace.String())
	}
	sum, seen := 0, 0
	for lines := bufio.NewScanner(&trace); lines.Scan(); {
		// init PATH @1.2 ms, 0.3 ms clock, 456 bytes, 7 allocs
		head, rest, _ := strings.Cut(lines.Text(), " @")
		path, ours := strings.CutPrefix(head, "init "+module)
		parts := strings.Split(rest, ", ")
		if !ours || len(parts) != 4 {
			continue
		}
		var n int
		if _, err := fmt.Sscanf(parts[2], "%d bytes", &n); err != nil {
			t.Fatal(lines.Text(), err)
		}
		if n > mostOfOne {
			t.Errorf("init of %s allocates %d bytes, want at most %d", path, n, mostOfOne)
		}
		sum += n
		seen++
	}
	if seen == 0 {
		t.Fatal("no line of the trace names a package of ours")
	}
	if sum > most {
		t.Errorf("init of our packages allocates %d bytes, want at most %d", sum, most)
	}
	t.Logf("%d packages, %d bytes", seen, sum)
}
