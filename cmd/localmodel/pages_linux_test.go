package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
	"github.com/fjbelchi/localmodel/integration/testkit/process"
)

// The start maps 17 MB of the program, an idle server 2.
func TestServe_IdleMapsLittleOfItsProgram(t *testing.T) {
	const most = 8 << 20 // bytes
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), binary.Path(t), "serve")
	cmd.Dir = dir
	cmd.Env = binary.Env(t, "LOCALMODEL_STATE="+filepath.Join(dir, "state", "journal.db"))
	c, err := mcpchild.Open(cmd)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the server unmaps what the start needed", func() bool {
		u, err := process.ReadUsage(c.PID())
		if err != nil {
			t.Fatal(err)
		}
		return u.RSS-u.Own < most
	})
	if _, err := c.Tool("classify_ticket", `{"ticket":"# Fix it"}`); err != nil {
		t.Errorf("a call after that: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
