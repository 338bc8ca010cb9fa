package transport

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

func isProgress(token string) func(gjson.Result) bool {
	return func(m gjson.Result) bool {
		return m.Get("method").Str == "notifications/progress" && (token == "" || m.Get("params.progressToken").Raw == token)
	}
}

func everything(gjson.Result) bool { return true }

// A hundred calls are with the model at the same time, and the session answers
// others meanwhile.
func TestHundredCallsSideBySide(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		m := newSlowModel(t)
		s := spawn(t, e, m.environment(100)...)
		for i := range 100 {
			s.send(e.call(strconv.Itoa(1000+i), "classify_ticket", slowTicket(i)))
		}
		m.until(t, "100 calls at once", func() bool { return m.now == 100 })
		s.alive(`"meanwhile"`)
		close(m.let)
		for i := range 100 {
			if r := s.answer(strconv.Itoa(1000 + i)); r.Get("result.structuredContent.tickets.0.by").Str != "local" {
				t.Errorf("call %d: %s", i, r.Raw)
			}
		}
		s.closes()
	})
}

// Every step of a batch is reported, in order, before the batch's result.
func TestProgressComesBeforeItsResult(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		const calls, tickets = 20, 20
		project := t.TempDir()
		var paths []string
		for i := range tickets {
			name := fmt.Sprintf("BUG-%d.md", i)
			text := fmt.Sprintf("---\nid: BUG-%d\ntype: bug\ncomplexity: low\n---\n# Fix\n", i)
			if err := os.WriteFile(filepath.Join(project, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, strconv.Quote(name))
		}
		s := start(t, e, project)
		s.open()
		token := func(i int) string { // both legal types
			return []string{strconv.Itoa(i), strconv.Quote(strconv.Itoa(i))}[i%2]
		}
		for i := range calls {
			s.send(e.request(strconv.Itoa(100+i), "tools/call", `"name":"classify_ticket","arguments":{"ticket_paths":[`+strings.Join(paths, ",")+`]}`, token(i)))
		}
		for i := range calls {
			_, at := s.wait("result", 0, isAnswer(strconv.Itoa(100+i)))
			from, last := 0, 0.0
			for range tickets {
				p, n := s.wait("progress", from, isProgress(token(i)))
				if n > at {
					t.Fatalf("call %d: progress %s after its result", i, p.Raw)
				}
				if done := p.Get("params.progress").Num; done <= last || p.Get("params.total").Num != tickets {
					t.Errorf("call %d: %s after progress %g", i, p.Raw, last)
				} else {
					last = done
				}
				from = n + 1
			}
		}
		s.closes()
		if got := s.count(isProgress("")); got != calls*tickets {
			t.Errorf("%d progress notifications, want %d", got, calls*tickets)
		}
	})
}

// A call that waits for a slow model says so again and again, each time with a
// larger figure, as the protocol wants it.
func TestProgressOfASlowCall(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		m := newSlowModel(t)
		m.token = 900 * time.Millisecond
		close(m.let)
		s := spawn(t, e, m.environment(2)...)
		s.send(e.request("1", "tools/call", `"name":"classify_ticket","arguments":`+slowTicket(1), `"tok"`) +
			e.call("2", "classify_ticket", slowTicket(2))) // who gives no token hears nothing
		s.answer("2")
		_, at := s.wait("result", 0, isAnswer("1"))
		last := -1.0
		for i, from := 0, 0; i < 2; i++ {
			p, n := s.wait("progress", from, isProgress(`"tok"`))
			if from = n + 1; n > at {
				t.Errorf("%s came after the result", p.Raw)
			}
			if v := p.Get("params.progress").Num; v <= last || p.Get("params.message").Str == "" {
				t.Errorf("%s after progress %g", p.Raw, last)
			} else {
				last = v
			}
		}
		s.closes()
		if got, told := s.count(isProgress("")), s.count(isProgress(`"tok"`)); got != told {
			t.Errorf("%d progress notifications, %d of them for the token", got, told)
		}
	})
}

// A call that is given up ends, wherever it is, and is not answered.
func TestCancelOfARunningCall(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		m := newSlowModel(t)
		s := spawn(t, e, m.environment(10)...)
		// The string and the number of the same digits are two calls.
		s.send(e.call("7", "classify_ticket", slowTicket(1)) + e.call(`"7"`, "classify_ticket", slowTicket(2)) +
			e.call("9007199254740993", "classify_ticket", slowTicket(3)) + e.call("9007199254740992", "classify_ticket", slowTicket(4)))
		m.until(t, "4 calls", func() bool { return m.now == 4 })
		s.send(cancel(`"7"`) + cancel("9007199254740993"))
		m.until(t, "2 calls left", func() bool { return m.now == 2 })
		close(m.let)
		for _, id := range []string{"7", "9007199254740992"} {
			if r := s.answer(id); r.Get("result.structuredContent.tickets.0.by").Str != "local" {
				t.Errorf("call %s, not given up: %s", id, r.Raw)
			}
		}
		s.closes()
		for _, id := range []string{`"7"`, "9007199254740993"} {
			if got := s.count(isAnswer(id)); got != 0 {
				t.Errorf("%d answers to %s, which was given up", got, id)
			}
		}
	})
}

