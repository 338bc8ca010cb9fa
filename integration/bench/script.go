package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/integration/bench/sample"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
	"github.com/fjbelchi/localmodel/integration/testkit/process"
)

// instantProxy imitates a LiteLLM whose model takes no time, so that what is
// around the call is what is measured. It answers what both sides can use.
func instantProxy(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // only to be read
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"model":"free","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"{\"complexity\":\"low\"}"}}],`+
		`"usage":{"prompt_tokens":9,"completion_tokens":6}}`)
}

// script measures one call beside the shell script that is replaced, both to
// the same instant proxy.
func script(l *lab) ([]row, error) {
	for _, program := range []string{"bash", "python3", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, absentError{fmt.Errorf("%s is not here", program)}
		}
	}
	proxy := httptest.NewServer(http.HandlerFunc(instantProxy))
	defer proxy.Close()
	project, err := l.project()
	if err != nil {
		return nil, err
	}
	ours := l.server(project, "LOCALMODEL_LOCAL=proxy", "LITELLM_BASE_URL="+proxy.URL)
	return opened([]*exec.Cmd{ours}, func(c []*mcpchild.Child) ([]row, error) { return l.compareScript(proxy.URL, c[0]) })
}

func (l *lab) compareScript(url string, ours *mcpchild.Child) ([]row, error) {
	var scriptCPU []float64
	runScript := func() error {
		cmd := exec.Command("bash", filepath.Join(l.root, "integration", "bench", "llm_call.sh"), "--model", "free", //nolint:noctx // short
			"--system", "You classify tickets.", "--user", "The total is wrong. It is rounded down.")
		cmd.Env = binary.Environ(l.dir, "LITELLM_BASE_URL="+url)
		out, err := cmd.CombinedOutput()
		if err == nil && !strings.Contains(string(out), `"low"`) {
			err = errors.New("no answer")
		}
		if err != nil {
			return fmt.Errorf("llm_call.sh: %w: %s", err, out)
		}
		scriptCPU = append(scriptCPU, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
		return nil
	}
	call := func() error { return classifyAsked(ours) }
	if err := errors.Join(call(), runScript()); err != nil { // warm
		return nil, err
	}
	scriptCPU = nil
	sides, err := sample.Interleave(l.pick(10, 1), l.pick(5, 2), sample.Timed(call), sample.Timed(runScript))
	if err != nil {
		return nil, err
	}
	rows := []row{atLeast("one call, beside the shell script it replaces: time",
		sample.Duration(sides[0].At(.5)), sample.Duration(sides[1].At(.5)), sample.Over(sides[1], sides[0], .5), 100)}
	cpu, spawned, err := cpuOf(ours, l.pick(10, 1), l.pick(200, 20), call)
	if err != nil {
		return append(rows, row{what: "the same: processor time", ours: err.Error(), met: skipped}), nil
	}
	each := make([]float64, len(cpu))
	for i := range cpu {
		each[i] = sample.Median(scriptCPU) / cpu[i]
	}
	return append(rows,
		atLeast("the same: processor time", sample.Duration(sample.Median(cpu)), sample.Duration(sample.Median(scriptCPU)), sample.SpreadOf(sample.Median(scriptCPU)/sample.Median(cpu), each), 100),
		row{what: "processes spawned by a call", ours: fmt.Sprint(spawned), bare: "python3 three times, curl, tail, head, subshells", target: "0", met: holds(spawned == 0)}), nil
}

// cpuOf is the processor time that a server spends on one call, round by round.
func cpuOf(c *mcpchild.Child, rounds, n int, call func() error) (seconds []float64, spawned int, err error) {
	before, err := process.ReadUsage(c.PID())
	for range rounds {
		if err != nil {
			return nil, 0, err
		}
		for range n {
			if err := call(); err != nil {
				return nil, 0, err
			}
		}
		var after process.Usage
		after, err = process.ReadUsage(c.PID())
		seconds = append(seconds, max(after.CPU-before.CPU, time.Microsecond).Seconds()/float64(n))
		before = after
	}
	return seconds, before.Spawned, err
}
