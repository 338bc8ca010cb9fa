package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/checkup"
	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
)

// mender does what doctor may do by itself, each thing after asking.
type mender struct {
	p   *parts
	w   world
	yes bool
}

// startWithin is how long a started Ollama may take until it answers.
const startWithin = time.Minute

func (m mender) mend(ctx context.Context, f checkup.Facts) error {
	if f.ByProxy {
		return nil // its models are the proxy's
	}
	o := f.Health.Ollama
	if o.Version == "" {
		if f.Installed == "" || !m.may(fmt.Sprintf("Start %s serve?", f.Installed)) {
			return nil
		}
		if err := m.start(ctx, f.Installed); err != nil {
			return exitError{1, "localmodel doctor: " + err.Error()}
		}
		o = m.p.router.Health(ctx, false).Ollama
	}
	if o.Version == "" || o.Present || !m.may(fmt.Sprintf("Fetch the model %s?", o.Model)) {
		return nil
	}
	if err := m.pull(ctx); err != nil {
		return exitError{1, fmt.Sprintf("localmodel doctor: %v\nWhat is fetched stays: localmodel doctor --fix goes on from there.", err)}
	}
	return nil
}

func (m mender) may(question string) bool {
	if m.yes {
		fmt.Fprintln(m.w.err, strings.TrimSuffix(question, "?"))
		return true
	}
	return term.Ask(m.w.in, m.w.err, question)
}

// start leaves Ollama running and waits until it answers.
func (m mender) start(ctx context.Context, program string) error {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	log := filepath.Join(dir, "localmodel", "ollama.log")
	if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
		return err
	}
	host := m.p.config.ollama[strings.Index(m.p.config.ollama, "://")+3:]
	pid, err := machine.Leave(program, []string{"serve"}, []string{"OLLAMA_HOST=" + host}, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(m.w.err, "Ollama runs as process %d; what it says is in %s\n", pid, log)
	limited, stop := context.WithTimeout(ctx, startWithin)
	defer stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for m.p.router.Health(limited, false).Ollama.Version == "" {
		select {
		case <-limited.Done():
			return fmt.Errorf("Ollama does not answer after %s; its log %s says why", startWithin, log) //nolint:staticcheck // a name begins the sentence
		case <-tick.C:
		}
	}
	return nil
}

// pull fetches the model with a progress bar over all its layers.
func (m mender) pull(ctx context.Context) error {
	var bar *term.Bar
	done, total := map[string]int64{}, map[string]int64{}
	err := m.p.router.Pull(ctx, func(status string, completed, size int64) {
		if size == 0 {
			return
		}
		done[status], total[status] = completed, size
		var have, whole int64
		for layer := range total {
			have, whole = have+done[layer], whole+total[layer]
		}
		if bar == nil { // an earlier try may have left something
			bar = term.NewBar(m.w.err, float64(have))
		}
		bar.Set(float64(have), float64(whole), fmt.Sprintf("%s, %.1f of %.1f MB", m.p.config.model, float64(have)/1e6, float64(whole)/1e6))
	})
	if bar != nil {
		bar.Clear()
	}
	if err == nil {
		fmt.Fprintf(m.w.err, "%s is there\n", m.p.config.model)
	}
	return err
}
