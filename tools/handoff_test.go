package tools

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/statestore"
)

func failedAt(gates ...string) (out []statestore.OutcomeRow) {
	for _, g := range gates {
		gate, evidence, _ := strings.Cut(g, ": ")
		name, passed := strings.CutSuffix(gate, " passed")
		out = append(out, statestore.OutcomeRow{At: time.Unix(0, 0), Gate: name, Pass: passed, Evidence: evidence})
	}
	return out
}

func TestHandoff(t *testing.T) {
	got := handoff(statestore.Attempt{TicketID: "FEAT-1", Model: "qwen3-coder:30b", Plan: "## Implementation Plan\n- Modify `main.go`: say hello\n",
		Outcomes: failedAt("plan passed", "implement passed", "lint: main.go:3: unused\nmain.go:9: shadow", "implement passed", "lint")}, "lint")
	want := "# FEAT-1: escalated at lint\n" +
		"Planned by qwen3-coder:30b (local); worked on as a local ticket.\n" +
		"Gates so far: plan passed, implement passed, lint failed, implement passed, lint failed.\n" +
		"\n## The plan\n## Implementation Plan\n- Modify `main.go`: say hello\n" +
		"\n## Failures\n1. lint:\n```\nmain.go:3: unused\nmain.go:9: shadow\n```\n2. lint: no evidence was given\n" +
		"\n## What is left\nDo not start over: keep the plan and what passed. Mend the cause of the lint failures in the same change, then lint, review and commit again.\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// An attempt without a plan of ours does not claim one.
	got = handoff(statestore.Attempt{TicketID: "FEAT-1", Outcomes: failedAt("plan: too vague", "plan: still vague")}, "plan")
	if !strings.Contains(got, "The plan was not recorded here;") || strings.Contains(got, "## The plan") || !strings.Contains(got, "write a new one") {
		t.Errorf("without a plan:\n%s", got)
	}
	if got := handoff(statestore.Attempt{Outcomes: failedAt("review", "review")}, "review"); !strings.Contains(got, "; reviewed by the cloud.") {
		t.Errorf("who reviewed is not said:\n%s", got)
	}
	for _, gate := range statestore.Gates[:4] {
		if left[gate] == "" {
			t.Errorf("nothing is said to be left after %s", gate)
		}
	}
}

// However much there is to tell, it fits; what is cut is cut at line ends and
// says so; both failures keep some of their evidence.
func TestHandoffFits(t *testing.T) {
	long := strings.Repeat("x", 8000)
	lines := ""
	for i := range 400 {
		lines += fmt.Sprintf("file%03d.go:1: something is wrong here\n", i)
	}
	var many []statestore.OutcomeRow
	for i := range 200 {
		many = append(many, failedAt("plan passed", fmt.Sprintf("commit: %d", i))...)
	}
	for name, a := range map[string]statestore.Attempt{
		"lines":     {TicketID: "A", Model: "m", Plan: lines, Outcomes: failedAt("lint: "+lines, "lint: "+lines)},
		"one line":  {TicketID: "A", Model: "m", Plan: long, Outcomes: failedAt("lint: "+long, "lint: "+long)},
		"fences":    {TicketID: "A", Plan: strings.Repeat("`", 5000), Outcomes: failedAt("lint: "+strings.Repeat("`", 8000), "lint: "+strings.Repeat("```\n", 2000))},
		"wide":      {TicketID: strings.Repeat("票", 100), Model: strings.Repeat("型", 500), Plan: strings.Repeat("計画\n", 2000), Outcomes: failedAt("review: "+strings.Repeat("失敗。\n", 1500), "review: "+strings.Repeat("失", 8000))},
		"many":      {TicketID: "A", Plan: lines, Outcomes: append(many, failedAt("lint: "+lines, "lint: "+lines)...)},
		"four each": {TicketID: "A", Plan: lines, Outcomes: failedAt("plan: "+lines, "implement: "+lines, "lint: "+lines, "review: "+lines, "commit: "+lines, "lint: "+lines)},
		"nothing":   {TicketID: "A"},
	} {
		t.Run(name, func(t *testing.T) {
			got := handoff(a, "lint")
			if n := utf8.RuneCountInString(got); n >= maxHandoffChars {
				t.Fatalf("%d characters", n)
			}
			if !utf8.ValidString(got) || !strings.HasSuffix(got, "\n"+left["lint"]+"\n") {
				t.Errorf("the end is missing:\n%s", got)
			}
			for line := range strings.SplitSeq(got, "\n") {
				if strings.HasPrefix(line, "file") && !strings.HasSuffix(line, "wrong here") {
					t.Errorf("cut inside a line: %q", line)
				}
			}
			if name == "lines" {
				if n := strings.Count(got, "lines shown]"); n != 3 {
					t.Errorf("%d cuts are told, want 3:\n%s", n, got)
				}
				if n := strings.Count(got, "file003.go"); n != 3 {
					t.Errorf("plan and both failures tell of file003.go %d times", n)
				}
			}
			if name == "many" && (!strings.Contains(got, "(194 earlier failures left out)") || !strings.Contains(got, "8. lint:") || !strings.Contains(got, "Gates so far: ... ")) {
				t.Errorf("of many failures:\n%s", got)
			}
			if n := strings.Count(got, "```"); strings.Contains(name, "fences") && n < 4 || n%2 == 1 && name != "fences" {
				t.Errorf("%d fences", n)
			}
		})
	}
}

