package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const module = "github.com/fjbelchi/localmodel"

// program sees that the program is one of its platform, built as promised, and
// that it starts where this machine is that platform.
func (b build) program(ctx context.Context, p platform, data []byte, mode os.FileMode) error {
	if err := format(p, data); err != nil {
		return err
	}
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil {
		return err
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

// format reads the program's header: ELF, Mach-O or PE, for the processor.
func format(p platform, data []byte) error {
	var machine any
	r := bytes.NewReader(data)
	switch p.os {
	case "linux":
		f, err := elf.NewFile(r)
		if err != nil {
			return fmt.Errorf("not a program of Linux: %w", err)
		}
		machine = f.Machine
	case "darwin":
		f, err := macho.NewFile(r)
		if err != nil {
			return fmt.Errorf("not a program of macOS: %w", err)
		}
		machine = f.Cpu
	case "windows":
		f, err := pe.NewFile(r)
		if err != nil {
			return fmt.Errorf("not a program of Windows: %w", err)
		}
		machine = f.Machine
	}
	want := map[platform]any{
		{"linux", "amd64"}: elf.EM_X86_64, {"linux", "arm64"}: elf.EM_AARCH64,
		{"darwin", "amd64"}: macho.CpuAmd64, {"darwin", "arm64"}: macho.CpuArm64,
		{"windows", "amd64"}: uint16(pe.IMAGE_FILE_MACHINE_AMD64), {"windows", "arm64"}: uint16(pe.IMAGE_FILE_MACHINE_ARM64),
	}[p]
	if machine != want {
		return fmt.Errorf("its processor is %v, not %v", machine, want)
	}
	return nil
}

// modulesOf lists "path version" of every module in a program but its own.
func modulesOf(program []byte) ([]string, error) {
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return nil, err
	}
	var all []string
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		all = append(all, d.Path+" "+d.Version)
	}
	if info.Main.Path != module || len(all) == 0 {
		return nil, fmt.Errorf("a program of %s with %d modules", info.Main.Path, len(all))
	}
	return all, nil
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
