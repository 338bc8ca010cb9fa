package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
	"github.com/fjbelchi/localmodel/statestore"
)

// look is build for a command that only reads, and leaves nothing behind: where
// there is no journal yet, an empty one in a temporary directory stands for it,
// unless this time something will be recorded. The caller calls done.
func look(w world, records bool) (p *parts, done func(), err error) {
	c := loadConfig(w.lookup)
	journal := c.journal()
	if _, err := os.Stat(journal); records || journal == "" || !errors.Is(err, fs.ErrNotExist) {
		p = assemble(w, c)
		return p, func() { _ = p.store.Close() }, nil // what matters has been flushed
	}
	dir, err := os.MkdirTemp("", "localmodel-")
	if err != nil {
		return nil, nil, err
	}
	empty := *c
	empty.state = filepath.Join(dir, "journal.db")
	p = assemble(w, &empty)
	p.config, p.unmade = c, journal // what is shown is the user's
	return p, func() {
		_ = p.store.Close()
		_ = os.RemoveAll(dir) // a left-over in the temporary directory does no harm
	}, nil
}

// journal is the path of the journal's file, "" where a server keeps it.
func (c *config) journal() string {
	switch {
	case strings.Contains(c.state, "://"):
		return ""
	case filepath.IsAbs(c.state):
		return c.state
	}
	return filepath.Join(c.root, c.state)
}

// recordable says why nothing could be recorded now.
func (p *parts) recordable(ctx context.Context) error {
	if p.unmade == "" {
		return p.store.Writable(ctx)
	}
	if err := machine.Creatable(p.unmade); err != nil {
		return fmt.Errorf("%w: %w", statestore.ErrUnavailable, err)
	}
	return nil
}
