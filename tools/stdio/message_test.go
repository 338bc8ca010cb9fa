package stdio

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/tidwall/gjson"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		line string
		code int    // 0 = a message
		id   string // of the refusal, "" = null
	}{
		{`{"jsonrpc":"2.0","id":1,"method":"ping"}`, 0, ""},
		{`{"jsonrpc":"2.0","id":"a","method":"ping","params":{}}`, 0, ""},
		{`{"jsonrpc":"2.0","method":"notifications/initialized"}`, 0, ""},
		{`{"jsonrpc":"2.0","id":1,"result":{}}`, 0, ""},
		{`{"jsonrpc":"2.0","id":1,"error":{}}`, 0, ""},
		{`{"jsonrpc":"2.0","id":null,"method":"ping"}`, mcp.INVALID_REQUEST, ""},
		{`{"jsonrpc":"2.0","id":[],"method":"ping"}`, mcp.INVALID_REQUEST, ""},
		{`{"jsonrpc":"2.0","id":true,"method":"ping"}`, mcp.INVALID_REQUEST, ""},
		{`{"jsonrpc":"2.0","id":3,"method":1}`, mcp.INVALID_REQUEST, "3"},
		{`{"jsonrpc":"2.0","id":"x"}`, mcp.INVALID_REQUEST, `"x"`},
		{`{}`, mcp.INVALID_REQUEST, ""},
		{`"text"`, mcp.INVALID_REQUEST, ""},
		{`[]`, mcp.INVALID_REQUEST, ""},
		{`[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, mcp.INVALID_REQUEST, ""},
		{`[1,`, mcp.PARSE_ERROR, ""},
		{`{"a":1}{"b":2}`, mcp.PARSE_ERROR, ""},
		{`{'a':1}`, mcp.PARSE_ERROR, ""},
		{`junk`, mcp.PARSE_ERROR, ""},
		{`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, mcp.INVALID_REQUEST, "4"},
	} {
		_, refused := parse([]byte(c.line))
		switch {
		case refused == nil && c.code == 0:
		case refused == nil || c.code == 0:
			t.Errorf("%s: refused %v, want code %d", c.line, refused, c.code)
		case c.line[0] == '[' && json.Valid([]byte(c.line)) && !strings.Contains(refused.text, "batches are not supported"):
			t.Errorf("%s: %q", c.line, refused.text)
		case refused.code != c.code || string(refused.id) != c.id || refused.text == "":
			t.Errorf("%s: refused %+v with id %s, want code %d, id %s", c.line, *refused, refused.id, c.code, c.id)
		}
	}
}

func TestIDIn(t *testing.T) {
	for head, want := range map[string]string{
		`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":"xxx`: `7`,
		`{"id":"a\"b","params":[[[[`:                                       `"a\"b"`,
		`{"params":{"id":9,"a":[1]},"id":12345678901234567890,"x":"`:       `12345678901234567890`,
		`{"params":{"id":9,"a":"xxx`:                                       ``,
		`{"id":`:                                                           ``,
		`{"id":12`:                                                         ``, // may go on
		`{"id":null,"method":"`:                                            ``,
		`[{"id":1},`:                                                       ``,
		`"id"`:                                                             ``,
		``:                                                                 ``,
	} {
		if got := idIn([]byte(head)); string(got) != want {
			t.Errorf("%s: id %s, want %s", head, got, want)
		}
	}
}

func TestKeysTellIDsApart(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`7`, `7`, true},
		{`"7"`, `7`, false},
		{`"7"`, `"\u0037"`, true}, // the same string
		{`9007199254740993`, `9007199254740992`, false},
		{`""`, `0`, false},
	} {
		if got := key(json.RawMessage(c.a)) == key(json.RawMessage(c.b)); got != c.same {
			t.Errorf("%s and %s: same %t, want %t", c.a, c.b, got, c.same)
		}
	}
}

func TestProgressTokenMovesUnderOurID(t *testing.T) {
	for _, c := range []struct{ params, token, want string }{
		{`{"_meta":{"progressToken":7},"name":"x"}`, `7`, `{"_meta":{"progressToken":"42"},"name":"x"}`},
		{`{"name":"x", "_meta": {"a":1, "progressToken" : "t\"k"} }`, `"t\"k"`, `{"name":"x", "_meta": {"a":1, "progressToken" : "42"} }`},
		{`{"_meta":{"progressToken":9007199254740993}}`, `9007199254740993`, `{"_meta":{"progressToken":"42"}}`},
		{`{"_meta":{"progressToken":null}}`, ``, `{"_meta":{"progressToken":null}}`},
		{`{"_meta":{"progressToken":{}}}`, ``, `{"_meta":{"progressToken":{}}}`},
		{`{"_meta.progressToken":7}`, ``, `{"_meta.progressToken":7}`},
		{`{}`, ``, `{}`},
		{`[]`, ``, `[]`},
		{``, ``, ``},
	} {
		m := message{Params: json.RawMessage(c.params)}
		if got := m.takeToken("42"); string(got) != c.token || string(m.Params) != c.want {
			t.Errorf("%s: token %s, left %s; want %s, %s", c.params, got, m.Params, c.token, c.want)
		}
	}
}

// FuzzMessage holds that what is passed on is one line of JSON under our id
// with the method and the parameters of the client.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{},"_meta":{"progressToken":"t"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"7"}}`,
		`{"id":9007199254740993,"method":"p\u0000ng","Method":"other","params":null}`,
		`{"jsonrpc":2,"id":"\ud800","method":"\ud800","params":[{"_meta":1}]}`,
		`{"jsonrpc":"2.0","id":1e400,"method":"","params":{"_meta":{"progressToken":-0.0}}}`,
		`{"params":{"_meta":{"progressToken":1,"progressToken":"2"}},"method":"m","id":-1}`,
		`[]`, `[{"a"`, `{"id":{},"method":"x"}`, "\xff", `""`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		line = bytes.Trim(bytes.ReplaceAll(line, []byte("\n"), nil), " \t\r")
		if len(line) == 0 {
			return // the line reader skips these
		}
		m, refused := parse(line)
		if refused != nil {
			if refused.text == "" || refused.id != nil && !json.Valid(refused.id) {
				t.Fatalf("refusal %+v", *refused)
			}
			return
		}
		if m.Method == nil {
			return // an answer: dropped
		}
		if m.ID != nil {
			_ = key(m.ID)
			if token := m.takeToken("42"); token != nil && !json.Valid(token) {
				t.Fatalf("token %q", token)
			}
		}
		cancelled(m.Params)(&request{})
		out := m.encode("42")
		if bytes.Count(out, []byte("\n")) != 1 || out[len(out)-1] != '\n' || !json.Valid(out) {
			t.Fatalf("passed on: %q", out)
		}
		var again message
		if err := json.Unmarshal(out, &again); err != nil {
			t.Fatal(err)
		}
		if string(again.ID) != `"42"` || *again.Method != *m.Method || !bytes.Equal(again.Params, m.Params) {
			t.Fatalf("%q became %q", line, out)
		}
		if got := gjson.GetBytes(out, "id").Str; got != "42" {
			t.Fatalf("the writer would find id %q in %q", got, out)
		}
	})
}
