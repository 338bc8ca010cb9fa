package transport

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// What is no message is refused, with the id where one is known, and the
// session goes on.
func TestLinesThatAreNoMessage(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		for _, c := range []struct {
			name, line string
			code       int64
			id         string // JSON
		}{
			{"junk", `hello`, -32700, "null"},
			{"broken JSON", `{"jsonrpc":"2.0","id":1,`, -32700, "null"},
			{"binary", "\x00\xff\xfe", -32700, "null"},
			{"scalar", `42`, -32600, "null"},
			{"batch", `[` + strings.TrimSpace(e.request("5", e.sign(), "", "")) + `]`, -32600, "null"},
			{"empty batch", `[]`, -32600, "null"},
			{"two on one line", strings.TrimSpace(e.request("5", e.sign(), "", "")) + strings.TrimSpace(e.request("6", e.sign(), "", "")), -32700, "null"},
			{"no jsonrpc", `{"id":5,"method":"ping"}`, -32600, "5"},
			{"jsonrpc 1.0", `{"jsonrpc":"1.0","id":5,"method":"ping"}`, -32600, "5"},
			{"no method", `{"jsonrpc":"2.0","id":5}`, -32600, "5"},
			{"method of the wrong type", `{"jsonrpc":"2.0","id":5,"method":7}`, -32600, "5"},
			{"id of the wrong type", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, -32600, "null"},
			{"unknown method", e.request("5", "no/such", "", ""), -32601, "5"},
			{"params of the wrong type", `{"jsonrpc":"2.0","id":5,"method":"tools/call","params":[1]}`, -32600, "5"},
		} {
			t.Run(c.name, func(t *testing.T) {
				s := spawn(t, e)
				s.send(strings.TrimSuffix(c.line, "\n") + "\n")
				m, _ := s.wait("refusal", 1, func(m gjson.Result) bool { return m.Get("error").Exists() })
				if got := m.Get("error.code").Int(); got != c.code {
					t.Errorf("code %d, want %d: %s", got, c.code, m.Raw)
				}
				if got := m.Get("id").Raw; got != c.id {
					t.Errorf("id %s, want %s: %s", got, c.id, m.Raw)
				}
				if m.Get("error.message").Str == "" {
					t.Errorf("no message: %s", m.Raw)
				}
				s.alive(`"after"`)
				if got := s.count(func(m gjson.Result) bool { return m.Get("error").Exists() }); got != 1 {
					t.Errorf("%d errors for one line, want 1", got)
				}
				s.closes()
			})
		}
	})
}

func TestBlankLinesSayNothing(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		s := spawn(t, e)
		s.send("\n \n\t\r\n\r\n" + "  " + strings.TrimSpace(e.request("1", e.sign(), "", "")) + " \r\n\n")
		if m := s.answer("1"); !m.Get("result").Exists() {
			t.Errorf("a message between blank lines is answered %s", m.Raw)
		}
		s.closes()
		if got := s.count(func(gjson.Result) bool { return true }); got != 2 { // of the opening, of the ping
			t.Errorf("%d lines written, want 2", got)
		}
	})
}

func TestNotificationsAreNeverAnswered(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		s := spawn(t, e)
		s.send(`{"jsonrpc":"2.0","method":"no/such"}` + "\n" + cancel("404") + cancel(`"x"`) +
			`{"jsonrpc":"2.0","method":"notifications/cancelled"}` + "\n" +
			`{"jsonrpc":"2.0","id":9,"result":{}}` + "\n") // an answer nobody asked for
		s.alive("1")
		s.closes()
		if got := s.count(func(gjson.Result) bool { return true }); got != 2 {
			t.Errorf("%d lines written, want 2", got)
		}
	})
}

func TestUnknownTool(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		s := spawn(t, e)
		s.send(e.call("1", "classify", `{}`))
		m := s.answer("1")
		if m.Get("error.code").Int() != -32602 || !strings.Contains(m.Get("error.message").Str, "classify") {
			t.Errorf("answer %s, want error -32602 that names the tool", m.Raw)
		}
		s.alive("2")
	})
}

// errorText is the form every failure of a tool has.
var errorText = regexp.MustCompile(`^E_[A-Z_]+: .+\. Next step: .+\. retryable: (yes|no)$`)