// Waiting for the slot of another call, or for a worker, is no hiding place.
func TestCancelOfAQueuedCall(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		for _, c := range []struct {
			name           string
			running, slots int
		}{
			{"waits for a slot", 1, 1},
			{"waits for a worker", 100, 100},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				m := newSlowModel(t)
				s := spawn(t, e, m.environment(c.slots)...)
				for i := range c.running {
					s.send(e.call(strconv.Itoa(1000+i), "classify_ticket", slowTicket(i)))
				}
				m.until(t, "as many as there is room for", func() bool { return m.now == c.running })
				s.send(e.call("8", "classify_ticket", slowTicket(800)) + e.call("9", "classify_ticket", slowTicket(900)))
				s.alive(`"both lines were read"`)
				s.send(cancel("8"))
				s.alive(`"the cancel was read"`)
				close(m.let)
				if r := s.answer("9"); r.Get("result.structuredContent.tickets.0.by").Str != "local" {
					t.Errorf("the call behind: %s", r.Raw)
				}
				s.closes()
				if m.hasBegun("T-800") {
					t.Error("the model was asked for a call that was given up")
				}
				if got := s.count(isAnswer("8")); got != 0 {
					t.Errorf("%d answers to a call that was given up", got)
				}
			})
		}
	})
}

// Call and cancel in one write: no call outlives its cancel.
func TestCancelAtOnce(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		const calls = 200
		m := newSlowModel(t)
		s := spawn(t, e, m.environment(calls)...)
		for i := range calls {
			id := strconv.Itoa(1000 + i)
			s.send(e.call(id, "classify_ticket", slowTicket(i)) + cancel(id))
		}
		// A call that comes after them finds all workers free.
		s.send(e.call("1", "classify_ticket", slowTicket(1000)))
		m.until(t, "the last call alone", func() bool { return m.begun["T-1000"] && m.now == 1 })
		close(m.let)
		if r := s.answer("1"); r.Get("result.structuredContent.tickets.0.by").Str != "local" {
			t.Errorf("the call after: %s", r.Raw)
		}
		s.closes()
		for i := range calls {
			if got := s.count(isAnswer(strconv.Itoa(1000 + i))); got != 0 {
				t.Errorf("%d answers to %d, which was given up", got, 1000+i)
			}
		}
	})
}

// The end of input takes no answer away.
func TestEndOfInputAnswersWhatIsOpen(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		m := newSlowModel(t)
		s := spawn(t, e, m.environment(20)...)
		for i := range 20 {
			s.send(e.call(strconv.Itoa(100+i), "classify_ticket", slowTicket(i)))
		}
		m.until(t, "20 calls", func() bool { return m.now == 20 })
		if err := s.in.Close(); err != nil {
			t.Fatal(err)
		}
		close(m.let)
		for i := range 20 {
			if r := s.answer(strconv.Itoa(100 + i)); r.Get("result.structuredContent.tickets.0.by").Str != "local" {
				t.Errorf("call %d: %s", i, r.Raw)
			}
		}
		if code, _ := s.end(time.Now()); code != 0 {
			t.Errorf("exit %d, want 0", code)
		}
	})
}

// Twenty calls and the end of input in one write, which is what a shell's pipe
// is.
func TestTwentyCallsInOneBreath(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		s := spawn(t, e)
		var all strings.Builder
		for i := range 20 {
			all.WriteString(e.call(strconv.Itoa(100+i), "classify_ticket", statedTicket))
		}
		// The last line has no newline: the end of input completes it.
		s.send(strings.TrimSuffix(all.String(), "\n"))
		s.closes()
		for i := range 20 {
			if got := s.count(isAnswer(strconv.Itoa(100 + i))); got != 1 {
				t.Errorf("%d answers to call %d, want 1", got, i)
			}
		}
	})
}

// A call that does not end in the time it is given is ended, and answered too.
func TestEndOfInputWithACallThatHangs(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		m := newSlowModel(t)
		s := spawn(t, e, m.environment(1)...)
		s.send(e.call("1", "classify_ticket", slowTicket(1)))
		m.until(t, "the call", func() bool { return m.now == 1 })
		if err := s.in.Close(); err != nil {
			t.Fatal(err)
		}
		r := s.answer("1")
		// Its handler has little time to say so itself; else it is said for it.
		if text := r.Get("result.content.0.text").Str; !strings.HasPrefix(text, "E_CANCELED: ") && !strings.HasPrefix(r.Get("error.message").Str, "canceled") {
			t.Errorf("answer %s", r.Raw)
		}
		if code, _ := s.end(time.Now()); code != 0 {
			t.Errorf("exit %d, want 0", code)
		}
	})
}

// 2026-07-28 subscribes to news of the server before anything else. There is
// never any: the request is acknowledged, and then answered.
func TestSubscription(t *testing.T) {
	t.Parallel()
	s := spawn(t, modern)
	s.send(modern.request("77", "subscriptions/listen", `"notifications":{"toolsListChanged":true}`, ""))
	_, told := s.wait("acknowledgement", 0, func(m gjson.Result) bool {
		return m.Get("method").Str == "notifications/subscriptions/acknowledged" &&
			m.Get(`params._meta.io\.modelcontextprotocol/subscriptionId`).Raw == "77"
	})
	if m, at := s.wait("answer", 0, isAnswer("77")); at < told || !m.Get("result").Exists() {
		t.Errorf("line %d, %s; acknowledged in line %d", at, m.Raw, told)
	}
	s.closes()
}

// No request at all is a session too.
func TestEndOfInputAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, legacy, t.TempDir())
	s.closes()
	if got := s.count(everything); got != 0 {
		t.Errorf("%d lines written, want none", got)
	}
}
