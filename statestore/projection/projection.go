// Package projection keeps one block, stats.localModelStats, of a JSON file
// that other programs and people write too. It takes a lock beside the file,
// edits its own block and missing defaults alone, and replaces the file whole:
// no reader ever sees half of it, and every other byte survives.
//
// Programs that want no update lost take the same lock: FILE.lock (flock).
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
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/tidwall/gjson"
)

const (
	lockTimeout = 5 * time.Second
	// settle: a program that writes in place leaves the file empty or torn for a
	// moment.
	settle = 250 * time.Millisecond
	// emptied is how long a file that we wrote before, and that is empty now,
	// is left to the program that emptied it: on a busy machine it may stand
	// between its two steps for long.
	emptied = 5 * time.Second
	// rounds is how often a foreign write between our read and our rename makes
	// us begin again.
	rounds = 20
)

// Stats is the block.
type Stats struct {
	TotalAttempts    int            `json:"totalAttempts"`
	SuccessCount     int            `json:"successCount"`
	EscalatedToCloud int            `json:"escalatedToCloud"`
	FailuresByType   map[string]int `json:"failuresByType"`
	AvgQualityScore  float64        `json:"avgQualityScore"`
}

// File is the file that is projected into.
type File struct {
	path string // as configured; a symlink is followed at each write
	last string // remembers our last blocks, to tell foreign changes from lag; the user's

	settle, emptied time.Duration // the constants, which a test may shrink
	swept           atomic.Bool   // what killed writers left has been cleared away
}

// New names the file and where its last blocks are remembered; nothing is
// touched.
func New(path, memory string) *File {
	return &File{path: path, last: memory, settle: settle, emptied: emptied}
}

// Read returns the block as it stands in the file, without a lock; found is
// false where there is none.
func (f *File) Read() (s Stats, found bool) {
	data, err := os.ReadFile(f.path)
	if err != nil || broken(data) != "" {
		return s, false
	}
	return parse(gjson.GetBytes(bytes.TrimPrefix(data, bom), blockPath))
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
	data, damage, err := readSettled(ctx, f.path, settle)
	if err != nil || damage != "" {
		return s, false
	}
	s, _ = parse(gjson.GetBytes(bytes.TrimPrefix(data, bom), blockPath))
	return s, true
}

func parse(block gjson.Result) (s Stats, found bool) {
	if !block.IsObject() {
		return s, false
	}
	s.TotalAttempts, s.SuccessCount = int(block.Get("totalAttempts").Int()), int(block.Get("successCount").Int())
	s.EscalatedToCloud, s.AvgQualityScore = int(block.Get("escalatedToCloud").Int()), block.Get("avgQualityScore").Float()
	s.FailuresByType = map[string]int{}
	block.Get("failuresByType").ForEach(func(k, v gjson.Result) bool {
		s.FailuresByType[k.Str] = int(v.Int())
		return true
	})
	return s, true
}

// Write makes the block equal to what want returns. want is called under the
// lock, so that of several processes the last to write has the newest figures.
// It gets the block as it stands where nobody else is known to have written it,
// nil otherwise.
// said tells what a person should know: damage left alone, foreign changes
// repaired. The error means that the file was not written.
func (f *File) Write(ctx context.Context, want func(ctx context.Context, ours *Stats) (Stats, error)) (said []string, err error) {
	path, err := resolve(f.path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // .claude is the project's, not ours
		return nil, err
	}
	lock := flock.New(path + ".lock")
	limited, stop := context.WithTimeout(ctx, lockTimeout)
	defer stop()
	if ok, err := lock.TryLockContext(limited, 5*time.Millisecond); err != nil || !ok {
		return nil, fmt.Errorf("lock %s: %w", path+".lock", err)
	}
	defer lock.Close() //nolint:errcheck // the lock goes with the handle
	f.sweep(path)
	stats, err := want(ctx, f.ours())
	if err != nil {
		return nil, err
	}
	for range rounds {
		said, err = f.writeOnce(ctx, path, stats)
		if !errors.Is(err, errChanged) {
			return said, err
		}
	}
	return said, fmt.Errorf("%s is rewritten by another program faster than it can be updated", path)
}

var errChanged = errors.New("changed meanwhile")

func (f *File) writeOnce(ctx context.Context, path string, stats Stats) (said []string, err error) {
	before, damage, err := readSettled(ctx, path, f.settle)
	if err != nil {
		return nil, err
	}
	if damage != "" {
		aside, err := setAside(path, before)
		if err != nil {
			return nil, fmt.Errorf("%s, and no copy of it can be set aside: %w", damage, err)
		}
		return []string{fmt.Sprintf("%s %s; it was left as it is, a copy is %s; the journal goes on, and the next valid file gets the figures",
			path, damage, filepath.Base(aside))}, nil
	}
	if len(bytes.TrimSpace(before)) == 0 && f.justEmptied(path) {
		return nil, fmt.Errorf("%s is empty, as a program leaves it in the middle of a write; it is tried again", path)
	}
	after, err := edit(before, stats)
	if err != nil {
		return nil, err
	}
	now, _ := parse(gjson.GetBytes(bytes.TrimPrefix(before, bom), blockPath))
	if foreign := f.foreign(now, stats, len(before) == 0); foreign {
		said = append(said, "another program had changed stats.localModelStats in "+filepath.Base(path)+"; it was repaired from the journal")
	}
	if bytes.Equal(after, before) {
		return said, nil
	}
	f.remember(now, stats)
	return said, replace(path, before, after)
}

