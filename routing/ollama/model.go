package ollama

import (
	"context"
	"strings"
	"time"

	"github.com/ollama/ollama/api"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/httpclient"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// canonical is a model's name as Ollama completes it: registry host, namespace
// and tag that are left out are its defaults, and case does not count.
func canonical(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if _, rest, found := strings.Cut(name, "://"); found {
		name = rest
	}
	tag := "latest"
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	switch strings.Count(name, "/") {
	case 0:
		name = "registry.ollama.ai/library/" + name
	case 1:
		name = "registry.ollama.ai/" + name
	}
	return name + ":" + tag
}

// own is this tier's model in a list of models, if it is there.
func (o *Backend) own(list gjson.Result) (found gjson.Result) {
	list.Get("models").ForEach(func(_, m gjson.Result) bool {
		if canonical(m.Get("name").Str) == canonical(o.cfg.Model) {
			found = m
		}
		return !found.Exists()
	})
	return found
}

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
	ctx, stop := o.controlTimeout(ctx)
	defer stop()
	resp, fault := o.post(ctx, "/api/show", api.ShowRequest{Model: o.cfg.Model})
	if fault != nil {
		return gjson.Result{}, fault
	}
	doc, fault := o.read(ctx, resp)
	if fault != nil {
		return doc, fault
	}
	t := traits{
		thinks: strings.Contains(doc.Get("capabilities").Raw, `"thinking"`),
		most:   int(ofArchitecture(doc, "context_length")),
		remote: remoteHost(doc),
	}
	for line := range strings.Lines(doc.Get("parameters").Str) {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" && len(t.carries) < 32 {
			t.carries = append(t.carries, name)
		}
	}
	o.traits.Store(&t)
	return doc, nil
}

// ofArchitecture is a number that a description gives for the model's kind.
func ofArchitecture(doc gjson.Result, key string) int64 {
	info := doc.Get("model_info")
	arch := info.Get(gjson.Escape("general.architecture")).Str
	return info.Get(gjson.Escape(arch + "." + key)).Int()
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
	return place.Host{Name: remoteHost(doc)}, fault
}

// knownTraits asks the server once. One that does not report them is asked again by
// the next call; a thinking model's answer is then caught by its schema.
func (o *Backend) knownTraits(ctx context.Context) traits {
	if o.traits.Load() == nil {
		if _, fault := o.show(ctx); fault != nil {
			return traits{}
		}
	}
	return *o.traits.Load()
}

func (o *Backend) version(ctx context.Context) (string, *routing.Error) {
	doc, fault := o.get(ctx, "/api/version")
	return policy.Shorten(doc.Get("version").Str, 40), fault
}

// Probe is a free look whether the server lives.
func (o *Backend) Probe(ctx context.Context) *routing.Error {
	_, fault := o.version(ctx)
	return fault
}

// Check looks at the server and its model.
func (o *Backend) Check(ctx context.Context) routing.Check {
	h := routing.Check{URL: o.cfg.URL, Model: o.cfg.Model}
	if err := o.slots.Check(ctx); err != nil {
		h.SlotsError = err.Error()
	}
	var fault *routing.Error
	var tags gjson.Result
	if h.Version, fault = o.version(ctx); fault == nil {
		tags, fault = o.get(ctx, "/api/tags")
	}
	if fault != nil {
		h.Error, h.Fix = fault.Reason, fault.Fix
		return h
	}
	listed := o.own(tags)
	h.OK, h.Present, h.Digest = listed.Exists(), listed.Exists(), digestOf(listed)
	if !h.Present {
		h.Error, h.Fix = o.missing(tags)
		return h
	}
	if doc, fault := o.show(ctx); fault == nil {
		h.Remote = remoteHost(doc)
	}
	if ps, fault := o.get(ctx, "/api/ps"); fault == nil {
		loaded := o.own(ps)
		h.Loaded, h.ContextLength = loaded.Exists(), int(loaded.Get("context_length").Int())
	}
	return h
}

func digestOf(listed gjson.Result) string {
	return policy.Shorten(strings.TrimPrefix(listed.Get("digest").Str, "sha256:"), 80)
}

// keepDigest is how long a digest is taken to stay: a pull changes it.
const keepDigest = 30 * time.Second

