//go:build unix

package attacks

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

// What people do to a working tree while a server runs in it costs no outcome:
// git clean, a removed .claude, a linked worktree that is removed.
func TestProjectCleanedWhileServing(t *testing.T) {
	v := newVictim(t)
	linked := filepath.Join(filepath.Dir(v.project), "linked")
	for _, args := range [][]string{{"init", "-q"}, {"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", "x"},
		{"worktree", "add", "-q", linked}} {
		v.git(args...)
	}
	v.file("ticket.md", ticket)
	v.env = append(v.env, "LOCALMODEL_STATE_FILE=on")
	v.ready()
	main, second := v.serve(v.project), v.serve(linked)
	for n, step := range []func(){
		func() {},
		func() { v.git("clean", "-fdxq") },
		func() {
			if err := os.RemoveAll(filepath.Join(v.project, ".claude")); err != nil {
				t.Fatal(err)
			}
		},
		func() { v.git("worktree", "remove", "--force", linked) },
	} {
		step()
		for i, child := range []*mcpchild.Child{main, second} {
			args := fmt.Sprintf(`{"ticket_id":"BUG-%d%d","gate":"commit","outcome":"pass","route":"local"}`, n, i)
			if _, err := child.Tool("record_gate_outcome", args); err != nil {
				t.Errorf("step %d, server %d: %v", n, i, err)
			}
		}
	}
	for _, child := range []*mcpchild.Child{main, second} {
		if err := child.Close(); err != nil {
			t.Error(err)
		}
	}
	r := v.run("", "call", "record_gate_outcome", `{"ticket_id":"BUG-9","gate":"commit","outcome":"pass","route":"local"}`)
	if done := gjson.Get(r.out, "stats.successCount").Int(); done != 9 {
		t.Errorf("%d outcomes of 9 are counted: %s", done, r.out+r.err)
	}
	data, _ := os.ReadFile(filepath.Join(v.project, stateFile))
	if done := gjson.GetBytes(data, "stats.localModelStats.successCount").Int(); done != 9 {
		t.Errorf("the state file counts %d of 9: %s", done, data)
	}
}

// git runs git in the project, as the user.
func (v *victim) git(args ...string) {
	v.t.Helper()
	cmd := exec.CommandContext(v.t.Context(), parts.Program(v.t, "git"), append([]string{"-c", "safe.directory=*"}, args...)...)
	cmd.Dir, cmd.Env = v.project, v.env
	if out, err := cmd.CombinedOutput(); err != nil {
		v.t.Fatalf("git %q: %v: %s", args, err, out)
	}
}

// serve starts a server in a directory, as the user.
func (v *victim) serve(dir string) *mcpchild.Child {
	v.t.Helper()
	cmd := exec.CommandContext(v.t.Context(), v.program, "serve")
	cmd.Env, cmd.Dir = append(slices.Clone(v.env), "CLAUDE_PROJECT_DIR="+dir), v.home
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	child, err := mcpchild.Open(cmd)
	if err != nil {
		v.t.Fatal(err)
	}
	return child
}