func TestHandoffMasksSecrets(t *testing.T) {
	for _, secret := range []string{
		"sk-litellm-changeme-1234", "sk-ant-api03-abcDEF_123", "sk_" + "live_4eC39HqLyjWDarjtT1", "hf_abcdefghijklmnopqrstuv",
		"ghp" + "_abcdefghijklmnopqrstuvwxyz012345", "github" + "_pat_11ABCDEFG0abcdefghijkl", "glpat" + "-abcdefghij0123456789",
		"xox" + "b-123456789012-abcdefghij", "AKIAIOSFODNN7EXAMPLE", "AIzaSyA1234567890abcdefghijklmnopqrstu", "npm_abcdefghijklmnopqrstuvwxyz0123456789",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
	} {
		checkMasked(t, "curl failed with "+secret+" at line 3", secret)
	}
	for text, secret := range map[string]string{
		"Authorization: Bearer abcdef0123456789":                                      "abcdef0123456789",
		"authorization: Basic dXNlcjpwYXNz":                                           "dXNlcjpwYXNz",
		"DB_PASSWORD=hunter2hunter2":                                                  "hunter2hunter2",
		`"api_key": "0123456789abcdef"`:                                               "0123456789abcdef",
		"password: 'correcthorse'":                                                    "correcthorse",
		"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG":                               "wJalrXUtnFEMI/K7MDENG",
		"AccountKey=abcdefghij0123456789==":                                           "abcdefghij0123456789",
		"dial postgres://app:s3cr3tpw@db.example/prod: refused":                       "s3cr3tpw",
		"-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----": "MIIEow",
		"-----BEGIN PRIVATE KEY-----\nMIIEvQ and it was cut":                          "MIIEvQ",
	} {
		checkMasked(t, text, secret)
	}
	// What is no secret stays.
	for _, text := range []string{"max_tokens: 1600", "main.go:12: token expected", "see https://example.com:8080/a@b", "sk-", "the password was wrong"} {
		if got := mask(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func checkMasked(t *testing.T, text, secret string) {
	t.Helper()
	got := handoff(statestore.Attempt{TicketID: "A", Plan: "use " + text, Outcomes: failedAt("lint: "+text, "lint: again")}, "lint")
	if strings.Contains(got, secret) || !strings.Contains(got, "[secret]") {
		t.Errorf("a secret is handed on: %q in\n%s", secret, got)
	}
}