// Wrong arguments are an answer that a model can act on: which one, and which
// are valid.
func TestWrongArguments(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		s := spawn(t, e)
		for i, c := range []struct {
			tool, arguments string
			says            []string
		}{
			{"classify_ticket", `{"tickets":["a.md"]}`, []string{`"tickets"`, "ticket_paths (list of string)"}},
			{"classify_ticket", `{}`, []string{"neither ticket_paths nor ticket", "explain (boolean)"}},
			{"classify_ticket", `{"ticket_paths":7}`, []string{"ticket_paths: expected a list of string, got number"}},
			{"classify_ticket", `{"ticket_paths":[1]}`, []string{"ticket_paths: item 1: expected string, got number"}},
			{"classify_ticket", `{"ticket_paths":[]}`, []string{"ticket_paths: has 0 items, at least 1"}},
			{"classify_ticket", `{"ticket":"x","route":"cheap"}`, []string{"route", "auto", "local", "cloud"}},
			{"classify_ticket", `{"ticket":"x","explain":"perhaps"}`, []string{"explain: expected boolean"}},
			{"plan_ticket", `{}`, []string{"neither ticket_path nor ticket", "include_files (boolean)"}},
			{"plan_ticket", `{"ticket":"x","ticket_path":"y"}`, []string{"both ticket_path and ticket"}},
			{"check_local_health", `{"force":true}`, []string{`"force"`, "deep (boolean), preload (boolean)"}},
			{"record_gate_outcome", `{}`, []string{"missing argument", "gate (plan|implement|lint|review|commit, required)"}},
			{"record_gate_outcome", `{"ticket_id":"A-1","gate":"deploy","outcome":"pass"}`, []string{"gate", "plan, implement, lint, review, commit"}},
			{"record_gate_outcome", `{"ticket_id":"A-1","gate":"plan","outcome":"pass","quality_score":101}`, []string{"quality_score", "0 and 100"}},
			{"record_gate_outcome", `"text"`, []string{"expected an object, got string"}},
			{"record_gate_outcome", `[1]`, []string{"expected an object, got list"}},
		} {
			id := strconv.Itoa(i + 1)
			s.send(e.call(id, c.tool, c.arguments))
			r := s.answer(id).Get("result")
			text := r.Get("content.0.text").Str
			switch {
			case !r.Get("isError").Bool(), r.Get("structuredContent").Exists(), r.Get("content.#").Int() != 1:
				t.Errorf("%s %s: want isError, one text, no structured content, got %s", c.tool, c.arguments, r.Raw)
			case !errorText.MatchString(text), !strings.HasPrefix(text, "E_ARGUMENT: "), len(text) > 2000:
				t.Errorf("%s %s: text %q", c.tool, c.arguments, text)
			}
			for _, word := range c.says {
				if !strings.Contains(text, word) {
					t.Errorf("%s %s: text %q does not say %q", c.tool, c.arguments, text, word)
				}
			}
		}
		// What is only written oddly is taken for what it means.
		s.send(e.call(`"odd"`, "record_gate_outcome", `{"ticket_id":"A-1","gate":"plan","outcome":"pass","quality_score":"3.0","evidence":null}`))
		if r := s.answer(`"odd"`).Get("result"); r.Get("isError").Bool() {
			t.Errorf(`"3.0" for a number and null for nothing: %s`, r.Raw)
		}
		s.closes()
	})
}

// A number beyond the precision of a float, and a number beside the string of
// the same digits, are ids of their own.
func TestIDsComeBackAsSent(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		s := spawn(t, e)
		ids := []string{"9007199254740993", "-9007199254740993", "12345678901234567890123", "7", `"7"`, "1.50", `"a\u00e9\"b"`, `""`, "0"}
		var all strings.Builder
		for _, id := range ids {
			all.WriteString(e.call(id, "classify_ticket", statedTicket))
		}
		before := s.count(isAnswer("0")) // of the opening
		s.send(all.String())
		for _, id := range ids {
			m, _ := s.wait("answer to "+id, before, isAnswer(id))
			if !m.Get("result.structuredContent").Exists() {
				t.Errorf("id %s: %s", id, m.Raw)
			}
		}
		s.closes()
		if got, want := s.count(func(gjson.Result) bool { return true }), len(ids)+1; got != want {
			t.Errorf("%d answers, want %d", got, want)
		}
	})
}

// A line over the limit is refused unread: memory stays far below its size.
func TestLongLines(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, e era) {
		s := spawn(t, e)
		idle := peakRSS(t, s)
		for i, megabytes := range []int{10, 64} {
			line := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"classify_ticket","arguments":{"ticket":"`
			from := s.count(func(gjson.Result) bool { return true })
			s.send(line)
			for range megabytes {
				s.send(strings.Repeat("x", 1<<20))
			}
			s.send(`"}}}` + "\n")
			m, _ := s.wait("refusal", from, func(m gjson.Result) bool { return m.Get("error").Exists() })
			if m.Get("error.code").Int() != -32600 || m.Get("id").Raw != "1" || !strings.Contains(m.Get("error.message").Str, "4194304") {
				t.Errorf("%d MB: %s", megabytes, m.Raw)
			}
			s.alive(strconv.Itoa(10 + i))
		}
		const bound = 32 << 20
		if peak := peakRSS(t, s); peak-idle > bound {
			t.Errorf("peak memory went from %d to %d bytes over a line of 64 MB, want at most %d more", idle, peak, bound)
		}
		// The longest text a call may hold is still taken.
		text := "---\\nid: S-1\\ntype: bug\\ncomplexity: low\\n---\\n" + strings.Repeat("word ", 50_000)
		s.send(e.call("20", "classify_ticket", `{"ticket":"`+text+`"}`))
		if m := s.answer("20"); !m.Get("result.structuredContent.tickets.0.complexity").Exists() {
			t.Errorf("a ticket of 250 kB: %.400s", m.Raw)
		}
		s.closes()
	})
}

// peakRSS is the most memory the server ever had, in bytes; 0 where the system
// does not tell.
func peakRSS(t *testing.T, s *session) int {
	t.Helper()
	return memory(t, s, "VmHWM")
}

func memory(t *testing.T, s *session, field string) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Logf("memory is looked at on Linux only")
		return 0
	}
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(data), "\n") {
		var kilobytes int
		if _, err := fmt.Sscanf(line, field+": %d kB", &kilobytes); err == nil {
			return kilobytes << 10
		}
	}
	t.Fatalf("no %s in /proc", field)
	return 0
}