// justEmptied says whether another program may be about to write the file.
func (f *File) justEmptied(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false // there is none
	}
	if _, err := os.Stat(f.last); err != nil {
		return false // we never wrote it
	}
	age := time.Since(info.ModTime())
	return age < f.emptied && age > -time.Minute // else the clock went back
}

// ours is the block as it stands, unless it is known that somebody else wrote it.
func (f *File) ours() *Stats {
	now, found := f.Read()
	last, known := f.remembered()
	if !found || known && !slices.ContainsFunc(last, func(s Stats) bool { return equal(s, now) }) {
		return nil
	}
	return &now
}

// remembered are the blocks last written here.
func (f *File) remembered() (last []Stats, known bool) {
	data, err := os.ReadFile(f.last)
	if err != nil {
		return nil, false
	}
	return last, json.Unmarshal(data, &last) == nil
}

// foreign says whether the block is neither what we last wrote nor what it is
// to be.
func (f *File) foreign(now, want Stats, isNew bool) bool {
	last, known := f.remembered()
	if !known {
		return false
	}
	return !isNew && !slices.ContainsFunc(append(last, want), func(s Stats) bool { return equal(s, now) })
}

func equal(a, b Stats) bool {
	failures := maps.Equal(a.FailuresByType, b.FailuresByType)
	a.FailuresByType, b.FailuresByType = nil, nil
	return failures && reflect.DeepEqual(a, b)
}

// remember keeps what stands in the file and what is about to: a process that
// is killed in between leaves either.
func (f *File) remember(now, next Stats) {
	out, err := json.Marshal([]Stats{now, next})
	if err != nil {
		return
	}
	// Only a help for reporting: where it cannot be kept, nothing is reported.
	if err := os.MkdirAll(filepath.Dir(f.last), 0o700); err == nil {
		_ = os.WriteFile(f.last, out, 0o600)
	}
}

// sweep removes, once, the temporary files of writers that were killed. It is
// called under the lock, so none of them is in use.
func (f *File) sweep(path string) {
	if f.swept.Swap(true) {
		return
	}
	left, err := filepath.Glob(escapeGlob(path) + temporary)
	if err != nil {
		return
	}
	for _, name := range left {
		_ = os.Remove(name) // it harms nobody where it stays
	}
}

const temporary = ".tmp-*"

func escapeGlob(path string) string {
	if runtime.GOOS == "windows" {
		return path // has no escapes; a [ in a path only leaves a file behind
	}
	return strings.NewReplacer("\\", "\\\\", "*", "\\*", "?", "\\?", "[", "\\[").Replace(path)
}

// resolve follows symlinks, so that the link's target is replaced and the link
// stays; the target need not be there yet.
func resolve(path string) (string, error) {
	for range 40 {
		real, err := filepath.EvalSymlinks(path)
		switch {
		case err == nil:
			return real, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
		target, err := os.Readlink(path)
		if err != nil {
			return path, nil // not there, and no link
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return "", fmt.Errorf("%s: too many links", path)
}

// readSettled reads the file, nil where it is missing, and says what is wrong with
// it. One that is empty or torn is read again for a while.
func readSettled(ctx context.Context, path string, settle time.Duration) (data []byte, damage string, err error) {
	for end := time.Now().Add(settle); ; {
		data, err := os.ReadFile(path) //nolint:gosec // the project's own state file
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

// broken says what is wrong with the content, "" where it can be edited. Empty
// is not broken: it is new.
func broken(data []byte) string {
	data = bytes.TrimPrefix(data, bom)
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return ""
	case !gjson.ValidBytes(data):
		return "is not valid JSON"
	case !gjson.ParseBytes(data).IsObject():
		return "is no JSON object"
	}
	if s := gjson.GetBytes(data, "stats"); s.Exists() && !s.IsObject() && s.Type != gjson.Null {
		return "has a `stats` that is no object"
	}
	return ""
}

// setAside keeps one copy of each damaged content.
func setAside(path string, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	aside := fmt.Sprintf("%s.damaged-%s", path, hex.EncodeToString(sum[:4]))
	if _, err := os.Stat(aside); err == nil {
		return aside, nil
	}
	tmp, err := writeTemporary(path, data, 0o600)
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp) //nolint:errcheck // gone after the rename
	return aside, os.Rename(tmp, aside)
}

// replace puts after in the file's place, whole and on disk, unless the file is
// no longer before.
func replace(path string, before, after []byte) error {
	mode := fs.FileMode(0o644)
	info, err := os.Stat(path)
	if err == nil {
		mode = info.Mode().Perm()
	}
	tmp, err := writeTemporary(path, after, mode)
	if err != nil {
		return err
	}
	defer os.Remove(tmp) //nolint:errcheck // gone after the rename
	keepOwner(tmp, info)
	now, err := os.ReadFile(path) //nolint:gosec // the project's own state file
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !bytes.Equal(now, before) {
		return errChanged
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// writeTemporary writes a file beside path, whole and on disk.
func writeTemporary(path string, data []byte, mode fs.FileMode) (name string, err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+temporary)
	if err != nil {
		return "", err
	}
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close(), os.Chmod(tmp.Name(), mode)); err != nil {
		return "", errors.Join(err, os.Remove(tmp.Name()))
	}
	return tmp.Name(), nil
}
