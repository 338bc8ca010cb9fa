package checkup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/routing/place"
)

// The versions between which Ollama is known to work: the oldest was run, the
// newest read, and the tests run one in between.
const oldestOllama, newestOllama = "0.17.4", "0.33"

func (f Facts) ollama() []Check {
	o := f.Health.Ollama
	if o.Remote != "" {
		return f.remote()
	}
	if f.Config.Local == "proxy" {
		c := Check{Name: "local model", Status: OK, Text: "the proxy's group free (LOCALMODEL_LOCAL=proxy)"}
		if o.Note != "" {
			c.Status, c.Text = Advice, c.Text+": "+o.Note
		}
		return []Check{c}
	}
	if f.Config.Local == "openai" {
		return []Check{f.server()}
	}
	if o.Version == "" {
		c := Check{Name: "Ollama", Status: Less, Text: o.Error}
		switch {
		case o.Fix != startOllama: // it is there, and something else is wrong
			c.Fixes = nonEmpty(o.Fix)
		case f.ollamaHere() && f.Installed == "":
			c.Text += "; its program is not installed"
			c.Fixes = []string{"install Ollama from https://ollama.com/download", "localmodel setup, which fetches a model that fits this machine"}
		case f.ollamaHere():
			c.Fixes = []string{"localmodel doctor --fix", "or yourself: " + startOllama}
		}
		return []Check{c}
	}
	out := []Check{f.version()}
	if !o.Present {
		return append(out, Check{Name: "model", Status: Less, Text: o.Error, Fixes: []string{"localmodel doctor --fix", "or yourself: " + o.Fix}})
	}
	return append(out, f.model(), f.memory())
}

// ollamaHere reports whether Ollama runs on this machine, or would.
func (f Facts) ollamaHere() bool { return place.Loopback(f.Config.Ollama) }

func (f Facts) slots() []Check {
	if text := f.Health.Ollama.SlotsError; text != "" {
		return []Check{{Name: "slots", Status: Advice, Text: text}}
	}
	return nil
}

// server is the local tier of LOCALMODEL_LOCAL=openai.
func (f Facts) server() Check {
	o := f.Health.Ollama
	c := Check{Name: "local model", Status: OK, Text: o.Model + " at " + o.URL + " (LOCALMODEL_LOCAL=openai)"}
	switch {
	case !o.OK:
		c.Status, c.Text, c.Fixes = Less, o.Error, nonEmpty(o.Fix)
	case o.Note != "":
		c.Status, c.Text = Advice, c.Text+": "+o.Note
	case o.ContextLength > 0:
		c.Text += fmt.Sprintf(", a window of %d tokens", o.ContextLength)
	}
	return c
}

// startOllama is the fix of a server on this machine that does not answer.
const startOllama = "ollama serve"

// remote is the local tier where it is not on this machine: refused, or asked
// with what that means.
func (f Facts) remote() []Check {
	o := f.Health.Ollama
	if o.Refused {
		return []Check{{Name: "local model", Status: Less, Text: o.Error, Fixes: nonEmpty(o.Fix)}}
	}
	var out []Check
	if !o.OK {
		out = append(out, Check{Name: "local model", Status: Less, Text: o.Error, Fixes: nonEmpty(o.Fix)})
	}
	return append(out, Check{
		Name: "remote", Status: Advice,
		Text:  o.Model + " at " + o.URL + " is remote: " + o.Remote + ". Tickets and sources are sent there.",
		Fixes: []string{"to keep them here: export LOCALMODEL_CLOUD=never"},
	})
}

func (f Facts) version() Check {
	o := f.Health.Ollama
	c := Check{Name: "Ollama", Status: OK, Text: fmt.Sprintf("%s at %s", o.Version, o.URL)}
	switch v := o.Version; {
	case v == "0.0.0": // built without its version set
		c.Text += " (a build of its own; its version is not known)"
	case older(v, oldestOllama):
		c.Status = Advice
		c.Text += ": older than " + oldestOllama + ", the oldest known to work; answers may come without a confidence"
		c.Fixes = []string{"install a newer Ollama from https://ollama.com/download"}
	case older(newestOllama+".99", v):
		c.Text += " (newer than any this release was tried with)"
	default:
		c.Text += ", a version known to work"
	}
	return c
}

