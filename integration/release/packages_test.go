package main

import (
	"crypto/sha1" //nolint:gosec // the registry's protocol
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
)

// output runs a command and returns its standard output without the end of
// line.
func output(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

const testVersion = "1.2.3"

func hostBundle(t *testing.T) bundle {
	t.Helper()
	if platforms[runtime.GOOS] == "" {
		t.Skip("no package is made for " + runtime.GOOS)
	}
	b := bundle{platform: platform{runtime.GOOS, runtime.GOARCH}, binary: binary.Path(t), version: testVersion}
	t.Chdir(root)
	return b
}

// TestNPM_InstallsAndStarts packs the packages with npm, offers them in a
// registry of this test, and starts the program as a user does with npx.
func TestNPM_InstallsAndStarts(t *testing.T) {
	npm := parts.Program(t, "npm")
	b := hostBundle(t)
	want := output(t, t.TempDir(), nil, b.binary, "version")
	out := t.TempDir()
	must(t, npmMain(testVersion, out))
	must(t, npmPlatform(b, out))

	registry := newRegistry(t, npm, out)
	home := t.TempDir()
	env := []string{
		"HOME=" + home, "USERPROFILE=" + home, "npm_config_cache=" + filepath.Join(home, "cache"),
		"npm_config_registry=" + registry, "npm_config_update_notifier=false", "npm_config_audit=false",
		"npm_config_ignore_scripts=true", // nothing of ours needs one
	}
	got := output(t, home, env, npm, "exec", "--yes", npmName+"@"+testVersion, "--", "version")
	if got != want {
		t.Errorf("npx says %q, the program %q", got, want)
	}
	npx := parts.Program(t, "npx")
	firstRun{env: env[2:], start: []string{npx, "-y", npmName}, entry: "npx -y " + npmName + " serve"}.check(t)
}

// TestNPM_PublishRehearsal goes as far as publishing goes without an account.
func TestNPM_PublishRehearsal(t *testing.T) {
	npm := parts.Program(t, "npm")
	b := hostBundle(t)
	out, home := t.TempDir(), t.TempDir()
	b.binary = filepath.Join(home, "program")                     // packing the real one takes seconds
	must(t, os.WriteFile(b.binary, []byte("#!/bin/sh\n"), 0o755)) //nolint:gosec // a program
	must(t, npmMain(testVersion, out))
	must(t, npmPlatform(b, out))
	env := []string{"HOME=" + home, "USERPROFILE=" + home, "npm_config_cache=" + filepath.Join(home, "cache"),
		"npm_config_registry=" + newRegistry(t, npm, t.TempDir()), "npm_config_update_notifier=false"}
	entries, err := os.ReadDir(out)
	must(t, err)
	for _, e := range entries {
		text := output(t, filepath.Join(out, e.Name()), env, npm, "publish", "--dry-run", "--json", "--tag", "latest")
		want := strings.Replace(e.Name(), "localmodel", npmName, 1) + "@" + testVersion
		if !strings.Contains(text, `"id": "`+want+`"`) {
			t.Errorf("%s is not published as %s: %s", e.Name(), want, text)
		}
	}
}

// newRegistry serves the packages of a directory as an npm registry does: a
// document for each name, and the files that npm packed.
func newRegistry(t *testing.T, npm, dir string) string {
	t.Helper()
	packed := t.TempDir()
	env := []string{"npm_config_cache=" + t.TempDir()}
	documents := map[string]any{}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		var manifest map[string]any
		must(t, json.Unmarshal(read(t, filepath.Join(dir, e.Name(), "package.json")), &manifest))
		lines := strings.Split(output(t, filepath.Join(dir, e.Name()), env, npm, "pack", "--silent", "--pack-destination", packed), "\n")
		tarball := lines[len(lines)-1]
		sum := sha1.Sum(read(t, filepath.Join(packed, tarball))) //nolint:gosec // as above
		manifest["dist"] = map[string]string{"tarball": server.URL + "/files/" + tarball, "shasum": hex.EncodeToString(sum[:])}
		name := manifest["name"].(string)
		documents[name] = map[string]any{
			"name": name, "dist-tags": map[string]string{"latest": testVersion},
			"versions": map[string]any{testVersion: manifest},
		}
	}
	mux.Handle("/files/", http.StripPrefix("/files/", http.FileServer(http.Dir(packed))))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		document, found := documents[strings.TrimPrefix(r.URL.Path, "/")]
		if !found { // the other platforms' packages, which npm leaves out
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(document)
	})
	return server.URL
}

// TestNPM_WithoutThePlatformsPackage holds that the small package says what is
// missing.
func TestNPM_WithoutThePlatformsPackage(t *testing.T) {
	node := parts.Program(t, "node")
	out := t.TempDir()
	t.Chdir(root)
	must(t, npmMain(testVersion, out))
	cmd := exec.CommandContext(t.Context(), node, filepath.Join(out, "localmodel", "bin", "localmodel.js"), "version")
	text, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(text), "Fix: npm install --include=optional @fjbelchi/localmodel") {
		t.Errorf("got %v and:\n%s\nwant exit 1 with the fix", err, text)
	}
}

