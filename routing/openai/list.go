package openai

import (
	"context"

	"github.com/fjbelchi/localmodel/routing"
)

// maxDescribed bounds how many models of a list the server is asked about.
const maxDescribed = 20

// ListLocal returns the models of a plain server, and its version where it
// reports one. MaxContext is the window each is served with.
func ListLocal(ctx context.Context, cfg LocalConfig) (version string, models []routing.Listed, fault *routing.Error) {
	ask := func(model string) facts {
		one := cfg
		one.Model = model
		p, ok := NewLocal(one).(*plain)
		if !ok {
			return facts{}
		}
		defer p.Close()
		return p.askFacts(ctx)
	}
	all := ask("")
	if all.fault != nil {
		return "", nil, all.fault
	}
	for _, name := range all.models {
		if name == "" || len(models) == maxDescribed {
			continue
		}
		f := ask(name)
		if f.fault != nil {
			return version, models, f.fault
		}
		version = f.version
		models = append(models, routing.Listed{Name: name, MaxContext: f.window, Remote: f.remote})
	}
	return version, models, nil
}
