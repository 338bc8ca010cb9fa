package draft

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/tools/draft/parse"
)

// project is a working tree of two files and a manager over it.
type project struct {
	root, state string
	asked       atomic.Int64
}

func newProject(t *testing.T) *project {
	t.Helper()
	p := &project{root: t.TempDir(), state: t.TempDir()}
	write(t, filepath.Join(p.root, "a.go"), goFile)
	write(t, filepath.Join(p.root, "b.go"), strings.ReplaceAll(goFile, "cart", "till"))
	return p
}

func (p *project) read(_ context.Context, _, name string) (File, error) {
	data, err := os.ReadFile(filepath.Join(p.root, name))
	if errors.Is(err, os.ErrNotExist) {
		return File{Path: name}, nil
	}
	return File{Path: name, Text: string(data), Exists: true}, err
}

func (p *project) spec() Spec {
	return Spec{
		Project: "p", TicketID: "T-1", Ticket: "count", Plan: "plan",
		Targets: []Target{{Path: "a.go", Step: "use var"}, {Path: "b.go", Step: "use var"}},
		Allowed: []string{"a.go", "b.go"},
	}
}

// manager answers each prompt by what script returns for its n-th call, from 1.
func (p *project) manager(t *testing.T, script func(ctx context.Context, n int, prompt Prompt) string) *Manager {
	t.Helper()
	m := NewManager(Config{Dir: p.state, Read: p.read, Secrets: func(string) []string { return nil },
		Ask: func(ctx context.Context, prompt Prompt) error {
			reply := []byte(script(ctx, int(p.asked.Add(1)), prompt))
			err := prompt.Accept(reply)
			if err != nil && prompt.Repair != nil {
				prompt.User = prompt.Repair(reply, err)
				err = prompt.Accept([]byte(script(ctx, int(p.asked.Add(1)), prompt)))
			}
			return err
		}})
	t.Cleanup(m.Close)
	return m
}

// good is the right reply for whichever file the prompt shows.
func good(prompt Prompt) string {
	text := goFile
	if strings.Contains(prompt.User, "package till") {
		text = strings.ReplaceAll(goFile, "cart", "till")
	}
	return "```go\n" + strings.Replace(text, "sum := 0", "var sum int", 1) + "```"
}

