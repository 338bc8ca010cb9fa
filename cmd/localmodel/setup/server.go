package setup

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// findServer chooses the server: the one that is configured, else Ollama, else
// another one on its usual port.
func (r *run) findServer(ctx context.Context) []Outcome {
	if r.Setting("LOCALMODEL_LOCAL").Value == "proxy" {
		r.fleet = true
		return one(Outcome{State: Same, Text: "as configured: the proxy's group free is the local model"})
	}
	found := r.find(ctx)
	started := false
	if len(found) == 0 && r.Ollama != "" {
		if r.DryRun {
			return one(Outcome{State: Would, Text: "would start " + r.Ollama + " serve, which is installed and does not answer"})
		}
		if r.may(fmt.Sprintf("Start %s serve?", r.Ollama)) {
			if err := r.Start(ctx); err != nil {
				return one(Outcome{State: Failed, Text: err.Error()})
			}
			found, started = r.find(ctx), true
		}
	}
	if len(found) == 0 {
		return one(r.noServer())
	}
	s := found[0]
	if len(found) > 1 && !r.Yes && !r.DryRun {
		s = r.pickServer(found)
	}
	text := s.describe(s.Version)
	if s.Remote != "" {
		text += ". It is remote (" + s.Remote + "): tickets and sources are sent there"
		if !r.mayRemote() {
			return one(Outcome{State: Refused, Text: text, Fixes: []string{"choose one on this machine: unset OLLAMA_HOST"}})
		}
	}
	r.server, r.report.Server = &s, &s
	if started {
		return one(Outcome{State: Done, Text: "started; " + text})
	}
	return one(Outcome{State: Same, Text: text})
}

// find lists the servers. Where nobody is asked, a kind that the user configured
// is the only one that is taken.
func (r *run) find(ctx context.Context) []Server {
	found := r.Find(ctx)
	kind := r.Setting("LOCALMODEL_LOCAL")
	if kind.From == "default" || !r.Yes && !r.DryRun {
		return found
	}
	return slices.DeleteFunc(found, func(s Server) bool { return s.Kind != kind.Value })
}

// mayRemote asks whether a server on another machine may be used. An agent may
// not decide that, whatever its flags.
func (r *run) mayRemote() bool {
	switch {
	case r.Agent != "":
		return false
	case r.DryRun:
		return true
	}
	return r.may("Use this remote server?")
}

func (r *run) pickServer(found []Server) Server {
	for i, s := range found {
		r.Say(fmt.Sprintf("%d  %s", i+1, s.describe("")))
	}
	n, err := strconv.Atoi(r.Read("Which server? (Enter: 1)"))
	if err != nil || n < 1 || n > len(found) {
		n = 1
	}
	return found[n-1]
}

func (r *run) noServer() Outcome {
	const page = "https://ollama.com/download"
	o := Outcome{State: Missing, Text: "no model server answers on this machine"}
	command, known := installers[r.OS]
	switch {
	case r.Ollama != "":
		o.Fixes = []string{"ollama serve"}
	case known:
		o.Fixes = []string{command, "or see " + page}
	default:
		o.Fixes = []string{page, "ollama serve"}
	}
	if r.Ollama == "" {
		o.Text += ", and Ollama is not installed"
	}
	o.Fixes = append(o.Fixes, "localmodel setup")
	return o
}

// installers are the commands that get Ollama onto a system.
var installers = map[string]string{
	"darwin":  "brew install ollama && ollama serve",
	"windows": "winget install Ollama.Ollama",
	"linux":   "curl -fsSL https://ollama.com/install.sh | sh",
}

func (s Server) describe(version string) string {
	models := fmt.Sprintf("%d models", len(s.Models))
	switch len(s.Models) {
	case 0:
		models = "no model"
	case 1:
		models = "1 model"
	}
	return fmt.Sprintf("%s at %s, %s", strings.TrimSpace(s.Title+" "+version), s.URL, models)
}
