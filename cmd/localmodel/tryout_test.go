package main

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// tryout runs commands as a user would, in a project of its own and with no
// environment but what a test sets.
type tryout struct {
	root string
	env  map[string]string
	in   io.Reader
}

// unwrapped is a width, as COLUMNS, at which no line is wrapped: the length of a
// temporary directory's path would decide where.
const unwrapped = "1000"

func newTryout(t *testing.T) *tryout {
	t.Helper()
	root := t.TempDir()
	return &tryout{root: root, env: map[string]string{"CLAUDE_PROJECT_DIR": root, "HOME": root, "LOCALMODEL_STATE": filepath.Join(root, "state", "journal.db"),
		"OLLAMA_HOST": "127.0.0.1:1", "LOCALMODEL_FALLBACK": "", "COLUMNS": unwrapped}}
}

func (y *tryout) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return y.runIn(t.Context(), args...)
}

func (y *tryout) runIn(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	in := y.in
	if in == nil {
		in = strings.NewReader("")
	}
	var out, errOut bytes.Buffer
	code = run(ctx, args, environment(y.env).lookup, in, &out, &errOut)
	return code, out.String(), errOut.String()
}
