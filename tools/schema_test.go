package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/fjbelchi/localmodel/tools/contract"
)

var specs = []spec{checkLocalHealthSpec, classifyTicketSpec, planTicketSpec, recordGateOutcomeSpec}

// compileSchema makes a validator, which knows nothing of our own decoder.
// compiled has each schema that a test asked for, by its text.
var compiled sync.Map

func compileSchema(t testing.TB, text string) *jsonschema.Schema {
	t.Helper()
	if known, ok := compiled.Load(text); ok {
		return known.(*jsonschema.Schema)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:schema.json")
	if err != nil {
		t.Fatal(err)
	}
	compiled.Store(text, s)
	return s
}

func validate(s *jsonschema.Schema, text []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// errorForm is what every failure reported to a model looks like.
var errorForm = regexp.MustCompile(`(?s)^E_[A-Z_]+: .*\. Next step: .*\. retryable: (yes|no)$`)

func holdsErrorForm(t testing.TB, err error, code string) {
	t.Helper()
	var e *contract.Error
	text := fmt.Sprint(err)
	switch {
	case !errors.As(err, &e):
		t.Errorf("error is a %T, want *Error: %v", err, err)
	case e.Code != code:
		t.Errorf("code %s, want %s: %s", e.Code, code, text)
	case !errorForm.MatchString(text):
		t.Errorf("form of the error: %q", text)
	case len([]rune(text)) > contract.MaxErrorChars:
		t.Errorf("error of %d characters, want at most %d", len([]rune(text)), contract.MaxErrorChars)
	}
}

func TestDecodeTakesWhatIsMeant(t *testing.T) {
	for _, c := range []struct {
		of       spec
		in, want string // want: the arguments as the schema has them
	}{
		{checkLocalHealthSpec, ``, `{}`},
		{checkLocalHealthSpec, ` null `, `{}`},
		{checkLocalHealthSpec, `{}`, `{}`},
		{checkLocalHealthSpec, `{"deep":true,"preload":"false"}`, `{"deep":true,"preload":false}`},
		{checkLocalHealthSpec, `{"deep":null}`, `{}`},
		{classifyTicketSpec, `{"ticket_paths":["a.md"],"route":"local"}`, `{"route":"local","ticket_paths":["a.md"]}`},
		{classifyTicketSpec, `{"ticket":"","wave":[]}`, `{"ticket":"","wave":[]}`},
		{classifyTicketSpec, `{"ticket_paths":"a.md"}`, `{"ticket_paths":["a.md"]}`},
		{classifyTicketSpec, `{"ticket_paths":"[\"a.md\", \"b.md\"]"}`, `{"ticket_paths":["a.md","b.md"]}`},
		{classifyTicketSpec, `{"ticket_paths":"a.md, b.md"}`, `{"ticket_paths":["a.md","b.md"]}`},
		{classifyTicketSpec, `{"ticket_paths":"Go, then stop.md"}`, `{"ticket_paths":["Go, then stop.md"]}`},
		{classifyTicketSpec, `{"ticket_paths":"a b.md\r\nc, d.md\n"}`, `{"ticket_paths":["a b.md","c, d.md"]}`},
		{classifyTicketSpec, `{"ticket_paths":"[ab]*.md"}`, `{"ticket_paths":["[ab]*.md"]}`},
		{classifyTicketSpec, `{"ticket_paths":"","ticket":"x","wave":" ","route":"","explain":""}`, `{"ticket":"x"}`},
		{classifyTicketSpec, `{"wave":"FEAT-1,BUG-2"}`, `{"wave":["FEAT-1","BUG-2"]}`},
		{classifyTicketSpec, `{"explain":"True"}`, `{"explain":true}`},
		{classifyTicketSpec, `{"wave":[58,2.10,"A"]}`, `{"wave":["58","2.10","A"]}`},
		{classifyTicketSpec, `{"wave":"[58]"}`, `{"wave":["58"]}`},
		{recordGateOutcomeSpec, `{"ticket_id":58,"gate":"lint","outcome":"fail"}`, `{"gate":"lint","outcome":"fail","ticket_id":"58"}`},
		{recordGateOutcomeSpec, `{"ticket_id":"A","gate":"lint","outcome":"fail","quality_score":"3"}`, `{"gate":"lint","outcome":"fail","quality_score":3,"ticket_id":"A"}`},
		{recordGateOutcomeSpec, `{"ticket_id":"A","gate":"lint","outcome":"fail","quality_score":3.0}`, `{"gate":"lint","outcome":"fail","quality_score":3,"ticket_id":"A"}`},
		{recordGateOutcomeSpec, `{"ticket_id":"A","gate":"lint","outcome":"fail","quality_score":" 87.5 "}`, `{"gate":"lint","outcome":"fail","quality_score":87.5,"ticket_id":"A"}`},
		{recordGateOutcomeSpec, `{"ticket_id":"A","gate":"lint","outcome":"fail","quality_score":1e2}`, `{"gate":"lint","outcome":"fail","quality_score":100,"ticket_id":"A"}`},
	} {
		var got json.RawMessage
		fault := contract.ParseSchema(c.of.input).Decode(json.RawMessage(c.in), &got)
		if fault != nil || string(got) != c.want {
			t.Errorf("%s %s: %s, %v; want %s", c.of.name, c.in, got, fault, c.want)
		}
	}
}

func TestDecodeNamesWhatIsWrong(t *testing.T) {
	long := strings.Repeat("é", 8001)
	many := `"` + strings.Repeat(`a","`, 50) + `a"`
	for _, c := range []struct {
		of    spec
		in    string
		cause string
	}{
		{checkLocalHealthSpec, `[]`, "arguments: expected an object, got list"},
		{checkLocalHealthSpec, `"deep"`, "arguments: expected an object, got string"},
		{checkLocalHealthSpec, `7`, "arguments: expected an object, got number"},
		{checkLocalHealthSpec, `{"deep":1}`, "deep: expected boolean, got number"},
		{checkLocalHealthSpec, `{"Deep":true}`, `unknown argument "Deep"`},
		{checkLocalHealthSpec, `{"b":1,"a":2,"deep":{}}`, `unknown argument "a"; unknown argument "b"; deep: expected boolean, got object`},
		{checkLocalHealthSpec, `{"` + strings.Repeat("x", 100) + `":1}`, `unknown argument "` + strings.Repeat("x", 57) + `..."`},
		{classifyTicketSpec, `{"ticket_paths":{"a":"b"}}`, "ticket_paths: expected a list of string, got object"},
		{classifyTicketSpec, `{"ticket_paths":"[]"}`, "ticket_paths: has 0 items, at least 1 are needed"},
		{classifyTicketSpec, `{"ticket_paths":"[7]"}`, "ticket_paths: item 1: expected string, got number"},
		{classifyTicketSpec, `{"ticket_paths":"` + strings.Repeat("a,", 51) + `"}`, "ticket_paths: has 51 items, at most 50 are taken in one call"},
		{classifyTicketSpec, `{"ticket_paths":[]}`, "ticket_paths: has 0 items, at least 1 are needed"},
		{classifyTicketSpec, `{"ticket_paths":[` + many + `]}`, "ticket_paths: has 51 items, at most 50 are taken in one call"},
		{classifyTicketSpec, `{"ticket_paths":["a",null]}`, "ticket_paths: item 2: expected string, got null"},
		{classifyTicketSpec, `{"ticket_paths":[["a"]]}`, "ticket_paths: item 1: expected string, got list"},
		{classifyTicketSpec, `{"ticket":true}`, "ticket: expected string, got boolean"},
		{classifyTicketSpec, `{"route":"LOCAL"}`, `route: "LOCAL" is none of auto, local, cloud`},
		{recordGateOutcomeSpec, `{}`, "missing argument ticket_id; missing argument gate; missing argument outcome"},
		{recordGateOutcomeSpec, `{"ticket_id":null,"gate":"lint","outcome":"pass"}`, "missing argument ticket_id"},
		{recordGateOutcomeSpec, `{"ticket_id":true,"gate":"lint","outcome":"pass"}`, "ticket_id: expected string, got boolean"},
		{recordGateOutcomeSpec, `{"ticket_id":58,"gate":7,"outcome":"pass","evidence":3}`, "evidence: expected string, got number; gate: expected string, got number"},
		{recordGateOutcomeSpec, `{"ticket_id":"  ","gate":"lint","outcome":"pass"}`, "ticket_id: is empty"},
		{recordGateOutcomeSpec, `{"ticket_id":"A","gate":"lint","outcome":"pass","evidence":"` + long + `"}`, "evidence: 8001 characters, at most 8000 are taken"},
		{recordGateOutcomeSpec, `{"ticket_id":"A","gate":"lint","outcome":"pass","quality_score":-1}`, "quality_score: -1 is not between 0 and 100"},
		{recordGateOutcomeSpec, `{"ticket_id":"A","gate":"lint","outcome":"pass","quality_score":"good"}`, "quality_score: expected number, got string"},
		{recordGateOutcomeSpec, `{"ticket_id":"A","gate":"lint","outcome":"pass","quality_score":"NaN"}`, "quality_score: expected number, got string"},
		{recordGateOutcomeSpec, `{"ticket_id":"A","gate":"lint","outcome":"pass","quality_score":[1]}`, "quality_score: expected number, got list"},
	} {
		var target map[string]any
		err := contract.ParseSchema(c.of.input).Decode(json.RawMessage(c.in), &target)
		holdsErrorForm(t, err, "E_ARGUMENT")
		var e *contract.Error
		if errors.As(err, &e) && e.Cause != c.cause {
			t.Errorf("%s %.80s: cause %q, want %q", c.of.name, c.in, e.Cause, c.cause)
		}
		for name := range contract.ParseSchema(c.of.input).Properties {
			if !strings.Contains(fmt.Sprint(err), name+" (") {
				t.Errorf("%s %.80s: the valid argument %s is not named in %q", c.of.name, c.in, name, err)
			}
		}
	}
}

// FuzzArguments holds that what is taken fits the schema that clients see, that
// what fits it is taken, and that every refusal is an instruction.
func FuzzArguments(f *testing.F) {
	schemas := map[string]*jsonschema.Schema{}
	for i, s := range specs {
		schemas[s.name] = compileSchema(f, s.input)
		for _, in := range []string{``, `null`, `{}`, `[]`, `{"a":1}`, `{"ticket_paths":["a.md",1]}`, `{"ticket":"---\nid: A\n---\n","explain":"true","wave":["A"],"route":"auto"}`,
			`{"ticket_path":"a","include_files":false,"route":"cloud"}`, `{"deep":true,"preload":null}`,
			`{"ticket_id":"A-1","gate":"lint","outcome":"fail","quality_score":"99.50","evidence":"\ud800","event_id":"A-1:lint:1"}`,
			`{"ticket_id":" ","gate":"plan","outcome":"pass","quality_score":1e-400}`, `{"route":"auto","route":1}`,
			`{"ticket_paths":"[\"a\",\"b\"]","wave":"A, B","explain":"True","route":""}`} {
			f.Add(uint8(i), []byte(in))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, in []byte) {
		s := specs[int(which)%len(specs)]
		shape, schema := contract.ParseSchema(s.input), schemas[s.name]
		var got, again json.RawMessage
		fault := shape.Decode(in, &got)
		if fault != nil {
			holdsErrorForm(t, fault, "E_ARGUMENT")
			// ticket_id may not be blank, which a schema does not say.
			if json.Valid(in) && validate(schema, in) == nil && fault.Cause != "ticket_id: is empty" {
				t.Fatalf("%s %q fits the schema and is refused: %s", s.name, in, fault.Cause)
			}
			return
		}
		if err := validate(schema, got); err != nil {
			t.Fatalf("%s %q is taken as %s, which does not fit: %v", s.name, in, got, err)
		}
		if fault := shape.Decode(got, &again); fault != nil || !bytes.Equal(again, got) {
			t.Fatalf("%s: %s read again is %s, %v", s.name, got, again, fault)
		}
	})
}
