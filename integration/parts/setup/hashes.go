package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// hashesIn is the step that holds a pip lock to the index before anything is
// downloaded: pip sees a wrong hash only once it has that file, which may be
// after minutes.
func hashesIn(p place, lock string) step {
	return step{name: "hashes", then: func([]byte) error {
		text, err := os.ReadFile(filepath.Join(p.root, filepath.FromSlash(lock)))
		if err != nil {
			return err
		}
		return checkHashes(pipIndex(), string(text))
	}}
}

// pipIndex is the index that pip installs from.
func pipIndex() string {
	if url := os.Getenv("PIP_INDEX_URL"); url != "" {
		return url
	}
	out, err := exec.Command(python(), "-m", "pip", "config", "get", "global.index-url").Output() //nolint:noctx // answers at once
	if url := strings.TrimSpace(string(out)); err == nil && url != "" {
		return url
	}
	return "https://pypi.org/simple"
}

// requirement is one row of a pip lock.
type requirement struct {
	name, version string
	hashes        []string
}

var (
	requirementLine = regexp.MustCompile(`^([A-Za-z0-9._-]+)==([^\s;]+)`)
	requirementHash = regexp.MustCompile(`--hash=sha256:([0-9a-f]{64})`)
)

func requirements(lock string) (rows []requirement) {
	for line := range strings.Lines(strings.ReplaceAll(lock, "\\\n", "")) {
		m := requirementLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		row := requirement{name: m[1], version: m[2]}
		for _, h := range requirementHash.FindAllStringSubmatch(line, -1) {
			row.hashes = append(row.hashes, h[1])
		}
		rows = append(rows, row)
	}
	return rows
}

// checkHashes asks the index for the hashes of each row of a lock. What it
// cannot ask it leaves to pip, which checks every file again.
func checkHashes(index, lock string) error {
	const most = 8 // requests at once
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	var wg sync.WaitGroup
	rows, places := requirements(lock), make(chan struct{}, most)
	wrong := make([]error, len(rows))
	for i, row := range rows {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			if files, err := indexed(ctx, index, row.name); err == nil {
				wrong[i] = row.compare(files)
			}
		})
	}
	wg.Wait()
	return errors.Join(wrong...)
}

// indexFile is a file of the JSON form of a simple index (PEP 691).
type indexFile struct {
	Filename string
	Hashes   map[string]string
}

func indexed(ctx context.Context, index, name string) ([]indexFile, error) {
	name = strings.ToLower(regexp.MustCompile(`[-_.]+`).ReplaceAllString(name, "-"))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(index, "/")+"/"+name+"/", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vnd.pypi.simple.v1+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	var page struct{ Files []indexFile }
	err = json.NewDecoder(io.LimitReader(resp.Body, 64<<20)).Decode(&page)
	return page.Files, err
}

// compare fails where the lock has a hash that the index lacks and the index a
// file of the release that the lock lacks. One alone is no reason: files are
// added to a release, and taken away.
func (r requirement) compare(files []indexFile) error {
	known := map[string]bool{}
	var unlocked []string
	release := regexp.MustCompile(`-` + regexp.QuoteMeta(r.version) + `(-.*\.whl|\.tar\.gz|\.zip)$`)
	for _, f := range files {
		sha := f.Hashes["sha256"]
		known[sha] = true
		if sha != "" && release.MatchString(f.Filename) && !slices.Contains(r.hashes, sha) {
			unlocked = append(unlocked, fmt.Sprintf("  index: %s sha256:%s", f.Filename, sha))
		}
	}
	var unknown []string
	for _, h := range r.hashes {
		if !known[h] {
			unknown = append(unknown, "  lock:  sha256:"+h)
		}
	}
	if len(unknown) == 0 || len(unlocked) == 0 {
		return nil
	}
	const most = 3 // files a person is shown
	lines := slices.Concat(unknown[:min(most, len(unknown))], unlocked[:min(most, len(unlocked))])
	return fmt.Errorf("%s==%s: the lock's hash is not the index's\n%s", r.name, r.version, strings.Join(lines, "\n"))
}
