package clients

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit"
)

// steps are the calls that every client makes, and where the reply proves that
// the tool was reached.
var steps = []struct{ tool, args, path, want string }{
	{"check_local_health", `{}`, "ollama.state", "loaded"},
	{"classify_ticket", `{"ticket_paths":["BUG-1.md"]}`, "tickets.0.id", "BUG-1"},
	{"plan_ticket", `{"ticket_path":"BUG-1.md"}`, "by", "template"},
	{"record_gate_outcome", `{"ticket_id":"BUG-1","gate":"plan","outcome":"pass","event_id":"BUG-1:plan:1"}`, "next_event_id", "BUG-1:implement:1"},
}

// The call that fails, how its error begins, and the call that is canceled.
const (
	failingArgs = `{"ticket_path":"missing.md"}`
	failingText = "E_TICKET_NOT_FOUND: "
)

func slowArgs() json.RawMessage {
	raw, _ := json.Marshal(map[string]string{"ticket": slowTicket}) // a string: never an error
	return raw
}

// script is what the model does in every client that has one.
func (r *rig) script(m *scriptedModel) {
	for _, s := range steps {
		if m.Tool(s.tool) == "" {
			m.Fail("%s is not offered, but %v", s.tool, m.asked.Tools)
			continue
		}
		r.row.Tools++
		got := m.Use(s.tool, json.RawMessage(s.args))
		if value := reply(got.Text).Get(s.path).String(); value != s.want {
			m.Fail("%s: %s is %q, want %q", s.tool, s.path, value, s.want)
			continue
		}
		r.row.Called++
	}
	r.row.Error = m.Use("plan_ticket", json.RawMessage(failingArgs)).Text
	r.row.Canceled = m.Use("classify_ticket", slowArgs()).Text
	m.End("All steps are done.")
}

// reply finds the tool's JSON in what the model sees: some clients wrap it, as
// JSON or as text.
func reply(text string) gjson.Result {
	for range 4 {
		at := strings.IndexAny(text, "{[")
		if at < 0 {
			break
		}
		found := gjson.Parse(text[at:])
		if found.Get("summary").Exists() {
			return found
		}
		inner := firstText(found)
		if inner == "" {
			break
		}
		text = inner
	}
	return gjson.Result{}
}

// firstText is the first text within a wrapped result.
func firstText(v gjson.Result) string {
	for _, path := range []string{"content.0.text", "0.text", "output", "structuredContent", "result"} {
		if got := v.Get(path); got.Exists() {
			return got.String()
		}
	}
	return ""
}

// canceled notes what became of the call that was canceled: it must be given up
// at Ollama, too.
func (r *rig) canceled(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, "the canceled call is given up at Ollama", func() bool {
		select {
		case <-r.hungUp:
			return true
		default:
			return false
		}
	})
	r.row.Notified = len(r.said(t, "notifications/cancelled")) > 0
}

// done checks what the script saw.
func (r *rig) done(t *testing.T) {
	t.Helper()
	t.Log("\n" + r.model.Log())
	if err := r.model.Fault(); err != nil {
		t.Error(err)
	}
	if !r.interrupts && !r.model.Ended() {
		t.Error("the script did not end")
	}
	r.canceled(t)
	r.finish(t)
}

// finish checks the row that a client has earned, and holds the table to it.
func (r *rig) finish(t *testing.T) {
	t.Helper()
	if r.row.Tools != len(steps) || r.row.Called != len(steps) {
		t.Errorf("%d tools offered and %d called, want %d", r.row.Tools, r.row.Called, len(steps))
	}
	if !strings.Contains(r.row.Error, failingText) {
		t.Errorf("the model sees the error as %q", r.row.Error)
	}
	r.row.Error = strings.ReplaceAll(r.row.Error, r.project, "PROJECT")
	for _, method := range []string{"server/discover", "initialize"} {
		for _, line := range r.said(t, method) {
			for _, path := range []string{"params.protocolVersion", `params._meta.io\.modelcontextprotocol/protocolVersion`} {
				if v := line.Get(path).Str; v != "" {
					r.row.Protocol = v
				}
			}
		}
	}
	t.Logf("%+v", *r.row)
	if !t.Failed() {
		r.row.hold(t)
	}
}
