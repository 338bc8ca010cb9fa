package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// small is a build for this machine alone, as goreleaser leaves it: the archive,
// the bill of materials, the checksums, and the bundle that this program makes.
type small struct {
	build
	p     platform
	files map[string][]byte // of the archive
	bill  map[string]any
}

const version = "1.2.3"

// release builds the program with the flags of goreleaser.yaml.
func release(t *testing.T) *small {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the archive made here is the .tar.gz of the other systems")
	}
	s := &small{build{t.TempDir(), t.TempDir(), version}, platform{runtime.GOOS, runtime.GOARCH}, map[string][]byte{}, nil}
	for _, name := range contents("localmodel") {
		s.files[name] = []byte("text")
	}
	t.Chdir(root)
	sound := buildOnce(t)
	s.files["localmodel"] = sound.program
	s.bill = map[string]any{"bomFormat": "CycloneDX", "components": []any{map[string]any{"name": "modernc.org/sqlite"}},
		"metadata": map[string]any{"component": map[string]any{"name": "github.com/fjbelchi/localmodel", "version": "v" + version}}}
	must(t, os.WriteFile(filepath.Join(s.bundles, s.name(".mcpb")), sound.bundle, 0o600))
	return s
}

// built is a program and its bundle. Compiling and packing them takes seconds.
var built struct{ program, bundle []byte }

// buildOnce builds the program and its bundle for the first test that asks. The
// working directory is the module's root.
func buildOnce(t *testing.T) (once struct{ program, bundle []byte }) {
	t.Helper()
	if built.program != nil {
		return built
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "localmodel")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath",
		"-ldflags", "-s -w -X main.released=v"+version, "-o", program, "./cmd/localmodel")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	must(t, os.WriteFile(filepath.Join(dir, "tools.json"), []byte(`{"tools":[{"name":"classify_ticket","description":"It does."}]}`), 0o600))
	b := bundle{platform: platform{runtime.GOOS, runtime.GOARCH}, docs: dir, binary: program, version: version}
	must(t, b.write(dir))
	built.program, built.bundle = read(t, program), read(t, filepath.Join(dir, b.name()))
	return built
}

func (s *small) name(ending string) string {
	return fmt.Sprintf("localmodel_%s_%s_%s%s", version, s.p.os, s.p.arch, ending)
}

// write writes what goreleaser writes, with checksums of what is there.
func (s *small) write(t *testing.T) {
	t.Helper()
	var packed bytes.Buffer
	packed.Grow(len(s.files["localmodel"]) + 1<<20)
	z, err := gzip.NewWriterLevel(&packed, gzip.NoCompression)
	must(t, err)
	w := tar.NewWriter(z)
	for name, data := range s.files {
		must(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data))}))
		_, err := w.Write(data)
		must(t, err)
	}
	must(t, w.Close())
	must(t, z.Close())
	bill, err := json.Marshal(s.bill)
	must(t, err)
	sums := ""
	for name, data := range map[string][]byte{s.name(".tar.gz"): packed.Bytes(), s.name(".cdx.json"): bill} {
		must(t, os.WriteFile(filepath.Join(s.dist, name), data, 0o600))
		sums += fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name)
	}
	packedBundle := read(t, filepath.Join(s.bundles, s.name(".mcpb")))
	sums += fmt.Sprintf("%x  %s\n", sha256.Sum256(packedBundle), s.name(".mcpb"))
	must(t, os.WriteFile(filepath.Join(s.dist, "checksums.txt"), []byte(sums), 0o600))
	must(t, os.WriteFile(filepath.Join(s.dist, "metadata.json"), []byte(`{"version":"`+version+`"}`), 0o600))
}

