package contract

import (
	"encoding/json"
	"strings"
	"testing"
)

// The short way to a string's value gives what encoding/json gives.
func TestStringOf(t *testing.T) {
	for _, raw := range []string{`""`, `"a b"`, `"ü€𝄞"`, `"<&>"`, `"a\"b\\"`, `"\u00fc\n"`, `"\ud834\udd1e"`, `"\ud834"`, "\"a\xffb\"", `null`, `7`, `{"a":"b"}`} {
		var want string
		err := json.Unmarshal([]byte(raw), &want)
		got, ok := stringOf(json.RawMessage(raw))
		if wantOK := err == nil && raw != "null"; ok != wantOK || got != want {
			t.Errorf("stringOf(%s) = %q, %v, want %q, %v", raw, got, ok, want, wantOK)
		}
	}
}

// What is decoded is what was sent, whatever a string has in it.
func TestDecode_Strings(t *testing.T) {
	s := ParseSchema(`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string","maxLength":3},"n":{"type":"integer"}}}`)
	var in struct {
		A, B string
		N    int
	}
	if err := s.Decode(json.RawMessage(`{"n":"3","b":"\u00fc<>","a":"x\ny","c":null}`), &in); err == nil || !strings.Contains(err.Error(), `unknown argument "c"`) {
		t.Errorf("an unknown argument: %v", err)
	}
	if err := s.Decode(json.RawMessage(`{"n":"3","b":"\u00fc<>","a":"x\ny"}`), &in); err != nil || in.A != "x\ny" || in.B != "ü<>" || in.N != 3 {
		t.Errorf("got %+v, %v", in, err)
	}
	in.A = ""
	if err := s.Decode(json.RawMessage(`{"a":null}`), &in); err != nil || in.A != "" {
		t.Errorf("null: got %+v, %v", in, err)
	}
	if err := s.Decode(json.RawMessage(`{"b":"\u00fc\u00fc\u00fc\u00fc"}`), &in); err == nil {
		t.Error("four characters were taken where three may be")
	}
}
