package ollamatest

import (
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit/tinygguf"
)

// A server finds the models made by an earlier one, and what it does to them is
// its own affair.
func TestModelsAreMadeOnceAndNotShared(t *testing.T) {
	first := New(t)
	first.Create(t, Steered, tinygguf.Options{Arch: tinygguf.Llama, Seed: 2})
	first.Copy(t, TinyLlama, Unsure)
	second := New(t)
	for _, model := range []string{Steered, SteeredSlow, Unsure, Looping, TinyLlama, TinyQwen} {
		if err := second.post("/api/show", []byte(`{"model":"`+model+`"}`)); err != nil {
			t.Errorf("%s: %v", model, err)
		}
	}
	want := strings.Trim(steeredReply, tinygguf.Start+tinygguf.End)
	if got := compact(t, chat(t, second, Steered, "Fix it.", classifySchema, 1).Message.Content); got != want {
		t.Errorf("another server's change is here: %s, want %s", got, want)
	}
	if strings.Contains(second.Log(), `"/api/create"`) {
		t.Error("the models were created anew")
	}
}