func TestVerifySeesWhatIsWrong(t *testing.T) {
	s := release(t)
	s.write(t)
	if _, err := verify(t.Context(), s.dist, s.bundles, []platform{s.p}); err != nil {
		t.Fatalf("a sound build: %v", err)
	}
	whole := *s
	damages := map[string]func(){
		"man/man1/localmodel.1 is missing": func() { delete(s.files, "man/man1/localmodel.1") },
		"completions/_localmodel is miss":  func() { s.files["completions/_localmodel"] = nil },
		"not a program of":                 func() { s.files["localmodel"] = []byte("#!/bin/sh\necho localmodel v" + version) },
		"the program calls itself": func() {
			s.files["localmodel"] = bytes.ReplaceAll(s.files["localmodel"], []byte("v"+version), []byte("v9.9.9"))
		},
		"is not the program of the archive": func() { // bytes behind the end change nothing else
			s.files["localmodel"] = append(slices.Clone(s.files["localmodel"]), 0)
		},
		"with 0 components": func() { s.bill["components"] = []any{} },
		`a "SPDX" of`:       func() { s.bill["bomFormat"] = "SPDX" },
	}
	if s.p.os == "darwin" { // kills a program that was changed after it was signed
		delete(damages, "the program calls itself")
	}
	for want, damage := range damages {
		s.files, s.bill = maps.Clone(whole.files), maps.Clone(whole.bill)
		damage()
		s.write(t)
		if _, err := verify(t.Context(), s.dist, s.bundles, []platform{s.p}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	s.files, s.bill = whole.files, whole.bill
	s.write(t)
	if _, err := verify(t.Context(), s.dist, s.bundles, released()); err == nil || !strings.Contains(err.Error(), "windows/arm64: open ") {
		t.Errorf("five platforms are missing: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(s.dist, "checksums.txt"), nil, 0o600))
	if _, err := verify(t.Context(), s.dist, s.bundles, []platform{s.p}); err == nil || !strings.Contains(err.Error(), s.name(".cdx.json")+" has no checksum") {
		t.Errorf("a file without a checksum: %v", err)
	}
}

// What a bundle holds is checked on the entries that are wrong.
func TestVerifySeesAWrongBundle(t *testing.T) {
	s := release(t)
	path := filepath.Join(s.bundles, s.name(".mcpb"))
	program := s.files["localmodel"]
	must(t, s.bundle(path, s.p, program))
	other := s.build
	other.version = "9.9.9"
	if err := other.bundle(path, s.p, program); err == nil || !strings.Contains(err.Error(), "version 1.2.3") {
		t.Errorf("a bundle of another version: %v", err)
	}
	if err := s.bundle(path, platform{"windows", "amd64"}, program); err == nil || !strings.Contains(err.Error(), `is for [`) {
		t.Errorf("a bundle for another system: %v", err)
	}
	if err := checkSchema(manifestSchema, []byte(`{"manifest_version":"0.3","name":"x"}`)); err == nil || !strings.Contains(err.Error(), "server") {
		t.Errorf("a manifest without a server: %v", err)
	}
}

// goreleaser.yaml builds the platforms that verify looks for, and the gate and
// both workflows build them.
func TestReleaseIsBuiltAndLookedAt(t *testing.T) {
	var c struct {
		Builds []struct{ Goos, Goarch []string }
		Sboms  []struct{ Cmd string }
	}
	must(t, yaml.Unmarshal(read(t, "goreleaser.yaml"), &c))
	var built []platform
	for _, system := range c.Builds[0].Goos {
		for _, arch := range c.Builds[0].Goarch {
			built = append(built, platform{system, arch})
		}
	}
	if !slices.Equal(built, released()) {
		t.Errorf("goreleaser.yaml builds %v, verify wants %v", built, released())
	}
	if len(c.Sboms) != 1 || c.Sboms[0].Cmd != parts.CycloneDX {
		t.Errorf("bills of materials are written by %+v, not by the part %s", c.Sboms, parts.CycloneDX)
	}
	gate := string(read(t, filepath.Join(root, ".ci/run")))
	if !regexp.MustCompile(`(?m)^make test lint snapshot$`).MatchString(gate) {
		t.Error("the gate does not build the snapshot")
	}
	for _, name := range strings.Split(regexp.MustCompile(`REQUIRE=(\S+)`).FindStringSubmatch(gate)[1], ",") {
		if _, err := parts.Lookup(name); err != nil && !slices.Contains(parts.System, name) {
			t.Error(err)
		}
	}
	for _, workflow := range []string{"ci.yml", "release.yml"} {
		if !strings.Contains(string(read(t, filepath.Join(root, ".github/workflows", workflow))), "run: bash .ci/run\n") {
			t.Errorf("%s does not run the gate", workflow)
		}
	}
	makefile := string(read(t, filepath.Join(root, "Makefile")))
	for _, target := range []string{"snapshot", "release"} {
		recipe := regexp.MustCompile(`(?m)^` + target + `:.*\n((?:\t.*\n)+)`).FindStringSubmatch(makefile)
		if recipe == nil || !strings.Contains(recipe[1], "$(call goreleaser") {
			t.Errorf("make %s does not run goreleaser: %q", target, recipe)
		}
	}
	if !regexp.MustCompile(`(?m)^goreleaser = (?:.*\\\n)+.*release/tool verify .*dist$`).MatchString(makefile) {
		t.Error("what goreleaser built is not looked at")
	}
}
