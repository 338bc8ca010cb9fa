package ollama

import (
	"context"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// maxDescribed bounds how many models of a list the server is asked to
// describe.
const maxDescribed = 50

// List returns the version of the server and the models that are there and can
// answer: not those for embeddings. Nothing is loaded by it.
func (o *Backend) List(ctx context.Context) (version string, models []routing.Listed, fault *routing.Error) {
	data, fault := o.get(ctx, "/api/version")
	if fault != nil {
		return "", nil, fault
	}
	version = policy.Shorten(gjson.GetBytes(data, "version").Str, 40)
	tags, fault := o.get(ctx, "/api/tags")
	if fault != nil {
		return version, nil, fault
	}
	gjson.GetBytes(tags, "models").ForEach(func(_, tag gjson.Result) bool {
		name := tag.Get("name").Str
		if name == "" || len(name) > 200 {
			return true
		}
		one := New(o.cfg.forModel(name))
		one.client = o.client
		var doc gjson.Result
		if doc, fault = one.show(ctx); fault != nil {
			return false
		}
		if answers(doc) {
			m := describe(doc, o.cfg.NumCtx)
			m.Name, m.Bytes = name, tag.Get("size").Int()
			models = append(models, m)
		}
		return len(models) < maxDescribed
	})
	return version, models, fault
}

func (c Config) forModel(name string) Config {
	c.Model = name
	return c
}

// answers reports whether a model can be asked; servers that report no
// capabilities are believed to have such models.
func answers(doc gjson.Result) bool {
	can := doc.Get("capabilities")
	return !can.IsArray() || can.Get(`#(=="completion")`).Exists()
}

// describe is what a server says of a model, with the memory that a context of
// tokens takes.
func describe(doc gjson.Result, tokens int) routing.Listed {
	arch := doc.Get(`model_info.general\.architecture`).Str
	of := func(key string) int64 { return doc.Get("model_info." + gjson.Escape(arch+"."+key)).Int() }
	const bytesEach = 2
	return routing.Listed{
		Parameters: policy.Shorten(doc.Get("details.parameter_size").Str, 20),
		MaxContext: int(of("context_length")),
		ContextBytes: int64(tokens) * of("block_count") * of("attention.head_count_kv") *
			(of("attention.key_length") + of("attention.value_length")) * bytesEach,
		Remote: remoteHost(doc),
	}
}
