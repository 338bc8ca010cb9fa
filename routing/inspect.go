package routing

import (
	"context"
	"encoding/json"
	"io"

	"github.com/tidwall/gjson"
)

// ModelInfo is what the local model takes, as its server tells.
type ModelInfo struct {
	Bytes        int64  // of its weights
	ContextBytes int64  // of the context at Config.NumCtx; 0 = the server does not tell enough
	MaxContext   int    // tokens the model was made for; 0 = not told
	Parameters   string // "30.5B"
	Quantization string // "Q4_K_M"
	LoadedBytes  int64  // in memory now; 0 = not loaded
	GPUBytes     int64  // of LoadedBytes, on a GPU
}

// Inspect asks Ollama what its model takes. Nothing is loaded by it.
func (r *Router) Inspect(ctx context.Context) (ModelInfo, error) {
	info, fault := r.ollama.inspect(ctx)
	if fault != nil {
		fault.Tier = Local
		return info, fault
	}
	return info, nil
}

func (o *ollama) inspect(ctx context.Context) (info ModelInfo, fault *Error) {
	tags, fault := o.get(ctx, "/api/tags")
	if fault != nil {
		return info, fault
	}
	o.mine(tags, func(m gjson.Result) { info.Bytes = m.Get("size").Int() })
	body, err := json.Marshal(map[string]string{"model": o.cfg.Model})
	if err != nil {
		return info, fail(Unavailable, "the request cannot be written", err)
	}
	resp, fault := o.post(ctx, "/api/show", body)
	if fault != nil {
		return info, fault
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxReplyBytes))
	if err != nil {
		return info, o.unreachable(ctx, err)
	}
	show := gjson.ParseBytes(data)
	info.Parameters, info.Quantization = show.Get("details.parameter_size").Str, show.Get("details.quantization_level").Str
	arch := show.Get(`model_info.general\.architecture`).Str
	of := func(key string) int64 { return show.Get("model_info." + gjson.Escape(arch+"."+key)).Int() }
	info.MaxContext = int(of("context_length"))
	info.ContextBytes = int64(o.cfg.NumCtx) * of("block_count") * of("attention.head_count_kv") * (of("attention.key_length") + of("attention.value_length")) * 2
	if ps, fault := o.get(ctx, "/api/ps"); fault == nil {
		o.mine(ps, func(m gjson.Result) {
			info.LoadedBytes, info.GPUBytes = m.Get("size").Int(), m.Get("size_vram").Int()
		})
	}
	return info, nil
}

// mine finds this tier's model in a list of models.
func (o *ollama) mine(list []byte, found func(gjson.Result)) {
	gjson.GetBytes(list, "models").ForEach(func(_, m gjson.Result) bool {
		if !sameModel(m.Get("name").Str, o.cfg.Model) {
			return true
		}
		found(m)
		return false
	})
}

// Pull makes Ollama fetch its model. Report hears what is being fetched, with
// bytes done of total, 0 of 0 where there is nothing to count. A pull that is
// canceled goes on where it stopped when it is asked for again.
func (r *Router) Pull(ctx context.Context, report func(status string, done, total int64)) error {
	if fault := r.ollama.pull(ctx, report); fault != nil {
		fault.Tier = Local
		return fault
	}
	return nil
}

func (o *ollama) pull(ctx context.Context, report func(status string, done, total int64)) *Error {
	body, err := json.Marshal(map[string]any{"model": o.cfg.Model, "stream": true})
	if err != nil {
		return fail(Unavailable, "the request cannot be written", err)
	}
	resp, fault := o.post(ctx, "/api/pull", body)
	if fault != nil {
		return fault
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	lines := newLines(resp.Body)
	lines.left = maxPullBytes
	for {
		line, err := lines.next()
		if err != nil {
			return fail(Unavailable, "the download was broken off", err)
		}
		said := gjson.ParseBytes(line)
		if msg := said.Get("error"); msg.Exists() {
			return fail(Unavailable, "Ollama could not fetch "+o.cfg.Model+": "+shorten(flatten(msg), 200), nil)
		}
		status := said.Get("status").Str
		report(status, said.Get("completed").Int(), said.Get("total").Int())
		if status == "success" {
			return nil
		}
	}
}

// maxPullBytes bounds the messages of a pull; a long one says a line every
// 60 ms for hours.
const maxPullBytes = 256 << 20
