//go:build unix

package attacks

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// Only a person at a terminal can trust, by typing the address.
func TestTrust(t *testing.T) {
	const asks = `{"llmOps":{"gateway":{"baseURL":"http://127.0.0.1:1/team"}}}`
	v := newVictim(t)
	v.file("backlog.config.json", asks)
	v.ready()
	trusted := func() bool {
		return strings.Contains(v.run("", "config").out, "http://127.0.0.1:1/team (backlog.config.json")
	}
	if r := v.run("http://127.0.0.1:1/team\n", "trust"); r.code == 0 || trusted() {
		t.Errorf("trusted without a terminal: %s%s", r.out, r.err)
	}
	for _, agent := range []string{"CLAUDECODE=1", "CLAUDE_CODE_ENTRYPOINT=cli", "CURSOR_TRACE_ID=x", "CODEX_SANDBOX=x", "GEMINI_CLI=1", "AIDER_X=1"} {
		if code, said := v.atTerminal(agent, "http://127.0.0.1:1/team"); code == 0 || trusted() {
			t.Errorf("trusted under %s: %s", agent, said)
		}
	}
	if code, said := v.atTerminal("X=", "yes"); code == 0 || trusted() || !strings.Contains(said, "http://127.0.0.1:1/team") {
		t.Errorf("trusted by another answer: %s", said)
	}
	if code, said := v.atTerminal("X=", "http://127.0.0.1:1/team"); code != 0 || !trusted() {
		t.Errorf("not trusted by its address: exit %d, %s", code, said)
	}
	v.file("backlog.config.json", strings.Replace(asks, "team", "other", 1))
	if r := v.run("", "config"); strings.Contains(r.out, "other") {
		t.Errorf("a changed value is trusted: %s", r.out)
	}
	v.file("backlog.config.json", asks)
	if r := v.run("", "trust", "--revoke"); r.code != 0 || trusted() {
		t.Errorf("still trusted: %s%s", r.out, r.err)
	}
}

// Only a person at a terminal can have a project's commands run, and sees them.
func TestTrust_Commands(t *testing.T) {
	v := newVictim(t)
	v.file("backlog.config.json", `{"qualityGates":{"testCommand":"touch /tmp/x; true"}}`)
	v.ready()
	trusted := func() bool {
		data, _ := os.ReadFile(filepath.Join(v.home, ".local", "state", "localmodel", "trust.json"))
		return strings.Contains(string(data), "touch")
	}
	if code, said := v.atTerminal("X=", "run"); trusted() || strings.Contains(said, "touch") {
		t.Errorf("drafts are off, and it asks: exit %d, %s", code, said)
	}
	if r := v.run("run\n", "trust", "--commands"); r.code == 0 || trusted() {
		t.Errorf("trusted without a terminal: %s%s", r.out, r.err)
	}
	if code, said := v.atTerminal("CLAUDECODE=1", "run", "--commands"); code == 0 || trusted() {
		t.Errorf("trusted by an agent: %s", said)
	}
	if code, said := v.atTerminal("X=", "yes", "--commands"); code == 0 || trusted() || !strings.Contains(said, "touch /tmp/x; true") {
		t.Errorf("trusted by another answer: %s", said)
	}
	if code, said := v.atTerminal("LOCALMODEL_DRAFT=on", "run"); code != 0 || !trusted() || !strings.Contains(said, "touch /tmp/x; true") {
		t.Errorf("not trusted: exit %d, %s", code, said)
	}
	if r := v.run("", "trust", "--revoke"); r.code != 0 || trusted() {
		t.Errorf("still trusted: %s%s", r.out, r.err)
	}
}

// atTerminal runs trust at a terminal and types a line.
func (v *victim) atTerminal(variable, typed string, args ...string) (code int, said string) {
	v.t.Helper()
	return v.terminal(variable, typed, append([]string{"trust"}, args...)...)
}

// terminal runs a command at a terminal and types a line.
func (v *victim) terminal(variable, typed string, args ...string) (code int, said string) {
	v.t.Helper()
	us, its, err := terminal()
	if err != nil {
		parts.Absent(v.t, "terminal", err.Error())
	}
	defer us.Close()
	ctx, stop := context.WithTimeout(v.t.Context(), late)
	defer stop()
	cmd := exec.CommandContext(ctx, v.program, args...)
	cmd.Env, cmd.Dir = slices.Concat(v.env, []string{variable}), v.home
	cmd.Stdin, cmd.Stdout, cmd.Stderr = its, its, its
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	if err := cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	_ = its.Close()
	_, _ = us.WriteString(typed + "\n")
	done := make(chan string)
	go func() {
		var all strings.Builder
		buffer := make([]byte, 4096)
		for {
			n, err := us.Read(buffer)
			all.Write(buffer[:n])
			if err != nil {
				done <- all.String()
				return
			}
		}
	}()
	_ = cmd.Wait()
	if ctx.Err() != nil {
		v.t.Errorf("%q: no end after %s", args, late)
	}
	return cmd.ProcessState.ExitCode(), <-done
}
