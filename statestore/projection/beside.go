package projection

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// maxMemory bounds the file of our last blocks, in bytes.
const maxMemory = 64 << 10

// ours is the block as it is, unless it is known that somebody else wrote it.
func (f *File) ours(ctx context.Context) *Stats {
	now, found := f.Read(ctx)
	last, known := f.remembered(ctx)
	if !found || known && !slices.ContainsFunc(last, func(s Stats) bool { return equal(s, now) }) {
		return nil
	}
	return &now
}

// remembered are the blocks last written here.
func (f *File) remembered(ctx context.Context) (last []Stats, known bool) {
	data, err := rootfs.ReadFile(ctx, filepath.Dir(f.memory), filepath.Base(f.memory), maxMemory)
	if err != nil {
		return nil, false
	}
	return last, json.Unmarshal(data, &last) == nil
}

// foreign reports whether the block is neither what we last wrote nor what it is to be.
func (f *File) foreign(ctx context.Context, now, want Stats, isNew bool) bool {
	last, known := f.remembered(ctx)
	return known && !isNew && !slices.ContainsFunc(append(last, want), func(s Stats) bool { return equal(s, now) })
}

// remember keeps what is in the file and what is about to be: a process that
// is killed in between leaves either. It only helps to report: where it cannot
// be kept, nothing is reported.
func (f *File) remember(ctx context.Context, now, next Stats) {
	out, err := json.Marshal([]Stats{now, next})
	if err != nil {
		return
	}
	dir, err := rootfs.Private(ctx, filepath.Dir(f.memory))
	if err != nil {
		return
	}
	defer dir.Close() //nolint:errcheck // flushed by Replace
	_ = dir.Replace(ctx, filepath.Base(f.memory), out, rootfs.Write{Perm: 0o600})
}

var copyName = lazy.Regexp(`^` + regexp.QuoteMeta(base) + `\.damaged-[0-9a-f]{8}$`)

// setAside keeps one copy of each damaged content, at most maxCopies, and says so.
func setAside(ctx context.Context, dir *rootfs.Root, data []byte) (kept string, err error) {
	sum := sha256.Sum256(data)
	name := fmt.Sprintf("%s.damaged-%s", base, hex.EncodeToString(sum[:4]))
	if _, err := dir.Lstat(ctx, name); err == nil {
		return "a copy is " + name, nil
	}
	entries, _, err := dir.List(ctx, ".", 10_000)
	if err != nil {
		return "", err
	}
	copies := 0
	for _, e := range entries {
		if copyName().MatchString(e.Name()) {
			copies++
		}
	}
	if copies >= maxCopies {
		return fmt.Sprintf("and no copy was made: there are %d of earlier ones", copies), nil
	}
	return "a copy is " + name, dir.Replace(ctx, name, data, rootfs.Write{Perm: 0o600})
}

// replace puts after in the file's place, whole and on disk, if it is still before.
func replace(ctx context.Context, dir *rootfs.Root, before, after []byte) error {
	unchanged := func() error {
		now, err := dir.ReadNoLink(ctx, base, maxBytes)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if !bytes.Equal(now, before) {
			return errChanged
		}
		return nil
	}
	return dir.Replace(ctx, base, after, rootfs.Write{Perm: 0o644, Before: unchanged})
}
