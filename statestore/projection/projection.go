// Package projection keeps one block, stats.localModelStats, of a JSON file
// that other programs and people write too. It takes a lock beside the file,
// edits its own block and missing defaults alone, and replaces the file whole:
// no reader ever sees half of it, and every other byte survives.
//
// The file lies in a project, so it may be a stranger's: it is read and written
// beneath the project's root, through no link, up to a size and a nesting, and
// its counters are bounded.
//
// Programs that want no update lost take the same lock: FILE.lock (flock).
package projection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

const (
	lockTimeout = 5 * time.Second
	// settle: a program that writes in place leaves the file torn for a moment.
	settle = 250 * time.Millisecond
	// emptied is how long a file that we wrote before, and that is empty now,
	// is left to the program that emptied it: on a busy machine it may be
	// between its two steps for long.
	emptied = 5 * time.Second
	// chase is how long foreign writes between our read and our rename make us
	// begin again, and rounds how often at least.
	chase  = 2 * time.Second
	rounds = 20
	// maxBytes is what is read; a larger file is left alone.
	maxBytes = 16 << 20
	// maxCopies bounds the copies of damaged contents that are set aside.
	maxCopies = 5
)

const (
	directory = ".claude"
	base      = "implementer-state.json"
	// Name is the file's, beneath the project's root.
	Name = directory + "/" + base
)

// File is the file that is projected into.
type File struct {
	root   string // the project's
	memory string // remembers our last blocks, to distinguish foreign changes from lag; the user's

	settle, emptied time.Duration // the constants, which a test may shrink
	swept           atomic.Bool   // what killed writers left has been cleared away
}

// New names the project's root, and the file of the user's in which our last
// blocks are remembered. Nothing is touched. Without a root there is no file.
func New(root, memory string) *File {
	return &File{root: root, memory: memory, settle: settle, emptied: emptied}
}

// Read returns the block as it is in the file, without a lock, if there is one.
func (f *File) Read(ctx context.Context) (s Stats, found bool) {
	s, found, _ = f.read(ctx, 0)
	return s, found
}

// Baseline returns what the file counts before we first write it. known is
// false where it cannot be read or is damaged, so that its counters, if it has
// any, are not known yet; with wait an empty or torn file is read again for a
// while first.
func (f *File) Baseline(ctx context.Context, wait bool) (s Stats, known bool) {
	settle := f.settle
	if !wait {
		settle = 0
	}
	s, _, known = f.read(ctx, settle)
	return s, known
}

func (f *File) read(ctx context.Context, settle time.Duration) (s Stats, found, known bool) {
	data, damage, err := f.content(ctx, settle)
	if err != nil || damage != "" {
		return s, false, false
	}
	s, found = parse(data)
	return s, found, true
}

// Check says what is wrong with the file, nothing where it can be written or is
// not there. Nothing is changed.
func (f *File) Check(ctx context.Context) []string {
	_, damage, err := f.content(ctx, f.settle)
	switch {
	case err != nil:
		return []string{leftAlone(err)}
	case damage != "":
		return []string{fmt.Sprintf("%s %s; it is left as it is, and the next valid file gets the figures", Name, damage)}
	}
	return nil
}

func leftAlone(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Sprintf("%s %v; it is left as it is and does not get the figures", Name, err)
}

// Write makes the block equal to what want returns. want is called under the
// lock, so that of several processes the last to write has the newest figures.
// It gets the block as it is where nobody else is known to have written it,
// nil otherwise.
// said reports what a person should know: damage left alone, foreign changes
// repaired. The error means that the file was not written.
func (f *File) Write(ctx context.Context, want func(ctx context.Context, ours *Stats) (Stats, error)) (said []string, err error) {
	root, err := rootfs.Open(ctx, f.root)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // flushed by Replace
	dir, err := root.Make(ctx, directory, 0o755)
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // flushed by Replace
	limited, stop := context.WithTimeout(ctx, lockTimeout)
	defer stop()
	lock, err := dir.Lock(limited, base+".lock", 5*time.Millisecond)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	if !f.swept.Swap(true) {
		_ = dir.Sweep(ctx, base) // what stays harms nobody
	}
	stats, err := want(ctx, f.ours(ctx))
	if err != nil {
		return nil, err
	}
	for n, end := 0, time.Now().Add(chase); n < rounds || time.Now().Before(end); n++ {
		said, err = f.writeOnce(ctx, dir, stats)
		if !errors.Is(err, errChanged) {
			return said, err
		}
	}
	return said, fmt.Errorf("%s is rewritten by another program faster than it can be updated", Name)
}

