package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// program sees that the program is one of its platform, built as promised, and
// that it starts where this machine is that platform.
func (b build) program(ctx context.Context, p platform, data []byte, mode os.FileMode) error {
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("not a program of Go: %w", err)
	}
	got := map[string]string{}
	for _, s := range info.Settings {
		got[s.Key] = s.Value
	}
	for key, want := range map[string]string{"GOOS": p.os, "GOARCH": p.arch, "CGO_ENABLED": "0", "-trimpath": "true"} {
		if got[key] != want {
			return fmt.Errorf("the program was built with %s=%q, not %q", key, got[key], want)
		}
	}
	if p.os != "windows" && mode&0o111 == 0 {
		return errors.New("the program may not be executed")
	}
	if p != (platform{runtime.GOOS, runtime.GOARCH}) {
		return nil
	}
	return b.starts(ctx, data)
}

// starts runs the program for its version.
func (b build) starts(ctx context.Context, data []byte) error {
	dir, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)                                 //nolint:errcheck // a left-over in the temporary directory does no harm
	path := filepath.Join(dir, "localmodel.exe")            // a name that each system executes
	if err := os.WriteFile(path, data, 0o700); err != nil { //nolint:gosec // a program
		return err
	}
	cmd := exec.CommandContext(ctx, path, "version") //nolint:gosec // the program just built
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("localmodel version: %w", err)
	}
	if want := "localmodel v" + b.version + " "; !strings.HasPrefix(string(out), want) {
		return fmt.Errorf("the program calls itself %q, not %q", out, want)
	}
	return nil
}

// entry is a file in an archive.
type entry struct {
	mode os.FileMode
	data []byte
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
		out[h.Name] = entry{h.FileInfo().Mode(), content}
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
		out[f.Name] = entry{f.Mode(), content}
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
