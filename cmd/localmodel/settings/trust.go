package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"time"

	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/internal/winpath"
)

// trustFile holds what the user trusts, by the real path of the project's root:
// the exact values, so that a changed one is not trusted.
const trustFile = "trust.json"

type trusted map[string]map[string]string

var errNoState = errors.New("the user has no home directory: set HOME")

// Trusted returns what the user trusts of a project; state is the user's state
// directory.
func Trusted(ctx context.Context, state, root string) (map[string]string, error) {
	if state == "" {
		return nil, nil
	}
	dir, err := rootfs.Open(ctx, state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // only read
	all, err := readTrusted(ctx, dir)
	if err != nil {
		return nil, err
	}
	name, err := realPath(root)
	return all[name], err
}

// Trust records the exact values of a project's requests in place of those of
// their kind (settings, or commands) that were trusted; none revokes all of
// both kinds. It reports whether anything changed.
func Trust(ctx context.Context, state, root string, requests []Request) (bool, error) {
	if state == "" {
		return false, errNoState
	}
	name, err := realPath(root)
	if err != nil {
		return false, err
	}
	dir, err := rootfs.Private(ctx, state)
	if err != nil {
		return false, err
	}
	defer dir.Close() //nolint:errcheck // flushed by Replace
	lock, err := dir.Lock(ctx, trustFile+".lock", 10*time.Millisecond)
	if err != nil {
		return false, err
	}
	defer lock.Unlock()
	all, err := readTrusted(ctx, dir)
	if err != nil {
		return false, err
	}
	before := all[name]
	now := map[string]string{}
	maps.Copy(now, before)
	maps.DeleteFunc(now, func(key, _ string) bool { return len(requests) == 0 || isCommand(key) == isCommand(requests[0].Key) })
	for _, r := range requests {
		now[r.Key] = r.Value
	}
	if maps.Equal(before, now) {
		return false, nil
	}
	all[name] = now
	if len(now) == 0 {
		delete(all, name)
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return false, err
	}
	return true, dir.Replace(ctx, trustFile, append(data, '\n'), rootfs.Write{Perm: 0o600})
}

func readTrusted(ctx context.Context, dir *rootfs.Root) (trusted, error) {
	all := trusted{}
	data, err := dir.ReadJSON(ctx, trustFile, maxFileBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir.Name(), trustFile), err)
	}
	return all, nil
}

func realPath(root string) (string, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	return winpath.Clean(real), err
}

// same reports whether exactly these requests, which are of one kind, are trusted.
func same(trusted map[string]string, requests []Request) bool {
	if len(requests) == 0 {
		return false
	}
	asked := map[string]string{}
	for _, r := range requests {
		asked[r.Key] = r.Value
	}
	ofKind := maps.Clone(trusted)
	maps.DeleteFunc(ofKind, func(key, _ string) bool { return isCommand(key) != isCommand(requests[0].Key) })
	return maps.Equal(ofKind, asked)
}
