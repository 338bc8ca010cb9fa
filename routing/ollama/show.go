package ollama

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/ollama/ollama/api"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// traits are what a call needs to know of a model.
type traits struct {
	thinks bool   // think:false must be sent; without a thinking mode the field is an error on some versions
	most   int    // tokens of context the model was made for; 0 = not said
	remote string // the host it runs on; "" = the server's own machine
	// carries names the sampling parameters that the model's file sets.
	carries []string
}

// show asks the server what the model is. An alias of a cloud model shows
// where it runs just as the model does.
func (o *Backend) show(ctx context.Context) (gjson.Result, *routing.Error) {
	body, err := json.Marshal(api.ShowRequest{Model: o.cfg.Model})
	if err != nil {
		return gjson.Result{}, routing.Fail(routing.Unavailable, "the request cannot be written", err)
	}
	ctx, stop := o.controlTimeout(ctx)
	defer stop()
	resp, fault := o.post(ctx, "/api/show", body)
	if fault != nil {
		return gjson.Result{}, fault
	}
	data, fault := o.read(ctx, resp)
	if fault != nil {
		return gjson.Result{}, fault
	}
	doc := gjson.ParseBytes(data)
	info := doc.Get("model_info")
	arch := info.Get(gjson.Escape("general.architecture")).Str
	t := traits{
		thinks: strings.Contains(doc.Get("capabilities").Raw, `"thinking"`),
		most:   int(info.Get(gjson.Escape(arch + ".context_length")).Int()),
		remote: remoteHost(doc),
	}
	for line := range strings.Lines(doc.Get("parameters").Str) {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" && len(t.carries) < 32 {
			t.carries = append(t.carries, name)
		}
	}
	o.mu.Lock()
	o.traits = &t
	o.mu.Unlock()
	return doc, nil
}

// remoteHost is where a model runs by what the server says of it, in a listing
// or a description; "" = on the server's own machine.
func remoteHost(doc gjson.Result) string {
	return remoteName(doc.Get("remote_host").Str, doc.Get("remote_model").Str)
}

func remoteName(host, model string) string {
	switch {
	case host != "":
		return policy.Shorten(host, 80)
	case model != "":
		return "another host, as " + policy.Shorten(model, 80)
	}
	return ""
}

// RemoteModel asks the server where the model runs.
func (o *Backend) RemoteModel(ctx context.Context) (place.Host, *routing.Error) {
	doc, fault := o.show(ctx)
	if fault != nil {
		return place.Host{}, fault
	}
	return place.Host{Name: remoteHost(doc)}, nil
}

// knownTraits asks the server once. One that does not report them is asked again by
// the next call; a thinking model's answer is then caught by its schema.
func (o *Backend) knownTraits(ctx context.Context) traits {
	o.mu.Lock()
	known := o.traits
	o.mu.Unlock()
	if known == nil {
		if _, fault := o.show(ctx); fault != nil {
			return traits{}
		}
		o.mu.Lock()
		known = o.traits
		o.mu.Unlock()
	}
	return *known
}