// AskDigest looks the digest up; a server that is slow or down gives "".
func (o *Backend) AskDigest(ctx context.Context) string {
	o.mu.Lock()
	digest, at := o.digest, o.digestAt
	o.mu.Unlock()
	if !at.IsZero() && time.Since(at) < keepDigest {
		return digest
	}
	limited, stop := context.WithTimeout(ctx, routing.HealthTimeout/4)
	defer stop()
	tags, fault := o.get(limited, "/api/tags")
	o.mu.Lock()
	defer o.mu.Unlock()
	if fault == nil {
		o.digest = digestOf(o.own(tags))
	}
	if ctx.Err() == nil {
		o.digestAt = time.Now() // also of a failure: one that is down is not asked for each ticket
	}
	return o.digest
}

const maxDescribed = 50

// List returns the version of the server and the models that are there and can
// answer: not those for embeddings. Nothing is loaded by it.
func (o *Backend) List(ctx context.Context) (version string, models []routing.Listed, fault *routing.Error) {
	version, fault = o.version(ctx)
	if fault != nil {
		return "", nil, fault
	}
	tags, fault := o.get(ctx, "/api/tags")
	tags.Get("models").ForEach(func(_, tag gjson.Result) bool {
		cfg := o.cfg
		cfg.Model = tag.Get("name").Str
		if cfg.Model == "" || len(cfg.Model) > 200 {
			return true
		}
		one := New(cfg)
		one.client = o.client
		var doc gjson.Result
		if doc, fault = one.show(ctx); fault != nil {
			return false
		}
		// Servers that report no capabilities are believed to have models that answer.
		if can := doc.Get("capabilities"); !can.IsArray() || can.Get(`#(=="completion")`).Exists() {
			models = append(models, one.describe(doc, tag))
		}
		return len(models) < maxDescribed
	})
	return version, models, fault
}

// describe is what the server says of the model, with the memory that the
// configured context takes.
func (o *Backend) describe(doc, listed gjson.Result) routing.Listed {
	const bytesEach = 2
	return routing.Listed{
		Name:       o.cfg.Model,
		Bytes:      listed.Get("size").Int(),
		Parameters: policy.Shorten(doc.Get("details.parameter_size").Str, 20),
		MaxContext: int(ofArchitecture(doc, "context_length")),
		ContextBytes: int64(o.cfg.NumCtx) * ofArchitecture(doc, "block_count") * ofArchitecture(doc, "attention.head_count_kv") *
			(ofArchitecture(doc, "attention.key_length") + ofArchitecture(doc, "attention.value_length")) * bytesEach,
		Remote: remoteHost(doc),
	}
}

// Inspect asks what the model takes.
func (o *Backend) Inspect(ctx context.Context) (info routing.ModelInfo, fault *routing.Error) {
	tags, fault := o.get(ctx, "/api/tags")
	if fault != nil {
		return info, fault
	}
	doc, fault := o.show(ctx)
	if fault != nil {
		return info, fault
	}
	info.Listed = o.describe(doc, o.own(tags))
	info.Quantization = doc.Get("details.quantization_level").Str
	if ps, fault := o.get(ctx, "/api/ps"); fault == nil {
		loaded := o.own(ps)
		info.LoadedBytes, info.GPUBytes = loaded.Get("size").Int(), loaded.Get("size_vram").Int()
	}
	return info, nil
}

// maxPullBytes bounds the messages of a pull; a long one says a line every
// 60 ms for hours.
const maxPullBytes = 256 << 20

// Pull fetches the model.
func (o *Backend) Pull(ctx context.Context, report func(status string, done, total int64)) *routing.Error {
	resp, fault := o.post(ctx, "/api/pull", map[string]any{"model": o.cfg.Model, "stream": true})
	if fault != nil {
		return fault
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	lines := httpclient.NewLines(resp.Body)
	lines.Left = maxPullBytes
	for {
		line, err := lines.Next()
		if err != nil {
			return routing.Fail(routing.Unavailable, "the download was broken off", err)
		}
		said := gjson.ParseBytes(line)
		if msg := said.Get("error"); msg.Exists() {
			reason := "Ollama could not fetch " + o.cfg.Model + ": " + policy.Shorten(httpclient.Flatten(msg), 200)
			return routing.Fail(routing.Unavailable, reason, nil)
		}
		status := said.Get("status").Str
		report(status, said.Get("completed").Int(), said.Get("total").Int())
		if status == "success" {
			return nil
		}
	}
}
