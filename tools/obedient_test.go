package tools

import (
	"encoding/json"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit/obedient"
)

// With a local model a client that does what the replies say ends each ticket,
// some of them local. Without one: cmd/localmodel.
func TestObedientClient_LocalModel(t *testing.T) {
	m := &draftingModel{}
	m.says = func(string) (string, string) { return "BUG", "low" }
	d := decider(t, &m.scriptedModel)
	d.Asker = m
	writeTicket(t, d.Root, "cart.go", cartGo)
	paths, err := obedient.Backlog(d.Root)
	if err != nil {
		t.Fatal(err)
	}
	tools := map[string]Tool{}
	for _, tool := range All(d) {
		tools[tool.Declaration.Name] = tool
	}
	client := obedient.New(7, func(name string, arguments []byte) ([]byte, error) {
		return tools[name].Run(t.Context(), d, Call{Arguments: json.RawMessage(arguments)})
	})
	if err := client.Work(paths); err != nil {
		t.Error(err)
	}
	if client.LocalSuccesses == 0 || client.LocalEscalations == 0 {
		t.Error("no ticket stayed local, or none was escalated")
	}
	t.Log(client)
}
