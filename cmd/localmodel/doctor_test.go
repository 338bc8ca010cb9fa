package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/checkup"
	external "github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/tinygguf"
)

func doctorReport(t *testing.T, text string) (r checkup.Report, by map[string]checkup.Check) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	by = map[string]checkup.Check{}
	for _, c := range r.Checks {
		by[c.Name] = c
	}
	return r, by
}

func TestDoctorOnABareMachine(t *testing.T) {
	y := newTryout(t)
	y.env["LITELLM_MASTER_KEY"] = "sk-secret-of-mine"
	code, out, _ := y.run(t, "doctor", "--json")
	r, by := doctorReport(t, out)
	if code != 1 || r.Exit != 1 || by["Ollama"].Status != checkup.Less || by["journal"].Status != checkup.OK {
		t.Errorf("exit %d: %s", code, out)
	}
	if strings.Contains(out, "sk-secret") {
		t.Error("the key is printed")
	}
	from := map[string]string{}
	for _, s := range r.Configuration {
		from[s.Name] = s.From
	}
	for name, want := range map[string]string{"LITELLM_MASTER_KEY": "environment", "OLLAMA_HOST": "environment", "LOCALMODEL_SLOTS": "default"} {
		if from[name] != want {
			t.Errorf("%s comes from %q, want %q", name, from[name], want)
		}
	}
	if code, _, said := y.run(t, "doctor", "--unheard-of"); code != 2 || !strings.Contains(said, "--help") {
		t.Errorf("unknown flag: exit %d, %q", code, said)
	}
	if code, out, _ := y.run(t, "doctor", "--help"); code != 0 || !strings.Contains(out, "--fix") {
		t.Errorf("help: exit %d, %q", code, out)
	}
}

