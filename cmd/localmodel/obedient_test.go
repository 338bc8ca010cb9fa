package main

import (
	"encoding/json"
	"io"
	"maps"
	"testing"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/integration/testkit/obedient"
	"github.com/fjbelchi/localmodel/tools"
)

// Where no model answers, the whole program ends each ticket of a client that
// does what the replies say, and counts nothing as local.
func TestObedientClient_NoModel(t *testing.T) {
	for name, set := range map[string]environment{
		"no Ollama":             {"LOCALMODEL_CLOUD": "never"},
		"dead Ollama and proxy": {"LOCALMODEL_CLOUD": "allow", "LITELLM_MASTER_KEY": "sk-test"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vars := nowhere(t)
			maps.Copy(vars, set)
			p := app.New(app.Env{Lookup: vars.lookup, Out: io.Discard, Err: io.Discard})
			defer p.Close()
			byName := map[string]tools.Tool{}
			for _, tool := range tools.All(p.Deps) {
				byName[tool.Declaration.Name] = tool
			}
			paths, err := obedient.Backlog(vars["CLAUDE_PROJECT_DIR"])
			if err != nil {
				t.Fatal(err)
			}
			client := obedient.New(7, func(name string, arguments []byte) ([]byte, error) {
				return byName[name].Run(t.Context(), p.Deps, tools.Call{Arguments: json.RawMessage(arguments)})
			})
			if err := client.Work(paths); err != nil {
				t.Error(err)
			}
			if client.LocalSuccesses != 0 {
				t.Errorf("%d tickets stayed local without a local model", client.LocalSuccesses)
			}
			t.Log(client)
		})
	}
}
