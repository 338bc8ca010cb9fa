//go:build unix

package attacks

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
)

const askLocalPlan = `{"ticket_path":"ticket.md","route":"local"}`

// asker is a victim with a local model.
type asker struct {
	*victim
	model *fakeserver.Server
}

func newAsker(t *testing.T) asker {
	t.Helper()
	model := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	v := newVictim(t)
	v.file("ticket.md", ticket)
	v.env = append(v.env, "OLLAMA_HOST="+model.URL, "LOCALMODEL_MODEL="+fakeserver.Model, "LOCALMODEL_NUM_CTX=16384")
	return asker{v, model}
}

// plan asks for a plan: the local model has to be asked, whatever it answers.
func (v asker) plan(what string) {
	v.t.Helper()
	before := len(v.model.Requests(v.t))
	r := v.run("", "call", "plan_ticket", askLocalPlan)
	if r.code != 0 || len(v.model.Requests(v.t)) == before || !gjson.Get(r.out, "plan").Exists() {
		v.t.Errorf("%s: exit %d, the model was asked %d times: %.1000s", what, r.code, len(v.model.Requests(v.t))-before, r.out+r.err)
	}
}

// slot finds the only file of a slot in the user's state directory.
func (v *victim) slot() string {
	v.t.Helper()
	found := ""
	err := filepath.WalkDir(v.home, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Base(path) == "slot-0.lock" {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		v.t.Fatalf("no slot was taken: %v", err)
	}
	return found
}

// Whatever lies in the place of a slot, its directory or the queue holds up no
// call, stays what it is, and leads to nothing outside.
func TestSlots_FilesInTheWay(t *testing.T) {
	pipe := func(path string) error { return syscall.Mkfifo(path, 0o600) }
	dir := func(path string) error { return os.Mkdir(path, 0o700) }
	for name, put := range map[string]func(v asker, slot string) error{
		"the slot is a pipe":      func(_ asker, slot string) error { return errors.Join(os.Remove(slot), pipe(slot)) },
		"the slot is a directory": func(_ asker, slot string) error { return errors.Join(os.Remove(slot), dir(slot)) },
		"the slot is a link": func(v asker, slot string) error {
			return errors.Join(os.Remove(slot), os.Symlink(filepath.Join(v.home, ".bash_login"), slot))
		},
		"the slot is a device": func(_ asker, slot string) error { return errors.Join(os.Remove(slot), os.Symlink("/dev/zero", slot)) },
		"the server's directory is a pipe": func(_ asker, slot string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(slot)), pipe(filepath.Dir(slot)))
		},
		"the server's directory is a link": func(v asker, slot string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(slot)), os.Symlink(filepath.Join(v.home, ".config", "other"), filepath.Dir(slot)))
		},
		"the queue has entries of nobody": func(_ asker, slot string) error {
			queues, err := filepath.Glob(filepath.Join(filepath.Dir(slot), "*"))
			for _, q := range queues {
				if info, statErr := os.Stat(q); statErr == nil && info.IsDir() {
					err = errors.Join(err, dir(filepath.Join(q, "00000000000000000001-1-1")), pipe(filepath.Join(q, "00000000000000000002-1-1")))
				}
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newAsker(t)
			v.ready()
			v.plan("at first")
			slot := v.slot()
			if err := put(v, slot); err != nil {
				t.Fatal(err)
			}
			v.ready()
			slots := filepath.Dir(filepath.Dir(slot))
			before := kinds(t, slots)
			v.plan(name)
			v.unharmed()
			after := kinds(t, slots)
			for path, kind := range before {
				if now := after[path]; now != kind {
					t.Errorf("%s was %s, is %s", path, kind, now)
				}
			}
		})
	}
}

// Without a home, what another user put into the shared temporary directory is
// neither opened nor written.
func TestSlots_NoHome(t *testing.T) {
	v := newAsker(t)
	tmp := filepath.Join(filepath.Dir(v.home), "tmp")
	for i, e := range v.env {
		if strings.HasPrefix(e, "HOME=") {
			v.env[i] = "HOME="
		}
	}
	for _, name := range []string{"localmodel", "localmodel-65534", "localmodel-slots"} {
		if err := os.Symlink(filepath.Join(v.home, ".config", "other"), filepath.Join(tmp, name)); err != nil {
			t.Fatal(err)
		}
	}
	v.ready()
	v.plan("without a home")
	v.unharmed()
}

// kinds is every path beneath a directory with what it is.
func kinds(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for path, what := range listing(t, dir) {
		out[path], _, _ = strings.Cut(what, " ")
	}
	return out
}
