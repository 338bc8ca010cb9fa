// Package plugin_test holds the Claude Code plugin to the rules of
// `claude plugin validate --strict --profile directory`, and to the tools.
package plugin_test

import (
	"bytes"
	"encoding/json"
	"image/png"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools"
)

const root = "../.."

type manifest struct {
	Name        string            `json:"name"`
	DisplayName string            `json:"displayName"`
	Version     string            `json:"version"`
	Description string            `json:"description"`
	Author      map[string]string `json:"author"`
	Homepage    string            `json:"homepage"`
	Repository  string            `json:"repository"`
	License     string            `json:"license"`
	Keywords    []string          `json:"keywords"`
	MCPServers  map[string]struct {
		Command    string   `json:"command"`
		Args       []string `json:"args"`
		AlwaysLoad bool     `json:"alwaysLoad"`
	} `json:"mcpServers"`
	Network struct {
		Hosts []string `json:"hosts"`
	} `json:"network"`
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// strict reads JSON and refuses a key that the target does not have: the
// validator's --strict calls those errors.
func strict(t *testing.T, file string, target any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(read(t, file)))
	d.DisallowUnknownFields()
	if err := d.Decode(target); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func TestManifest(t *testing.T) {
	var m manifest
	strict(t, ".claude-plugin/plugin.json", &m)
	if !regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`).MatchString(m.Name) {
		t.Errorf("name %q is not kebab-case", m.Name)
	}
	if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(m.Version) {
		t.Errorf("version %q is no release", m.Version)
	}
	if m.Description == "" || m.Author["name"] == "" || m.License != "MIT" {
		t.Errorf("description, author or license is missing: %+v", m)
	}
	s, ok := m.MCPServers["localmodel"]
	if !ok || len(m.MCPServers) != 1 {
		t.Fatalf("mcpServers = %v, want localmodel alone", m.MCPServers)
	}
	if s.Command != "${LOCALMODEL_BIN:-localmodel}" || !slices.Equal(s.Args, []string{"serve"}) || !s.AlwaysLoad {
		t.Errorf("server entry = %+v", s)
	}
}

func TestMarketplacePointsAtThePlugin(t *testing.T) {
	var market struct {
		Name        string            `json:"name"`
		Owner       map[string]string `json:"owner"`
		Description string            `json:"description"`
		Plugins     []struct {
			Name        string   `json:"name"`
			Source      string   `json:"source"`
			Description string   `json:"description"`
			Category    string   `json:"category"`
			Keywords    []string `json:"keywords"`
		} `json:"plugins"`
	}
	strict(t, filepath.Join(root, ".claude-plugin/marketplace.json"), &market)
	if market.Name != "localmodel" || market.Owner["name"] == "" || len(market.Plugins) != 1 {
		t.Fatalf("marketplace = %+v", market)
	}
	p := market.Plugins[0]
	if !strings.HasPrefix(p.Source, "./") || strings.Contains(p.Source, "..") {
		t.Errorf("source %q must start with ./ and stay inside", p.Source)
	}
	var m manifest
	strict(t, filepath.Join(root, p.Source, ".claude-plugin/plugin.json"), &m)
	if p.Name != m.Name || p.Description != m.Description {
		t.Errorf("marketplace says %q %q, plugin says %q %q", p.Name, p.Description, m.Name, m.Description)
	}
}

func TestIconIsASquareOf512(t *testing.T) {
	c, err := png.DecodeConfig(bytes.NewReader(read(t, ".claude-plugin/icon.png")))
	if err != nil {
		t.Fatal(err)
	}
	if c.Width != 512 || c.Height != 512 {
		t.Errorf("icon is %d x %d", c.Width, c.Height)
	}
}

func TestReadmeSaysEnough(t *testing.T) {
	text := string(read(t, "README.md"))
	if n := len(strings.Fields(text)); n < 40 {
		t.Errorf("README has %d words, the directory wants 40", n)
	}
	for _, m := range regexp.MustCompile(`\]\(([A-Z]+\.md)\)`).FindAllStringSubmatch(text, -1) {
		read(t, m[1])
	}
}

// page splits a Markdown file into its front matter and the rest.
func page(t *testing.T, file string) (front map[string]any, body string) {
	t.Helper()
	parts := strings.SplitN(string(read(t, file)), "---\n", 3)
	if len(parts) != 3 || parts[0] != "" {
		t.Fatalf("%s does not begin with front matter", file)
	}
	if err := yaml.Unmarshal([]byte(parts[1]), &front); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return front, parts[2]
}

const skill = "skills/local-first/SKILL.md"

func TestSkillFrontMatter(t *testing.T) {
	front, body := page(t, skill)
	if front["name"] != path.Base(path.Dir(skill)) {
		t.Errorf("name %v is not the directory's", front["name"])
	}
	if d, _ := front["description"].(string); len(d) < 100 || len(d) > 1024 || strings.ContainsAny(d, "<>") {
		t.Errorf("description has %d characters, 100 to 1024 without tags are wanted", len(d))
	}
	allowed, _ := front["allowed-tools"].(string)
	for _, want := range []string{"mcp__localmodel__*", "mcp__plugin_localmodel_localmodel__*"} {
		if !slices.Contains(strings.Split(allowed, ", "), want) {
			t.Errorf("allowed-tools %q lacks %s", allowed, want)
		}
	}
	if n := len(strings.Fields(body)); n > 700 {
		t.Errorf("the skill has %d words: too long to be followed", n)
	}
}

// The skill speaks of tools that exist, of their enums and fields alone, and
// never of scripts.
func TestSkillFitsTheTools(t *testing.T) {
	_, body := page(t, skill)
	if bad := regexp.MustCompile(`(?i)\b(bash|curl|python3?|llm_call|\w+\.(sh|py))\b`).FindString(body); bad != "" {
		t.Errorf("the skill mentions %q", bad)
	}
	names := map[string]bool{}
	for _, tool := range tools.All(&tools.Deps{}) {
		d := tool.Declaration
		names[d.Name] = true
		if !strings.Contains(body, "`"+d.Name+"`") {
			t.Errorf("the skill never calls %s", d.Name)
		}
		for _, schema := range []json.RawMessage{d.RawInputSchema, d.RawOutputSchema} {
			var s struct {
				Properties map[string]struct {
					Enum  []string
					Items struct{ Properties map[string]any }
				}
			}
			if err := json.Unmarshal(schema, &s); err != nil {
				t.Fatal(err)
			}
			for name, p := range s.Properties {
				names[name] = true
				for _, e := range p.Enum {
					names[e] = true
				}
				for inner := range p.Items.Properties {
					names[inner] = true
				}
			}
		}
	}
	// What the schemas do not enumerate: actions, error codes, the draft's fields.
	for _, known := range []string{
		"continue", "retry", "escalate", "stop", "complete", "E_CONFLICT", "E_JOURNAL", "patch_file", "missing",
	} {
		names[known] = true
	}
	word := regexp.MustCompile("`([a-z_]+|E_[A-Z]+)`|`([a-z_]+): [^`]*`")
	found := 0
	for _, m := range word.FindAllStringSubmatch(body, -1) {
		name := m[1] + m[2]
		if name == "retryable" { // part of an error's text
			continue
		}
		found++
		if !names[name] {
			t.Errorf("the skill names `%s`, which no tool has", name)
		}
	}
	if found < 20 {
		t.Errorf("only %d names found: the test looks at nothing", found)
	}
}

// The skill's table of gates is the rules' list, in its order and words.
func TestSkill_GatesAreTheRules(t *testing.T) {
	_, body := page(t, skill)
	row := regexp.MustCompile(`(?m)^\| (\w+) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$`)
	var got []string
	for _, m := range row.FindAllStringSubmatch(body, -1) {
		if m[1] != "Gate" {
			got = append(got, m[1]+": "+m[2]+"; "+m[3])
		}
	}
	var want []string
	for _, rule := range policy.GateRules {
		want = append(want, string(rule.Gate)+": "+rule.Passes+"; "+rule.Fails)
	}
	if !slices.Equal(got, want) {
		t.Errorf("gates\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Each action that a tool can answer has its row, and no other has one.
func TestSkill_ActionsAreTheRules(t *testing.T) {
	_, body := page(t, skill)
	var got []policy.Action
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| [^|]+ \\|$").FindAllStringSubmatch(body, -1) {
		if m[1] != "action" {
			got = append(got, policy.Action(m[1]))
		}
	}
	want := []policy.Action{policy.Continue, policy.Retry, policy.Escalate, policy.Stop, policy.Complete}
	if !slices.Equal(got, want) {
		t.Errorf("actions %v, want %v", got, want)
	}
}

// What clients were seen to get wrong is said in the skill and in the prompt.
func TestSkill_SaysWhatClientsGetWrong(t *testing.T) {
	_, body := page(t, skill)
	for _, want := range []string{
		"`Agent` (older: `Task`)", "Wait for its result before you record", "ONE `classify_ticket` call", "FEAT-001:lint:1",
		"never the implementer or the local model", "A row with `error`", "this one time", "Classify again after an escalation",
		"`state: writing`", "`owner: cloud`", "`git apply --check`, then `git apply`", "`if_new_event_id`", "No `route`.",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the skill does not say %q", want)
		}
	}
	prompt := string(read(t, filepath.Join(root, "tools/local_first_ticket.md")))
	for _, want := range []string{
		"A row with `error`", "`state: writing`", "`owner: cloud`", "git apply --check", "`if_new_event_id`", "stop (do not try again",
		"Wait for a sub-agent",
	} {
		if !strings.Contains(prompt, want) {
			t.Errorf("the MCP prompt does not say %q", want)
		}
	}
}

// The hook is quiet where the program is missing or the user has not asked for
// the line, and never fails a session's start.
func TestSessionStartHook(t *testing.T) {
	var file struct {
		Description string `json:"description"`
		Hooks       map[string][]struct {
			Matcher string `json:"matcher"`
			Hooks   []struct {
				Type    string `json:"type"`
				Command string `json:"command"`
				Timeout int    `json:"timeout"` // seconds
			} `json:"hooks"`
		} `json:"hooks"`
	}
	strict(t, "hooks/hooks.json", &file)
	start := file.Hooks["SessionStart"]
	if len(file.Hooks) != 1 || len(start) != 1 || len(start[0].Hooks) != 1 {
		t.Fatalf("hooks = %+v, want one SessionStart hook", file.Hooks)
	}
	h := start[0].Hooks[0]
	if h.Type != "command" || h.Timeout < 1 || h.Timeout > 5 {
		t.Errorf("hook = %+v", h)
	}
	shell := parts.Program(t, "sh")
	run := func(program string) string {
		cmd := exec.CommandContext(t.Context(), shell, "-c", h.Command)
		cmd.Env = []string{"LOCALMODEL_BIN=" + program, "PATH=" + t.TempDir()}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v", program, err)
		}
		return string(out)
	}
	if out := run(""); out != "" { // no localmodel on the PATH
		t.Errorf("without the program: %q", out)
	}
	program := filepath.Join(t.TempDir(), "local model")
	if err := os.WriteFile(program, []byte("#!"+shell+"\necho called with $1\nexit 3\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	if out := run(program); out != "called with hint\n" {
		t.Errorf("with the program: %q", out)
	}
}

func TestStatsCommand(t *testing.T) {
	front, body := page(t, "commands/stats.md")
	if front["description"] == "" || !strings.Contains(body, "localmodel stats $ARGUMENTS") {
		t.Errorf("front matter %v, body %q", front, body)
	}
	for _, want := range []string{"Bash(localmodel stats:*)", "mcp__localmodel__check_local_health", "mcp__plugin_localmodel_localmodel__check_local_health"} {
		if !strings.Contains(front["allowed-tools"].(string), want) {
			t.Errorf("allowed-tools lacks %s", want)
		}
	}
}

// Each script of the plan has its line in the note.
func TestMigrationNamesEveryScript(t *testing.T) {
	text := string(read(t, "MIGRATION.md"))
	for _, script := range []string{"llm_call.sh", "classify.py", "plan_generator.py", "migrate-state.py"} {
		if !regexp.MustCompile(`(?m)^\| .*` + regexp.QuoteMeta(script) + `.*\| .+ \|$`).MatchString(text) {
			t.Errorf("no row for %s", script)
		}
	}
	for _, tool := range tools.All(&tools.Deps{}) {
		if !strings.Contains(text, tool.Declaration.Name) {
			t.Errorf("%s replaces nothing", tool.Declaration.Name)
		}
	}
}
