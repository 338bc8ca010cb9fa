// Command versions runs the program's behaviour behind each LiteLLM that has a
// lock, and writes the table of what passes. Facts about one version, and what
// takes long, are left out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// versions are the parts in the order of the table's columns.
var versions = []string{parts.LiteLLM183, parts.LiteLLM189, parts.LiteLLM}

// leftOut are tests of facts about the pinned version, and of figures.
const leftOut = "^(TestFact|TestPromisesOfThePlan|TestFleet|TestAskARealSmallModel)"

func main() {
	only := flag.String("run", "", "run only the tests that match `REGEXP`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "versions:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string) error {
	root, err := parts.Root()
	if err != nil {
		return err
	}
	var names []string // tests in the order in which they end
	results := map[[2]string]string{}
	var failed error
	for _, version := range versions {
		bin, err := parts.Find(version)
		if err != nil {
			return err
		}
		err = test(ctx, root, bin, only, func(name, result string) {
			fmt.Printf("%s\t%s\t%s\n", version, result, name)
			results[[2]string{name, version}] = result
			if result == "fail" {
				failed = errors.New("not all versions pass")
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		})
		if err != nil {
			return err
		}
	}
	table := filepath.Join(root, "integration", "litellm", "VERSIONS.md")
	return errors.Join(os.WriteFile(table, []byte(page(names, results)), 0o600), failed)
}

// test runs the proxy's tests against one LiteLLM and reports each that ended.
func test(ctx context.Context, root, bin, only string, ended func(name, result string)) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-json", "-timeout", "30m",
		"-skip", leftOut, "-run", only, "./integration/e2e/proxy")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Env = append(os.Environ(), "LITELLM_BIN="+bin, "REQUIRE=litellm,ollama")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		switch e.Action {
		case "pass", "fail", "skip":
			ended(e.Test, e.Action)
		case "output":
			if strings.Contains(e.Output, "_test.go:") {
				fmt.Print(e.Output)
			}
		}
	}
	_ = cmd.Wait() // a test that fails is in the table
	return lines.Err()
}

// page is the table.
func page(names []string, results map[[2]string]string) string {
	var b strings.Builder
	b.WriteString("# LiteLLM versions that localmodel is tested with\n\n" +
		"Written by `make proxies`: the same tests of the program against each version, installed from its lock.\n" +
		"A skipped one asks for something that the version does not have.\n\n| test |")
	for _, v := range versions {
		name := strings.TrimPrefix(strings.TrimPrefix(v, "litellm"), "-")
		if name == "" {
			name = "pinned"
		}
		fmt.Fprintf(&b, " %s |", name)
	}
	b.WriteString("\n|---" + strings.Repeat("|---", len(versions)) + "|\n")
	for _, name := range names {
		fmt.Fprintf(&b, "| %s |", name)
		for _, v := range versions {
			fmt.Fprintf(&b, " %s |", results[[2]string{name, v}])
		}
		b.WriteString("\n")
	}
	return b.String()
}