var errChanged = errors.New("changed meanwhile")

func (f *File) writeOnce(ctx context.Context, dir *rootfs.Root, stats Stats) (said []string, err error) {
	before, damage, err := readSettled(ctx, dir, f.settle)
	if errors.Is(err, rootfs.ErrTooLarge) {
		return []string{leftAlone(err)}, nil
	}
	if err != nil {
		return nil, err
	}
	if damage != "" {
		kept, err := setAside(ctx, dir, before)
		if err != nil {
			return nil, fmt.Errorf("%s, and no copy of it can be set aside: %w", damage, err)
		}
		return []string{fmt.Sprintf("%s %s; it was left as it is, %s; the journal goes on, and the next valid file gets the figures",
			Name, damage, kept)}, nil
	}
	if len(bytes.TrimSpace(before)) == 0 && f.justEmptied(ctx, dir) {
		return nil, fmt.Errorf("%s is empty, as a program leaves it in the middle of a write; it is tried again", Name)
	}
	after, err := edit(before, stats)
	if err != nil {
		return nil, err
	}
	now, _ := parse(before)
	if f.foreign(ctx, now, stats, len(before) == 0) {
		said = append(said, "another program had changed stats.localModelStats in "+base+"; it was repaired from the journal")
	}
	if bytes.Equal(after, before) {
		return said, nil
	}
	f.remember(ctx, now, stats)
	return said, replace(ctx, dir, before, after)
}

// justEmptied reports whether another program may be about to write the file.
func (f *File) justEmptied(ctx context.Context, dir *rootfs.Root) bool {
	info, err := dir.Lstat(ctx, base)
	if err != nil {
		return false // there is none
	}
	if _, known := f.remembered(ctx); !known {
		return false // we never wrote it
	}
	age := time.Since(info.ModTime())
	return age < f.emptied && age > -time.Minute // else the clock went back
}

// content is what is in the file, nil where there is none.
func (f *File) content(ctx context.Context, settle time.Duration) (data []byte, damage string, err error) {
	if f.root == "" { // none is kept
		return nil, "", nil
	}
	root, err := rootfs.Open(ctx, f.root)
	if err != nil {
		return nil, "", err
	}
	defer root.Close() //nolint:errcheck // only read
	dir, err := root.Sub(ctx, directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	defer dir.Close() //nolint:errcheck // only read
	return readSettled(ctx, dir, settle)
}

// readSettled reads the file, nil where it is missing, and says what is wrong with
// it. One that is empty or torn is read again for a while.
func readSettled(ctx context.Context, dir *rootfs.Root, settle time.Duration) (data []byte, damage string, err error) {
	for end := time.Now().Add(settle); ; {
		data, err := dir.ReadNoLink(ctx, base, maxBytes)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, "", nil
		}
		if err != nil {
			return nil, "", err
		}
		damage := broken(data)
		if len(bytes.TrimSpace(data)) > 0 && damage == "" || !time.Now().Before(end) {
			return data, damage, nil
		}
		select {
		case <-ctx.Done():
			return nil, "", ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Bounds of what is edited, so that a file that was made to takes no time beyond the
// call's and no memory beyond its size: keys at the top, and bytes of our block.
const (
	maxMembers = 10_000
	maxBlock   = 64 << 10
)

// broken says what is wrong with the content; "" = it can be edited, or is empty.
func broken(data []byte) string {
	data = bytes.TrimPrefix(data, bom)
	if len(bytes.TrimSpace(data)) == 0 {
		return ""
	}
	if err := jsondepth.Check(data); err != nil { // before a library that recurses sees it
		return "is " + err.Error()
	}
	switch {
	case !gjson.ValidBytes(data):
		return "is not valid JSON"
	case !gjson.ParseBytes(data).IsObject():
		return "is no JSON object"
	}
	if s := gjson.GetBytes(data, "stats"); s.Exists() && !s.IsObject() && s.Type != gjson.Null {
		return "has a `stats` that is no object"
	}
	members := 0
	gjson.ParseBytes(data).ForEach(func(_, _ gjson.Result) bool { members++; return members <= maxMembers })
	switch {
	case members > maxMembers:
		return fmt.Sprintf("has more than %d keys at its top", maxMembers)
	case len(gjson.GetBytes(data, blockPath).Raw) > maxBlock:
		return fmt.Sprintf("has a `%s` of more than %d bytes", blockPath, maxBlock)
	}
	return ""
}