func draftOf(t *testing.T, m *Manager, s Spec) Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	st, err := m.Draft(ctx, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestDraft_ReadyPatch(t *testing.T) {
	p := newProject(t)
	m := p.manager(t, func(_ context.Context, _ int, prompt Prompt) string { return good(prompt) })
	st := draftOf(t, m, p.spec())
	if st.State != StateReady || st.Stats == nil || st.Stats.Files != 2 || len(st.Missing) != 0 {
		t.Fatalf("got %+v, want a patch of two files", st)
	}
	if st.Verified || !strings.Contains(st.Checks[CheckCommands], "no command") {
		t.Errorf("commands did not run, but checks say %v, verified=%v", st.Checks, st.Verified)
	}
	patch, err := os.ReadFile(st.Patch)
	if err != nil || strings.Count(string(patch), "+\tvar sum int") != 2 {
		t.Errorf("patch (%v):\n%s", err, patch)
	}
	if data, _ := os.ReadFile(filepath.Join(p.root, "a.go")); string(data) != goFile {
		t.Error("the working tree was changed")
	}
	before := p.asked.Load()
	if again := draftOf(t, m, p.spec()); again.State != StateReady || p.asked.Load() != before {
		t.Errorf("the same call again asked the model or lost the patch: %+v", again)
	}
}

func TestDraft_FileWithoutUsableReply_IsMissing(t *testing.T) {
	p := newProject(t)
	m := p.manager(t, func(_ context.Context, _ int, prompt Prompt) string {
		if strings.Contains(prompt.User, "package till") || strings.Contains(prompt.User, "cannot be used") {
			return "```go\npackage till\n// TODO: all\n```"
		}
		return good(prompt)
	})
	st := draftOf(t, m, p.spec())
	if st.State != StateReady || len(st.Missing) != 1 || st.Missing[0].File != "b.go" || !strings.Contains(st.Missing[0].Why, CheckPlaceholder) {
		t.Fatalf("got %+v, want b.go missing for a placeholder", st)
	}
	if patch, _ := os.ReadFile(st.Patch); strings.Contains(string(patch), "b.go") {
		t.Errorf("what failed a check is in the patch:\n%s", patch)
	}
}

func TestDraft_RepairTurn(t *testing.T) {
	p := newProject(t)
	m := p.manager(t, func(_ context.Context, n int, prompt Prompt) string {
		if n == 1 {
			return "```go\npackage cart\nfunc {\n```"
		}
		return good(Prompt{User: map[bool]string{true: "package till"}[strings.Contains(prompt.User, "package till")]})
	})
	if st := draftOf(t, m, p.spec()); st.State != StateReady || len(st.Missing) != 0 {
		t.Fatalf("got %+v, want the repaired draft", st)
	}
}

func TestDraft_OutsideTheTicket_IsNotAsked(t *testing.T) {
	p := newProject(t)
	m := p.manager(t, func(context.Context, int, Prompt) string { return "" })
	s := p.spec()
	s.Targets, s.Allowed = []Target{{Path: "a.go"}}, []string{"c.go"}
	st := draftOf(t, m, s)
	if st.State != StateNone || p.asked.Load() != 0 || !strings.Contains(st.Checks[CheckScope], "a.go") {
		t.Fatalf("got %+v after %d questions, want a.go refused unasked", st, p.asked.Load())
	}
}

func TestDraft_BaseChangedMeanwhile_IsNotHandedOver(t *testing.T) {
	p := newProject(t)
	m := p.manager(t, func(_ context.Context, n int, prompt Prompt) string {
		if n == 2 {
			write(t, filepath.Join(p.root, "a.go"), goFile+"\n// somebody was here\n")
		}
		return good(prompt)
	})
	st := draftOf(t, m, p.spec())
	if len(st.Missing) != 1 || st.Missing[0].File != "a.go" || !strings.Contains(st.Checks[CheckBase], "changed") {
		t.Fatalf("got %+v, want a.go missing because it changed", st)
	}
}

func TestDraft_FailedCommands_NothingIsHandedOver(t *testing.T) {
	p := newProject(t)
	m := p.manager(t, func(_ context.Context, _ int, prompt Prompt) string { return good(prompt) })
	m.cfg.Commands = func(context.Context, Spec, []Change) Check {
		return Check{Name: CheckCommands, State: Failed, Detail: "go test: exit 1"}
	}
	st := draftOf(t, m, p.spec())
	if st.State != StateNone || st.Patch != "" || !strings.Contains(st.Checks[CheckCommands], "exit 1") {
		t.Fatalf("got %+v, want nothing handed over", st)
	}
}

// TestDraft_CallEndsBeforeTheWork holds that the work goes on when the call's
// time is up, that a call sees how far it is, and that Close ends it.
func TestDraft_CallEndsBeforeTheWork(t *testing.T) {
	p := newProject(t)
	release := make(chan struct{})
	m := p.manager(t, func(ctx context.Context, n int, prompt Prompt) string {
		if n == 2 {
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return good(prompt)
	})
	for { // until the first file is written
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		st, err := m.Draft(ctx, p.spec(), nil)
		cancel()
		if err != nil || st.State != StateWriting {
			t.Fatalf("got %+v (%v), want it writing", st, err)
		}
		if st.Done == 1 && st.Of == 2 {
			break
		}
	}
	other := p.manager(t, func(context.Context, int, Prompt) string { t.Error("two write one draft"); return "" })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if st, err := other.Draft(ctx, p.spec(), nil); err != nil || st.State != StateWriting || st.Done != 1 {
		t.Errorf("another window sees %+v (%v), want writing, 1 of 2", st, err)
	}
	close(release)
	if st := draftOf(t, m, p.spec()); st.State != StateReady {
		t.Fatalf("got %+v, want it ready", st)
	}
}

// TestDraft_AnotherPlan_ReplacesTheOne holds that one draft a ticket is at work.
func TestDraft_AnotherPlan_ReplacesTheOne(t *testing.T) {
	p := newProject(t)
	m := p.manager(t, func(ctx context.Context, _ int, prompt Prompt) string {
		if strings.Contains(prompt.User, "old plan") {
			<-ctx.Done()
			return ""
		}
		return good(prompt)
	})
	old := p.spec()
	old.Plan = "old plan"
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if st, _ := m.Draft(ctx, old, nil); st.State != StateWriting {
		t.Fatalf("got %+v, want the old one writing", st)
	}
	if st := draftOf(t, m, p.spec()); st.State != StateReady {
		t.Fatalf("got %+v, want the new one ready", st)
	}
}

const childEnv = "LOCALMODEL_TEST_DRAFT_CHILD"

// parseWord makes this test binary the parser's process.
const parseWord = "parse-input"

func parserHere() []string { return []string{os.Args[0], parseWord} }

// TestMain is also the child process that is killed in mid-draft, and the
// parser's.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == parseWord {
		os.Exit(parse.Input(os.Args[2], os.Stdin, os.Stderr))
	}
	if dirs := os.Getenv(childEnv); dirs != "" {
		root, state, _ := strings.Cut(dirs, "|")
		p := &project{root: root, state: state}
		manager := NewManager(Config{Dir: state, Read: p.read, Ask: func(_ context.Context, prompt Prompt) error {
			if p.asked.Add(1) == 2 {
				fmt.Println("second file") // the first is saved by now
				select {}
			}
			return prompt.Accept([]byte(good(prompt)))
		}})
		_, _ = manager.Draft(context.Background(), p.spec(), nil)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestDraft_KilledServer_GoesOnWhereItStood(t *testing.T) {
	p := newProject(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+p.root+"|"+p.state)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err := child.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = child.Wait()
	if err != nil || line != "second file\n" {
		t.Fatalf("the child said %q (%v)", line, err)
	}
	m := p.manager(t, func(_ context.Context, _ int, prompt Prompt) string { return good(prompt) })
	s, found := m.Resume("p", "T-1", "count")
	if !found || s.Plan != "plan" {
		t.Fatalf("the plan of the killed server is lost: %+v, %v", s, found)
	}
	if st := draftOf(t, m, s); st.State != StateReady || p.asked.Load() != 1 {
		t.Fatalf("got %+v after %d questions, want the second file alone asked for", st, p.asked.Load())
	}
	if _, found := m.Resume("p", "T-1", "another text"); found {
		t.Error("a ticket that changed resumes the old plan")
	}
}

func TestTidy_OldDraftsGo(t *testing.T) {
	p := newProject(t)
	for i := range keepMost + 5 {
		dir := filepath.Join(p.state, fmt.Sprintf("%02d", i))
		write(t, filepath.Join(dir, jobFile), "{}")
		at := time.Now().Add(-time.Duration(i) * time.Minute)
		if i == 0 {
			at = time.Now().Add(-keepFor - time.Hour)
		}
		if err := os.Chtimes(dir, at, at); err != nil {
			t.Fatal(err)
		}
	}
	m := p.manager(t, func(_ context.Context, _ int, prompt Prompt) string { return good(prompt) })
	draftOf(t, m, p.spec())
	m.Close()
	entries, err := os.ReadDir(p.state)
	if err != nil || len(entries) != keepMost+1 {
		t.Errorf("%d drafts are kept (%v), want %d", len(entries), err, keepMost+1)
	}
	if _, err := os.Stat(filepath.Join(p.state, "00")); err == nil {
		t.Error("a draft older than the limit is kept")
	}
}