func (f Facts) model() Check {
	o := f.Health.Ollama
	c := Check{Name: "model", Status: OK, Text: o.Model}
	if f.ModelErr == nil {
		if about := strings.Join(nonEmpty(f.Model.Parameters, f.Model.Quantization, gigabytes(f.Model.Bytes)), ", "); about != "" {
			c.Text += " (" + about + ")"
		}
	}
	switch {
	case o.Error != "": // found and tried, and it did not answer
		c.Status, c.Text = Less, c.Text+": no answer: "+o.Error
		c.Fixes = nonEmpty(o.Fix)
	case o.Loading:
		c.Text += ": cold, it is loading now"
	case !o.Loaded:
		c.Text += ": cold, it loads at the first call"
	case o.ContextLength != f.Config.NumCtx:
		c.Text += fmt.Sprintf(": loaded by another program with a window of %d tokens, so the first call loads it again with %d", o.ContextLength, f.Config.NumCtx)
		c.Status, c.Fixes = Advice, []string{fmt.Sprintf("to share the loaded one: export LOCALMODEL_NUM_CTX=%d", o.ContextLength)}
	default:
		c.Text += fmt.Sprintf(": loaded, window of %d tokens", o.ContextLength)
	}
	if g := o.Generated; g != "" {
		c.Text += ", answered in " + g
	}
	if m := f.Model.MaxContext; m > 0 && m < f.Config.NumCtx {
		c.Status, c.Fixes = Advice, []string{fmt.Sprintf("export LOCALMODEL_NUM_CTX=%d", m)}
		c.Text += fmt.Sprintf("; it was made for %d tokens, less than the %d asked for", m, f.Config.NumCtx)
	}
	return c
}

// memory reports whether the model fits. What is loaded has been measured by the
// server; else it is weights and context, and the system's memory.
func (f Facts) memory() Check {
	c := Check{Name: "memory", Status: OK}
	m := f.Model
	need, window := m.Bytes+m.ContextBytes, f.Config.NumCtx
	switch {
	case f.ModelErr != nil:
		c.Status, c.Text = Advice, "not known: "+f.ModelErr.Error()
	case m.LoadedBytes > 0:
		c.Text = fmt.Sprintf("the loaded model takes %s, %d %% of it on a GPU", gigabytes(m.LoadedBytes), m.GPUBytes*100/m.LoadedBytes)
	case !f.ollamaHere():
		c.Text = fmt.Sprintf("the model takes about %s on Ollama's host", gigabytes(need))
	case f.Memory == 0:
		c.Text = fmt.Sprintf("the model takes about %s; how much this machine has is not known", gigabytes(need))
	case need > f.Memory:
		c.Status = Less
		c.Text = fmt.Sprintf("the model takes about %s (%s weights, %s for %d tokens of context), this machine has %s",
			gigabytes(need), gigabytes(m.Bytes), gigabytes(m.ContextBytes), window, gigabytes(f.Memory))
		c.Fixes = []string{"export LOCALMODEL_MODEL=<a smaller model>", fmt.Sprintf("or export LOCALMODEL_NUM_CTX=%d", window/4)}
	default:
		c.Text = fmt.Sprintf("the model takes about %s with %d tokens of context, this machine has %s", gigabytes(need), window, gigabytes(f.Memory))
	}
	return c
}

// older compares dotted versions by number; what is not a number is 0.
func older(a, b string) bool { return slices.Compare(numbers(a), numbers(b)) < 0 }

func numbers(version string) []int {
	n := make([]int, 3)
	_, _ = fmt.Sscanf(strings.TrimLeft(version, "v"), "%d.%d.%d", &n[0], &n[1], &n[2]) // what is read so far counts
	return n
}

// gigabytes writes bytes as people buy memory; "" for nothing.
func gigabytes(n int64) string {
	switch {
	case n <= 0:
		return ""
	case n < 1e9:
		return fmt.Sprintf("%.3g MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

func nonEmpty(list ...string) []string {
	var out []string
	for _, s := range list {
		if s != "" && s != "unknown" {
			out = append(out, s)
		}
	}
	return out
}
