package proxy_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/money"
)

// purse is the program's budget: the day's spending in the real journal.
type purse struct {
	store *statestore.Store
	cap   float64
}

func (p purse) Reserve(ctx context.Context, tier policy.Tier, estimate float64) (func(context.Context, float64) error, error) {
	id, _, err := p.store.Reserve(ctx, string(tier), estimate, p.cap)
	if errors.Is(err, money.ErrBudget) {
		return nil, &routing.Error{Tier: tier, Kind: routing.BudgetSpent, Reason: "spent", Err: err}
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, usd float64) error { return p.store.Settle(ctx, id, usd) }, nil
}

func openJournal(t *testing.T, root string) *statestore.Store {
	t.Helper()
	s := statestore.New(journal.Options{State: filepath.Join(root, "state", "journal.db"), Root: root})
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func spent(t *testing.T, s *statestore.Store) float64 {
	t.Helper()
	usd, err := s.Spent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return usd
}

// estimate is what one call of word("hi") reserves, taken from the journal.
func estimate(t *testing.T, stack *litellmtest.Stack) float64 {
	t.Helper()
	var reserved float64
	n := &notebook{}
	r := paying(t, stack, n, reserveFunc(func(_ context.Context, _ policy.Tier, usd float64) (func(context.Context, float64) error, error) {
		reserved = usd
		return nil, &routing.Error{Kind: routing.BudgetSpent, Reason: "only looking"}
	}))
	_, _ = r.Complete(t.Context(), policy.OnlyCloud, word("hi")) // refused, as it is told above
	if reserved <= 0 {
		t.Fatal("nothing was reserved")
	}
	return reserved
}

type reserveFunc func(context.Context, policy.Tier, float64) (func(context.Context, float64) error, error)

func (f reserveFunc) Reserve(ctx context.Context, t policy.Tier, usd float64) (func(context.Context, float64) error, error) {
	return f(ctx, t, usd)
}

// paying asks cheap under a budget.
func paying(t *testing.T, stack *litellmtest.Stack, ledger routing.Ledger, budget routing.Budget) *routing.Router {
	t.Helper()
	return tiers.New(t, tiers.Config{OllamaURL: "http://127.0.0.1:9", NumCtx: 4096, SlotDir: t.TempDir(), ConnectTimeout: 30 * time.Second,
		ProxyURL: stack.Proxy.URL, ProxyKey: stack.Proxy.Key, Fallback: []policy.Tier{policy.Cheap}, CloudAllowed: true}, ledger, budget)
}

func TestParallelCallsStayWithinTheCap(t *testing.T) {
	s := litellmtest.Shared(t)
	one := estimate(t, s)
	for _, c := range []struct {
		name string
		said litellmtest.Said
		held bool    // no answer comes before all 50 have been let in or refused
		cap  float64 // in estimates
		most int
	}{
		{"all at once, at the estimate", litellmtest.Said{Text: "OK"}, true, 10.001, 10},
		{"settled in between, at the true cost", litellmtest.Said{Text: "OK"}, false, 10 * (100*1 + 10*5) / 1e6 / one, 10},
		{"more expensive than estimated", litellmtest.Said{Text: "OK", In: 20000}, false, 10.001, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			const calls = 50
			var refused, paid atomic.Int64
			all := make(chan struct{}) // closed when nobody is left to be let in
			s.Provider.Forget()
			s.Provider.Answer(t, litellmtest.Haiku, func(litellmtest.Asked) litellmtest.Said {
				if c.held {
					select {
					case <-all:
					case <-time.After(time.Minute):
					}
				}
				return c.said
			})
			store := openJournal(t, t.TempDir())
			r := paying(t, s, &notebook{}, purse{store, c.cap * one})
			var group sync.WaitGroup
			for range calls {
				group.Go(func() {
					_, err := r.Complete(t.Context(), policy.OnlyCloud, word("hi"))
					var u *routing.Unanswered
					switch {
					case err == nil:
						paid.Add(1)
					case errors.As(err, &u) && u.Attempts[0].Kind == routing.BudgetSpent:
						if refused.Add(1) == calls-int64(c.most) && c.held {
							close(all)
						}
					default:
						t.Errorf("neither paid nor refused: %v", err)
					}
				})
			}
			group.Wait()
			upstream := len(s.Provider.Asked(litellmtest.Haiku))
			total := spent(t, store)
			t.Logf("measured: %d parallel calls, cap worth %d, %s: %d paid, %d reached the provider, %d refused, $%.6f of $%.6f spent",
				calls, c.most, c.name, paid.Load(), upstream, refused.Load(), total, c.cap*one)
			if paid.Load() == 0 || paid.Load() > int64(c.most) || upstream != int(paid.Load()) || (c.held && paid.Load() != int64(c.most)) {
				t.Errorf("%d paid, %d reached the provider, at most %d may", paid.Load(), upstream, c.most)
			}
			if over := total - c.cap*one; c.said.In == 0 && over > 1e-9 {
				t.Errorf("$%.6f over the cap although no call cost more than its estimate", over)
			}
			// What cost more than estimated closes the day.
			if _, err := r.Complete(t.Context(), policy.OnlyCloud, word("hi")); c.said.In > 0 && err == nil {
				t.Error("a call over the cap was let in")
			}
		})
	}
}