// TestWheel_InstallsAndStarts installs the wheel of this machine without an
// index, and where uvx is there starts it with that.
func TestWheel_InstallsAndStarts(t *testing.T) {
	python := parts.Program(t, "python3")
	b := hostBundle(t)
	want := output(t, t.TempDir(), nil, b.binary, "version")
	wheels, venv := t.TempDir(), filepath.Join(t.TempDir(), "venv")
	must(t, wheel(b, wheels))
	output(t, wheels, nil, python, "-m", "venv", venv)
	bin := filepath.Join(venv, "bin")
	if runtime.GOOS == "windows" {
		bin = filepath.Join(venv, "Scripts")
	}
	output(t, wheels, nil, filepath.Join(bin, "python"), "-m", "pip", "install", "--no-index", "--find-links", wheels, "localmodel")
	if got := output(t, wheels, nil, filepath.Join(bin, "localmodel"), "version"); got != want {
		t.Errorf("the installed program says %q, want %q", got, want)
	}
	installed := filepath.Join(bin, "localmodel")
	firstRun{start: []string{installed}, entry: installed + " serve"}.check(t)
	if uvx, err := exec.LookPath("uvx"); err == nil {
		env := []string{"UV_CACHE_DIR=" + filepath.Join(t.TempDir(), "uv"), "UV_PYTHON_DOWNLOADS=never", "UV_OFFLINE=1",
			"UV_NO_INDEX=1", "UV_FIND_LINKS=" + wheels}
		firstRun{env: env, start: []string{uvx, "localmodel"}, entry: "uvx localmodel serve"}.check(t)
		if got := output(t, wheels, env, uvx, "--no-index", "--find-links", wheels, "localmodel", "version"); got != want {
			t.Errorf("uvx says %q, want %q", got, want)
		}
	}
}

func TestWheelVersion(t *testing.T) {
	for version, want := range map[string]string{
		"1.2.3": "1.2.3", "1.2.3-rc.1": "1.2.3rc1", "1.0.1-SNAPSHOT-3f500a9": "1.0.1.dev0+snapshot.3f500a9",
	} {
		if got := wheelVersion(version); got != want {
			t.Errorf("%s: got %s, want %s", version, got, want)
		}
	}
}

// TestVerifyPackages holds that a missing or another program is found.
func TestVerifyPackages(t *testing.T) {
	b := hostBundle(t)
	dir, p := t.TempDir(), b.platform
	must(t, npmPlatform(b, filepath.Join(dir, "npm")))
	must(t, wheel(b, filepath.Join(dir, "wheels")))
	if err := verifyPackages(dir, testVersion, []platform{p}); err != nil {
		t.Errorf("sound packages: %v", err)
	}
	if err := verifyPackages(dir, "9.9.9", []platform{p}); err == nil {
		t.Error("packages of another version pass")
	}
	program := filepath.Join(dir, "npm", "localmodel-"+p.npm(), "bin", p.program())
	must(t, os.WriteFile(program, []byte("another"), 0o755)) //nolint:gosec // a program
	if err := verifyPackages(dir, testVersion, []platform{p}); err == nil {
		t.Error("another program passes")
	}
}

// TestWheel_Reproducible holds that the same program gives the same bytes.
func TestWheel_Reproducible(t *testing.T) {
	b := hostBundle(t)
	first, second := t.TempDir(), t.TempDir()
	must(t, wheel(b, first))
	must(t, wheel(b, second))
	name := wheelName(testVersion, b.platform)
	if string(read(t, filepath.Join(first, name))) != string(read(t, filepath.Join(second, name))) {
		t.Error("two wheels of one program differ")
	}
}

// TestReadme holds that no package's README has a link that leads nowhere: each
// file it names is in the repository, under the version's tag.
func TestReadme(t *testing.T) {
	b := hostBundle(t)
	out := t.TempDir()
	must(t, npmMain(testVersion, out))
	must(t, wheel(b, out))
	entries, err := unpack(filepath.Join(out, wheelName(testVersion, b.platform)))
	must(t, err)
	for what, text := range map[string]string{
		"npm":   string(read(t, filepath.Join(out, "localmodel", "README.md"))),
		"wheel": string(entries["localmodel-"+testVersion+".dist-info/METADATA"].data),
	} {
		files := 0
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
			name, ours := strings.CutPrefix(m[1], repository+"/blob/v"+testVersion+"/")
			switch {
			case ours:
				files++
				name, _, _ = strings.Cut(name, "#")
				if _, err := os.Stat(name); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			case !strings.HasPrefix(m[1], "https://"):
				t.Errorf("%s: %q leads nowhere", what, m[1])
			}
		}
		if files < 20 {
			t.Errorf("%s: only %d links to files of the repository", what, files)
		}
	}
}
