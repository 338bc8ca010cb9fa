package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// Look is New for a command that only reads, and leaves nothing behind: where
// there is no journal yet, an empty one in a temporary directory is used instead,
// unless this time something will be recorded. The caller calls done.
func Look(e Env, records bool) (p *App, done func()) {
	c := Load(e)
	journal := c.journal()
	_, missing := os.Stat(journal)
	dir, remove := "", func() {}
	if !records && journal != "" && errors.Is(missing, fs.ErrNotExist) {
		dir, remove, _ = Scratch() // without one the journal is made: better than no answer
	}
	if dir == "" {
		p = With(e, c)
		return p, func() { _ = p.Store.Close() } // what matters has been flushed
	}
	empty, set := *c, *c.Set
	empty.Set, empty.State, set.Dirs.State = &set, filepath.Join(dir, "journal.db"), dir
	p = With(e, &empty)
	p.Config, p.unmade = c, journal // what is shown is the user's
	return p, func() {
		_ = p.Store.Close()
		remove()
	}
}

// Scratch makes a temporary directory for one command, which removes it.
func Scratch() (dir string, remove func(), err error) {
	if dir, err = os.MkdirTemp("", "localmodel-"); err != nil {
		return "", func() {}, err
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil // a left-over there does no harm
}

// journal is the path of the journal's file, "" where a server keeps it.
func (c *Config) journal() string {
	if strings.Contains(c.State, "://") {
		return ""
	}
	return c.State
}

// Recordable returns why nothing could be recorded now.
func (p *App) Recordable(ctx context.Context) error {
	if p.unmade == "" {
		return p.Store.Writable(ctx)
	}
	if err := machine.Creatable(p.unmade); err != nil {
		return fmt.Errorf("%w: %w", journal.ErrUnavailable, err)
	}
	return nil
}