// The cap holds over processes of several projects that know nothing of each
// other: it is the user's.
func TestProcessesShareTheCap(t *testing.T) {
	s := litellmtest.Shared(t)
	s.Provider.Forget()
	s.Provider.Says(t, litellmtest.Haiku, litellmtest.Said{Text: "paid", In: 20000})
	one := estimate(t, s)
	const processes, projects = 12, 5
	limit := "LOCALMODEL_CLOUD_DAILY_USD=" + strconv.FormatFloat(3.5*one, 'f', 9, 64)
	state := "LOCALMODEL_STATE=" + filepath.Join(t.TempDir(), "journal.db")
	var shells []*shell
	for range projects {
		shells = append(shells, askShell(t, s, limit, state))
	}
	codes := make([]ran, processes)
	var group sync.WaitGroup
	for i := range processes {
		group.Go(func() {
			codes[i] = shells[i%projects].run(t, "hi", "ask", "--model", "cheap", "--system", "Answer.", "--max-tokens", "50")
		})
	}
	group.Wait()
	count := map[int]int{}
	for _, r := range codes {
		count[r.code]++
		if r.code == 3 && !strings.Contains(r.errOut, "LOCALMODEL_CLOUD_DAILY_USD") {
			t.Errorf("the refusal does not say why: %s", r)
		}
	}
	t.Logf("%d processes, cap worth 3: exit codes %v, %d reached the provider", processes, count, len(s.Provider.Asked(litellmtest.Haiku)))
	if paid := len(s.Provider.Asked(litellmtest.Haiku)); paid < 1 || paid > 3 || count[0] != paid || count[3] != processes-paid {
		t.Errorf("%d paid, exit codes %v", paid, count)
	}
}

func TestSpentBudgetIsSaidAndTheFloorAnswers(t *testing.T) {
	s := litellmtest.Shared(t)
	s.Provider.Forget()
	sh := askShell(t, s, "LOCALMODEL_CLOUD_DAILY_USD=0.000001", "OLLAMA_HOST=127.0.0.1:9")
	sh.write(t, "T-1.md", strings.ReplaceAll(openTicket, "%s", "T-1"))
	r := sh.run(t, "", "call", "classify_ticket", `{"ticket_paths":["T-1.md"],"explain":true}`)
	if r.code != 0 || r.get("tickets.0.by").Str != "rules" || strings.Count(r.get("tickets.0.answer.reason").Str, "today's budget is spent") != 2 {
		t.Error(r)
	}
	if why := r.get("tickets.0.why").Str; !strings.Contains(why, "spent") {
		t.Errorf("the row does not say it: %s", r)
	}
	if n := len(s.Provider.Asked("")); n != 0 {
		t.Errorf("%d paid calls", n)
	}
}

// A call that was broken off may have been billed: it stays counted at its
// estimate, whether the process ended by itself or was killed.
func TestBrokenOffCallsStayCounted(t *testing.T) {
	s := litellmtest.Shared(t)
	one := estimate(t, s)
	for name, end := range map[string]func(*os.Process) error{
		"canceled": func(p *os.Process) error { return p.Signal(os.Interrupt) },
		"killed":   (*os.Process).Kill,
	} {
		t.Run(name, func(t *testing.T) {
			if name == "canceled" && os.PathSeparator == '\\' {
				parts.Absent(t, "interrupt", "Windows delivers none to another process")
			}
			s.Provider.Forget()
			s.Provider.Says(t, litellmtest.Haiku, litellmtest.Said{Text: "late", After: time.Minute})
			sh := askShell(t, s)
			cmd := exec.CommandContext(t.Context(), sh.bin, "ask", "--model", "cheap", "--system", "Answer.", "--max-tokens", "50")
			cmd.Dir, cmd.Env, cmd.Stdin = sh.root, sh.env, strings.NewReader("hi")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			testkit.Eventually(t, "the call reaches the provider", func() bool { return len(s.Provider.Asked(litellmtest.Haiku)) == 1 })
			if err := end(cmd.Process); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("it ended with success")
			}
			if _, err := os.Stat(filepath.Join(sh.root, "state", "journal.db")); err != nil {
				t.Fatal(err)
			}
			if got := spent(t, openJournal(t, sh.root)); got < one*0.99 || got > one*1.01 {
				t.Errorf("$%.6f counted, the estimate is $%.6f", got, one)
			}
		})
	}
}
