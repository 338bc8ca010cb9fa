package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// entry is a file in an archive or a package.
type entry struct {
	name string
	data []byte
	mode os.FileMode
}

// publish writes a file that everyone may read, whatever the umask.
func publish(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // files for everyone
		return err
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// zipped is an archive, its level of compression as in compress/flate. Its entries
// carry no time, so that the same input gives the same bytes.
func zipped(level int, entries []entry) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, level) })
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(e.mode)
		w, err := z.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return out.Bytes(), err
}

// unpack reads a .tar.gz, or a .zip under any name.
func unpack(path string) (map[string]entry, error) {
	data, err := os.ReadFile(path) //nolint:gosec // a file of the release
	if err != nil {
		return nil, err
	}
	read := unzip
	if strings.HasSuffix(path, ".tar.gz") {
		read = untar
	}
	entries, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return entries, nil
}

func untar(data []byte) (map[string]entry, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out := map[string]entry{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := readAll(r, h.Size)
		if err != nil {
			return nil, err
		}
		out[h.Name] = entry{h.Name, content, h.FileInfo().Mode()}
	}
}

func unzip(data []byte) (map[string]entry, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	out := map[string]entry{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		content, err := readAll(r, f.FileInfo().Size())
		if err != nil {
			return nil, err
		}
		out[f.Name] = entry{f.Name, content, f.Mode()}
	}
	return out, nil
}

// readAll is io.ReadAll of what says its size: a program is large, and memory
// that grows step by step takes five times as much.
func readAll(r io.Reader, size int64) ([]byte, error) {
	const most = 64 << 20 // an archive may say anything
	b := bytes.NewBuffer(make([]byte, 0, max(0, min(size, most))+bytes.MinRead))
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}
