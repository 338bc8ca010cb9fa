package decide

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/tools/deps"
)

// undecided imitates a model that calls every ticket medium, whatever its hint.
type undecided struct{ deps.Asker }

func (undecided) Digest(context.Context) string { return "d" }

func (undecided) Complete(_ context.Context, _ policy.Route, req routing.Request) (routing.Answer, error) {
	text := []byte(`{"complexity":"medium"}`)
	return routing.Answer{Text: text, Tier: policy.Local}, req.Accept(text)
}

// A journal may be damaged, or a team's: a record that no measurement can lead to is
// measured anew.
func TestEcho_DamagedRecord(t *testing.T) {
	for _, state := range []string{"{{{", `{"asked":-1}`, `{"asked":2,"followed":-1}`, `{"asked":1,"followed":4}`, `{"asked":99,"followed":99}`} {
		root := t.TempDir()
		store := statestore.New(journal.Options{State: filepath.Join(root, "journal.db"), Root: root})
		d := &deps.Deps{Root: root, Deadline: time.Minute, Asker: undecided{}, Journal: store, Log: slog.New(slog.DiscardHandler)}
		if err := store.SaveEcho(t.Context(), echoKey(t.Context(), d), []byte(state)); err != nil {
			t.Fatal(err)
		}
		if r, err := MeasureEcho(t.Context(), d); err != nil || r.Asked != 4 || r.Followed != 0 {
			t.Errorf("%s: %+v, %v", state, r, err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}