// What a model is told to repair is what the user set up, by commands that run
// here.
func TestHealth_FixesRunHere(t *testing.T) {
	bin := t.TempDir() // nothing else is installed
	for _, name := range []string{"localmodel", "localmodel.exe"} {
		if err := os.WriteFile(filepath.Join(bin, name), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	for name, c := range map[string]struct {
		set  map[string]string
		want string
	}{
		"a proxy of nobody's choice": {nil, `["localmodel setup"]`},
		"a proxy's address":          {map[string]string{"LITELLM_BASE_URL": "http://127.0.0.1:1"}, `["localmodel setup","localmodel doctor"]`},
	} {
		y := newTryout(t)
		delete(y.env, "LOCALMODEL_FALLBACK")
		for variable, value := range c.set {
			y.env[variable] = value
		}
		_, out, said := y.run(t, "call", "check_local_health")
		if got := gjson.Get(out, "fixes").Raw; got != c.want {
			t.Errorf("%s: got %s, want %s; %s", name, got, c.want, said)
		}
	}
	t.Setenv("PATH", t.TempDir())
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, out, _ := newTryout(t).run(t, "call", "check_local_health")
	if got := gjson.Get(out, "fixes.0").Str; got != program+" setup" {
		t.Errorf("a program that is not on the PATH: got %q, want %q", got, program+" setup")
	}
}

func TestDoctorCannotRecordOrRead(t *testing.T) {
	y := newTryout(t)
	y.env["LOCALMODEL_NUM_CTX"] = "many"
	if code, out, _ := y.run(t, "doctor"); code != 2 || !strings.Contains(out, `✗ settings    LOCALMODEL_NUM_CTX="many" is not a whole`) {
		t.Errorf("a bad setting: exit %d\n%s", code, out)
	}
	delete(y.env, "LOCALMODEL_NUM_CTX")
	y.env["LOCALMODEL_STATE"] = y.root // a directory is no journal
	if code, out, _ := y.run(t, "doctor"); code != 2 || !strings.Contains(out, "✗ journal   nothing can be recorded") {
		t.Errorf("no journal: exit %d\n%s", code, out)
	}
}

func TestDoctorFindsClientsAndDamage(t *testing.T) {
	y := newTryout(t)
	for name, text := range map[string]string{
		".mcp.json":                      `{"mcpServers":{"localmodel":{"command":"localmodel"}}}`,
		".cursor/mcp.json":               `{"mcpServers":{"other":{"command":"other"}}}`,
		".claude/implementer-state.json": `{"version":`,
	} {
		path := filepath.Join(y.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, out, _ := y.run(t, "doctor", "--json")
	_, by := doctorReport(t, out)
	if got := by["clients"].Text; !strings.Contains(got, "Claude Code (.mcp.json)") || strings.Contains(got, "Cursor") {
		t.Errorf("clients: %q", got)
	}
	if got := by["state file"]; got.Status != checkup.Less || !strings.Contains(got.Text, "not valid JSON") {
		t.Errorf("state file: %+v", got)
	}
}

// Another program resets the counters: the journal puts them back, and doctor
// says so.
func TestDoctorTellsOfForeignDamage(t *testing.T) {
	y := newTryout(t)
	y.env["LOCALMODEL_STATE_FILE"] = "on"
	if code, _, said := y.run(t, "call", "record_gate_outcome", `{"ticket_id":"BUG-1","gate":"commit","outcome":"pass","route":"local"}`); code != 0 {
		t.Fatal(said)
	}
	path := filepath.Join(y.root, ".claude", "implementer-state.json")
	before, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(before), `"successCount": 1`) {
		t.Fatalf("%v: %s", err, before)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(before), `"successCount": 1`, `"successCount": 0`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, out, _ := y.run(t, "doctor", "--json")
	if _, by := doctorReport(t, out); by["state file"].Status != checkup.Advice || !strings.Contains(by["state file"].Text, "repaired") {
		t.Errorf("state file: %+v", by["state file"])
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("%v: %s", err, after)
	}
}

func TestDoctorWithARealOllama(t *testing.T) {
	server := ollamatest.New(t)
	y := newTryout(t)
	y.env["OLLAMA_HOST"], y.env["LOCALMODEL_MODEL"], y.env["LOCALMODEL_NUM_CTX"] = server.URL, ollamatest.TinyQwen, "2048"
	code, out, _ := y.run(t, "doctor", "--json")
	_, by := doctorReport(t, out)
	if code != 0 || !strings.Contains(by["model"].Text, "cold") || !strings.Contains(by["memory"].Text, "takes about") {
		t.Errorf("cold: exit %d, %s", code, out)
	}
	code, out, _ = y.run(t, "doctor", "--json", "--deep")
	if _, by = doctorReport(t, out); code != 0 || !strings.Contains(by["model"].Text, "answered in") {
		t.Errorf("deep: exit %d, %s", code, out)
	}
	code, out, _ = y.run(t, "doctor", "--json")
	if _, by = doctorReport(t, out); code != 0 || !strings.Contains(by["model"].Text, "window of 2048") || !strings.Contains(by["memory"].Text, "the loaded model takes") {
		t.Errorf("loaded: exit %d, %s", code, out)
	}
}

// registry serves one tiny model as Ollama's own registry does: a manifest and
// blobs, over TLS. It returns the model's name and its certificate's file.
func registry(t *testing.T) (model, certificate string) {
	t.Helper()
	var gguf bytes.Buffer
	if err := tinygguf.Write(&gguf, tinygguf.Options{Arch: tinygguf.Qwen3, Seed: 7}); err != nil {
		t.Fatal(err)
	}
	blobs := map[string][]byte{}
	type layer struct {
		MediaType string `json:"mediaType"`
		Digest    string `json:"digest"`
		Size      int    `json:"size"`
	}
	add := func(media string, data []byte) layer {
		sum := sha256.Sum256(data)
		digest := "sha256:" + hex.EncodeToString(sum[:])
		blobs[digest] = data
		return layer{media, digest, len(data)}
	}
	weights := add("application/vnd.ollama.image.model", gguf.Bytes())
	config := add("application/vnd.docker.container.image.v1+json", fmt.Appendf(nil,
		`{"model_format":"gguf","model_family":"qwen3","model_type":"100K","file_type":"F32","rootfs":{"type":"layers","diff_ids":[%q]}}`, weights.Digest))
	manifest, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
		"config": config, "layers": []layer{weights}})
	if err != nil {
		t.Fatal(err)
	}
	// Blobs lie on another host, as the registry's do.
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(blobs[r.URL.Path[1:]]))
	}))
	t.Cleanup(storage.Close)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tiny/manifests/latest") {
			w.Write(manifest)
			return
		}
		digest := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		data, ok := blobs[digest]
		switch {
		case !ok:
			http.NotFound(w, r)
		case r.Method == http.MethodHead:
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		default:
			http.Redirect(w, r, strings.Replace(storage.URL, "127.0.0.1", "localhost", 1)+"/"+digest, http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(s.Close)
	certificate = filepath.Join(t.TempDir(), "registry.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(certificate, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(s.URL, "https://") + "/library/tiny:latest", certificate
}

// The whole road: Ollama is installed and not running, and has no model.
func TestDoctorFixStartsOllamaAndFetchesTheModel(t *testing.T) {
	bin := external.Need(t, external.Ollama)
	if runtime.GOOS != "linux" {
		t.Skip("certificates of a test are trusted by SSL_CERT_FILE on Linux alone")
	}
	model, certificate := registry(t)
	home, path := t.TempDir(), t.TempDir()
	if err := os.Symlink(bin, filepath.Join(path, "ollama")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", path)
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, ".cache"))
	t.Setenv("SSL_CERT_FILE", certificate)
	y := newTryout(t)
	y.env["OLLAMA_HOST"], y.env["LOCALMODEL_MODEL"] = "127.0.0.1:"+strconv.Itoa(freeAddress(t)), model

	y.in = strings.NewReader("n\n")
	if code, out, said := y.run(t, "doctor", "--fix"); code != 1 || !strings.Contains(said, "serve? [y/N]") || !strings.Contains(out, "→ localmodel doctor --fix") {
		t.Fatalf("declined: exit %d\n%s%s", code, said, out)
	}
	y.in = strings.NewReader("y\ny\n")
	code, out, said := y.run(t, "doctor", "--fix", "--json")
	if m := regexp.MustCompile(`process (\d+)`).FindStringSubmatch(said); m != nil {
		pid, _ := strconv.Atoi(m[1])
		t.Cleanup(func() { endProcess(t, pid) })
	}
	if out == "" {
		t.Fatalf("exit %d\n%s", code, said)
	}
	_, by := doctorReport(t, out)
	if code != 0 || by["model"].Status != checkup.OK || !strings.Contains(said, "100 %") || !strings.Contains(said, model+" is there") {
		log, _ := os.ReadFile(filepath.Join(home, ".cache", "localmodel", "ollama.log"))
		t.Errorf("exit %d\n%s%s\n%s", code, said, out, log)
	}
	y.env["LOCALMODEL_MODEL"] = strings.Replace(model, "tiny", "absent", 1)
	if code, _, said := y.run(t, "doctor", "--fix", "--yes"); code != 1 || !strings.Contains(said, "could not fetch") && !strings.Contains(said, "answers") {
		t.Errorf("a model that is nowhere: exit %d\n%s", code, said)
	}
}

func freeAddress(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// endProcess ends a server that outlives the command which started it.
func endProcess(t *testing.T, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	_ = p.Signal(os.Interrupt)
	t.Cleanup(func() { _ = p.Kill() })
	testkit.Eventually(t, "the server ends", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
		return err != nil
	})
}
