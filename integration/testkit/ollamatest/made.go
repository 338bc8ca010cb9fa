package ollamatest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
)

// takeModels puts the tiny models into a server's directory of models. Writing
// them and having Ollama create them takes over a second of processor time
// with the race detector, and fifty servers are started in a run: the first
// makes a directory that all later ones take.
func takeModels(bin, models string) error {
	key, err := modelsKey(bin)
	if err != nil {
		return err
	}
	cache, err := parts.CheckoutCache()
	if err != nil {
		return err
	}
	dir := filepath.Join(cache, "models")
	// Held until they are taken: who needs others removes these.
	one := flock.New(dir + ".lock")
	if err := one.Lock(); err != nil {
		return err
	}
	defer one.Unlock() //nolint:errcheck // the process ends soon
	made := filepath.Join(dir, key)
	if !parts.Has(made) {
		if err := makeModels(bin, dir, made); err != nil {
			return err
		}
	}
	return takeAll(made, models)
}

// modelsKey changes with the models, with how they are written, and with the
// server that creates them.
func modelsKey(bin string) (string, error) {
	root, err := parts.Root()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, bin)
	for _, dir := range []string{"ollamatest", "tinygguf"} {
		sources, _ := filepath.Glob(filepath.Join(root, "integration", "testkit", dir, "*.go")) // a constant pattern: never an error
		for _, path := range sources {
			data, err := os.ReadFile(path) //nolint:gosec // of this checkout
			if err != nil {
				return "", err
			}
			fmt.Fprintln(sum, path, len(data))
			sum.Write(data)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// makeModels leaves the directory dir with nothing but made, which is whole or
// not there.
func makeModels(bin, dir, made string) error {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o750)); err != nil {
		return err
	}
	log, err := testkit.NewLog("ollama")
	if err != nil {
		return err
	}
	s := &Server{bin: bin, home: filepath.Join(dir, "home"), log: log}
	defer s.Close()
	if err := os.Mkdir(s.home, 0o700); err != nil {
		return err
	}
	if err := s.runSomewhere(); err != nil {
		return err
	}
	if err := s.createTiny(); err != nil {
		return s.log.Failed(err)
	}
	s.process().Terminate()
	return os.Rename(s.models(), made)
}

// takeAll puts models into another directory. Ollama replaces and removes blobs,
// and writes into none that is there: they get a second name. Manifests it
// writes into.
func takeAll(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		place := filepath.Join(to, name)
		switch {
		case entry.IsDir():
			return os.MkdirAll(place, 0o700)
		case filepath.Base(filepath.Dir(path)) == "blobs":
			return link(path, place)
		}
		return copyFile(path, place)
	})
}

// link gives a file a second name, or, on another file system, copies it.
func link(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	return copyFile(from, to)
}

func copyFile(from, to string) error {
	in, err := os.Open(from) //nolint:gosec // a path of this package
	if err != nil {
		return err
	}
	defer in.Close()          //nolint:errcheck // only read
	out, err := os.Create(to) //nolint:gosec // as above
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
