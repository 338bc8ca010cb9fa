//go:build unix

package attacks

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

// swaps is how many plans are asked for in the race; make soak sets 5000.
func swaps() int {
	if n, err := strconv.Atoi(os.Getenv("LOCALMODEL_SWAPS")); err == nil {
		return n
	}
	return 100
}

// Affected files, or their directory, become a link to a secret or a pipe while
// plans are made: no secret reaches a model, and no answer is late.
func TestSwapRace(t *testing.T) {
	model := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	v := newVictim(t)
	v.file("ticket.md", strings.Replace(ticket, "[a.go]", "[src/a.go]", 1))
	v.file("src/a.go", "package open\n")
	v.env = append(v.env, "OLLAMA_HOST="+model.URL, "LOCALMODEL_MODEL="+fakeserver.Model, "LOCALMODEL_NUM_CTX=16384")
	v.ready()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go v.swap(stop, stopped)
	cmd := exec.CommandContext(t.Context(), v.program, "serve")
	cmd.Env, cmd.Dir = v.env, v.home
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	child, err := mcpchild.Open(cmd)
	if err != nil {
		t.Fatal(err)
	}
	// The file itself has to be sent at times too, however busy the machine is.
	for n := 0; n < swaps() || n%50 != 0 || n < 20*swaps() && sentOpen(t, model) == 0; n++ {
		begun := time.Now()
		if _, err := child.Ask("tools/call", `"name":"plan_ticket","arguments":{"ticket_path":"ticket.md","include_files":true,"route":"local"}`); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > late {
			t.Errorf("an answer after %s", took)
		}
	}
	close(stop)
	<-stopped
	if err := child.Close(); err != nil {
		t.Log(err)
	}
	if sentOpen(t, model) == 0 {
		t.Error("the file itself was never sent: the race tests nothing")
	}
}

// sentOpen is how many messages had the file itself; none may have the secret.
func sentOpen(t *testing.T, model *fakeserver.Server) (n int) {
	t.Helper()
	for _, sent := range model.Requests(t) {
		for _, m := range sent.Messages {
			if strings.Contains(m.Content, "secret") {
				t.Fatalf("the secret was sent: %.2000s", m.Content)
			}
			if strings.Contains(m.Content, "package open") {
				n++
			}
		}
	}
	return n
}

// swap exchanges src and src/a.go for links and pipes and back, over and over.
func (v *victim) swap(stop <-chan struct{}, stopped chan<- struct{}) {
	defer close(stopped)
	dir, aside, file := filepath.Join(v.project, "src"), filepath.Join(v.project, "aside"), filepath.Join(v.project, "src", "a.go")
	kept := filepath.Join(dir, "kept")
	outside := filepath.Join(v.home, "code", "outside")
	_ = os.MkdirAll(outside, 0o755)
	_ = os.WriteFile(filepath.Join(outside, "a.go"), []byte("secret\n"), 0o644)
	steps := []func(){
		func() { _ = os.Rename(dir, aside); _ = os.Symlink("../outside", dir) },
		func() { _ = os.Remove(dir); _ = syscall.Mkfifo(dir, 0o644) },
		func() { _ = os.Remove(dir); _ = os.Rename(aside, dir) },
		func() { _ = os.Rename(file, kept); _ = os.Symlink("../../outside/a.go", file) },
		func() { _ = os.Remove(file); _ = syscall.Mkfifo(file, 0o644) },
		func() { _ = os.Remove(file); _ = os.Rename(kept, file) },
	}
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
			steps[n%len(steps)]()
			if n%len(steps) == 2 || n%len(steps) == 5 { // all is as it should be
				time.Sleep(time.Millisecond)
			}
		}
	}
}
