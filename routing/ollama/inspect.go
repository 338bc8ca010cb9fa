package ollama

import (
	"context"
	"encoding/json"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/httpclient"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Inspect asks what the model takes.
func (o *Backend) Inspect(ctx context.Context) (info routing.ModelInfo, fault *routing.Error) {
	tags, fault := o.get(ctx, "/api/tags")
	if fault != nil {
		return info, fault
	}
	o.mine(tags, func(m gjson.Result) { info.Bytes = m.Get("size").Int() })
	show, fault := o.show(ctx)
	if fault != nil {
		return info, fault
	}
	info.Parameters, info.Quantization = show.Get("details.parameter_size").Str, show.Get("details.quantization_level").Str
	about := describe(show, o.cfg.NumCtx)
	info.MaxContext, info.ContextBytes = about.MaxContext, about.ContextBytes
	if ps, fault := o.get(ctx, "/api/ps"); fault == nil {
		o.mine(ps, func(m gjson.Result) {
			info.LoadedBytes, info.GPUBytes = m.Get("size").Int(), m.Get("size_vram").Int()
		})
	}
	return info, nil
}

// mine finds this tier's model in a list of models.
func (o *Backend) mine(list []byte, found func(gjson.Result)) {
	gjson.GetBytes(list, "models").ForEach(func(_, m gjson.Result) bool {
		if !sameModel(m.Get("name").Str, o.cfg.Model) {
			return true
		}
		found(m)
		return false
	})
}

// Pull fetches the model.
func (o *Backend) Pull(ctx context.Context, report func(status string, done, total int64)) *routing.Error {
	body, err := json.Marshal(map[string]any{"model": o.cfg.Model, "stream": true})
	if err != nil {
		return routing.Fail(routing.Unavailable, "the request cannot be written", err)
	}
	resp, fault := o.post(ctx, "/api/pull", body)
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
			return routing.Fail(routing.Unavailable, "Ollama could not fetch "+o.cfg.Model+": "+policy.Shorten(httpclient.Flatten(msg), 200), nil)
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
