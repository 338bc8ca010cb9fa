package smol

import (
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/tools/background"
)

// The real weak model repeats whatever its prompt suggests: it is found out by
// itself after an answer, and from then on its word is not asked for.
func TestEcho_SmolLM(t *testing.T) {
	server := ollamatest.Shared(t)
	p := newProject(t, tiers.Config{OllamaURL: server.URL, Model: server.SmolLM(t)})
	p.deps.Finish = background.New(t.TempDir())
	t.Cleanup(p.deps.Finish.Close)
	p.deps.EchoAfter = time.Millisecond
	l := tickets(t)[0]
	var before, after struct{ Tickets []struct{ By, Why string } }
	p.use(t, "classify_ticket", map[string]any{"ticket_paths": []string{l.write(t, p.root)}, "route": "local"}, &before)
	if by := before.Tickets[0].By; by != "local" {
		t.Fatalf("the first answer is by %s", by)
	}
	var health struct{ Warnings []string }
	testkit.Eventually(t, "the measurement", func() bool {
		p.use(t, "check_local_health", map[string]any{}, &health)
		return strings.Contains(strings.Join(health.Warnings, "\n"), "follow the prompt's hint")
	})
	t.Log(health.Warnings)
	p.use(t, "classify_ticket", map[string]any{"ticket_paths": []string{l.write(t, p.root)}, "route": "local"}, &after)
	if by := after.Tickets[0].By; by != "rules" {
		t.Errorf("its word still counts: by %s", by)
	}
}
