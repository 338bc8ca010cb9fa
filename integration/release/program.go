package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
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
