package checkup

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
	"github.com/fjbelchi/localmodel/cmd/localmodel/models"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/routing"
)

// Fixer does what doctor and setup may do by themselves, each thing after
// asking.
type Fixer struct {
	Router *routing.Router
	In     io.Reader
	Out    io.Writer // where it asks and shows progress
	Yes    bool      // do not ask
	Dir    string    // of the user's own, for the log of what is started
}

// startWithin is how long a started Ollama may take until it answers.
const startWithin = time.Minute

// Fix starts Ollama where it is installed and does not answer, and fetches the
// model where it is missing.
func (m Fixer) Fix(ctx context.Context, f Facts) error {
	if f.Config.Local != "ollama" {
		return nil // its models are the proxy's, or the server's
	}
	o := f.Health.Ollama
	if o.Version == "" {
		if f.Installed == "" || o.Fix != startOllama || !m.may(fmt.Sprintf("Start %s serve?", f.Installed)) {
			return nil
		}
		if err := m.Start(ctx, f.Installed, o.URL); err != nil {
			return err
		}
		o = m.Router.Health(ctx, false).Ollama
	}
	if o.Version == "" || o.Present || !m.may("Fetch the model "+o.Model+models.About(o.Model, 0)+"?") {
		return nil
	}
	if err := m.Pull(ctx, o.Model); err != nil {
		return fmt.Errorf("%w\nWhat is fetched stays: localmodel doctor --fix goes on from there", err)
	}
	return nil
}

func (m Fixer) may(question string) bool {
	if m.Yes {
		fmt.Fprintln(m.Out, strings.TrimSuffix(question, "?"))
		return true
	}
	return term.Ask(m.In, m.Out, question)
}

// Start leaves Ollama running and waits until it answers.
func (m Fixer) Start(ctx context.Context, program, address string) error {
	dir, err := rootfs.Private(ctx, m.Dir)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // the log has a handle of its own
	out, err := dir.Append(ctx, "ollama.log")
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck // the child has its own handle
	log := filepath.Join(m.Dir, "ollama.log")
	_, host, _ := strings.Cut(address, "://")
	pid, err := machine.Leave(program, []string{"serve"}, []string{"OLLAMA_HOST=" + host}, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(m.Out, "Ollama runs as process %d; what it says is in %s\n", pid, log)
	limited, stop := context.WithTimeout(ctx, startWithin)
	defer stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for m.Router.Health(limited, false).Ollama.Version == "" {
		select {
		case <-limited.Done():
			return fmt.Errorf("Ollama does not answer after %s; its log %s says why", startWithin, log) //nolint:staticcheck // a name begins the sentence
		case <-tick.C:
		}
	}
	return nil
}

// Pull fetches the model, which is the Router's, with a progress bar over all its layers.
func (m Fixer) Pull(ctx context.Context, model string) error {
	var bar *term.Bar
	done, total := map[string]int64{}, map[string]int64{}
	err := m.Router.Pull(ctx, func(status string, completed, size int64) {
		if size == 0 {
			return
		}
		done[status], total[status] = completed, size
		var have, whole int64
		for layer := range total {
			have, whole = have+done[layer], whole+total[layer]
		}
		if bar == nil { // an earlier try may have left something
			bar = term.NewBar(m.Out, float64(have))
		}
		bar.Set(float64(have), float64(whole), fmt.Sprintf("%s, %.1f of %.1f MB", model, float64(have)/1e6, float64(whole)/1e6))
	})
	if bar != nil {
		bar.Clear()
	}
	if err == nil {
		fmt.Fprintf(m.Out, "%s is there\n", model)
	}
	return err
}
