package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tidwall/gjson"
	"go.yaml.in/yaml/v3"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
)

const root = "../.."

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return data
}

// liveTools are the tools that the program itself lists.
func liveTools(t *testing.T) []byte {
	t.Helper()
	list, err := toolsList(t.Context(), binary.Path(t))
	must(t, err)
	return list
}

func TestManifestsFitTheirSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("testdata/mcpb-manifest-v0.3.schema.json")
	must(t, err)
	list := liveTools(t)
	for system, platform := range platforms {
		text, err := makeManifest(list, system, "1.2.3")
		must(t, err)
		data, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		must(t, err)
		if err := schema.Validate(data); err != nil {
			t.Errorf("%s: %v", system, err)
		}
		r := gjson.ParseBytes(text)
		if got := r.Get("tools.#.name").String(); got != `["check_local_health","classify_ticket","plan_ticket","record_gate_outcome"]` {
			t.Errorf("%s: tools = %s", system, got)
		}
		for _, d := range r.Get("tools.#.description").Array() {
			if len(d.Str) < 40 || len(d.Str) > 200 || !strings.HasSuffix(d.Str, ".") {
				t.Errorf("description %q is not one sentence", d.Str)
			}
		}
		if got := r.Get("compatibility.platforms").Array(); len(got) != 1 || got[0].Str != platform {
			t.Errorf("%s: platforms = %v", system, got)
		}
		if exe := strings.HasSuffix(r.Get("server.entry_point").Str, ".exe"); exe != (system == "windows") {
			t.Errorf("%s: entry point %s", system, r.Get("server.entry_point"))
		}
		// What the user fills in reaches the server, and nothing is filled in
		// for nothing.
		for _, v := range r.Get("server.mcp_config.env").Map() {
			key := strings.TrimSuffix(strings.TrimPrefix(v.Str, "${user_config."), "}")
			if !r.Get("user_config." + key).Exists() {
				t.Errorf("%s is asked of nobody", v)
			}
		}
		if a, b := len(r.Get("server.mcp_config.env").Map()), len(r.Get("user_config").Map()); a != b {
			t.Errorf("%d variables, %d questions", a, b)
		}
	}
	if _, err := makeManifest(list, "plan9", "1.2.3"); err == nil {
		t.Error("a manifest for a system without one")
	}
}

// packed is the bundle that pack makes. Packing takes seconds.
var packed []byte

// pack makes the bundle of the real program for this machine.
func pack(t *testing.T) (dir string, b bundle) {
	t.Helper()
	docs, out := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(docs, "tools.json"), liveTools(t), 0o644))
	b = bundle{platform: platform{runtime.GOOS, runtime.GOARCH}, docs: docs, binary: binary.Path(t), version: "1.2.3"}
	t.Chdir(root)
	if packed != nil {
		must(t, os.WriteFile(filepath.Join(out, b.name()), packed, 0o600))
		return out, b
	}
	must(t, b.write(out))
	packed = read(t, filepath.Join(out, b.name()))
	return out, b
}

func TestBundleStartsAsItsManifestSays(t *testing.T) {
	if platforms[runtime.GOOS] == "" {
		t.Skip("no bundle is made for " + runtime.GOOS)
	}
	dir, b := pack(t)
	data := read(t, filepath.Join(dir, b.name()))
	must(t, b.write(dir))
	if !bytes.Equal(data, read(t, filepath.Join(dir, b.name()))) {
		t.Error("the same input gave another bundle")
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	must(t, err)
	home, project := t.TempDir(), t.TempDir()
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		content, err := io.ReadAll(r)
		must(t, err)
		path := filepath.Join(home, filepath.FromSlash(f.Name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, content, f.Mode()))
	}
	m := gjson.ParseBytes(read(t, filepath.Join(home, "manifest.json")))
	config := m.Get("server.mcp_config")
	command := strings.ReplaceAll(config.Get("command").Str, "${__dirname}", home)
	env := binary.Env(t, "LITELLM_BASE_URL=http://127.0.0.1:9")
	config.Get("env").ForEach(func(k, v gjson.Result) bool {
		value := strings.ReplaceAll(v.Str, "${user_config.project}", project)
		value = strings.ReplaceAll(value, "${user_config.ollama}", "127.0.0.1:9")
		env = append(env, k.Str+"="+value) // the others stay as they are: not filled in
		return true
	})
	cmd := exec.CommandContext(t.Context(), command, config.Get("args.0").Str)
	cmd.Env, cmd.Dir = env, t.TempDir()
	cmd.Stdin = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"record_gate_outcome","arguments":{"ticket_id":"A-1","gate":"lint","outcome":"pass"}}}
`)
	out, err := cmd.Output()
	must(t, err)
	if !strings.Contains(string(out), `"action":"continue"`) {
		t.Errorf("the bundled server says %s", out)
	}
	if left, err := os.ReadDir(project); err != nil || len(left) != 0 {
		t.Errorf("left in the project: %v, %v", left, err)
	}
}

func TestRegistryEntry(t *testing.T) {
	dir, b := pack(t)
	text, err := makeRegistry("1.2.3", dir)
	must(t, err)
	s := gjson.ParseBytes(text)
	name, described := s.Get("name").Str, len(s.Get("description").Str)
	if !regexp.MustCompile(`^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$`).MatchString(name) || described > 100 || s.Get("version").Str != "1.2.3" {
		t.Errorf("name %q, description of %d, version %q", name, described, s.Get("version"))
	}
	if n := s.Get("packages.#").Int(); n != 3 {
		t.Fatalf("%d packages", n)
	}
	file := filepath.Join(t.TempDir(), "server.json")
	must(t, registry("1.2.3", dir, file)) // holds it to the published schema
	var inContainer []registryEnv
	must(t, json.Unmarshal([]byte(s.Get("packages.1.environmentVariables").Raw), &inContainer))
	if len(inContainer) != len(offered)+1 {
		t.Errorf("in the container: %d settings", len(inContainer))
	}
	for _, e := range inContainer {
		if e.Name == "OLLAMA_HOST" && e.Default != "http://host.docker.internal:11434" || e.Secret && e.Default != "" {
			t.Errorf("in the container: %+v", e)
		}
	}
	if err := checkSchema(registrySchema, []byte(`{"name":"no slash"}`)); err == nil {
		t.Error("any entry fits the schema")
	}
	sum := sha256.Sum256(read(t, filepath.Join(dir, b.name())))
	want := map[string]any{"registryType": "mcpb", "version": "1.2.3", "fileSha256": hex.EncodeToString(sum[:]),
		"transport":  map[string]any{"type": "stdio"},
		"identifier": "https://github.com/fjbelchi/localmodel/releases/download/v1.2.3/" + b.name()}
	if d := cmp.Diff(want, s.Get("packages.2").Value()); d != "" {
		t.Errorf("bundle (-want +got):\n%s", d)
	}
	image := read(t, "integration/release/Dockerfile") // pack went to the root
	if !strings.Contains(string(image), `LABEL io.modelcontextprotocol.server.name="`+name+`"`) {
		t.Errorf("the image does not carry the name %s", name)
	}
	if _, err := makeRegistry("9.9.9", dir); err == nil {
		t.Error("an entry for a version without bundles")
	}
}

// The image holds the program and nothing else, and does not run as root.
func TestDockerfile(t *testing.T) {
	text := string(read(t, "Dockerfile"))
	for _, want := range []string{"FROM gcr.io/distroless/static-debian12:nonroot\n", `ENTRYPOINT ["/usr/local/bin/localmodel"]`, `CMD ["serve"]`, "COPY $TARGETPLATFORM/localmodel ",
		"COPY --chmod=777 integration/release/image/state /state\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, bad := range []string{"\nRUN ", "\nADD ", "\nUSER root", ":latest", "KEY="} {
		if strings.Contains(text, bad) {
			t.Errorf("it has %q", strings.TrimSpace(bad))
		}
	}
}

func TestGoreleaserBuildsWhatIsPromised(t *testing.T) {
	var c struct {
		Version int
		Builds  []struct {
			Main         string
			Env, Ldflags []string
			Goos, Goarch []string
		}
		Archives []struct {
			BuildsInfo struct{ Mtime string } `yaml:"builds_info"`
			Files      []struct {
				Src  string
				Info struct{ Mtime string }
			}
		}
		Dockers []struct {
			Dockerfile string
			ExtraFiles []string `yaml:"extra_files"`
		} `yaml:"dockers_v2"`
		Sboms    []any
		Checksum map[string]any
	}
	must(t, yaml.Unmarshal(read(t, "goreleaser.yaml"), &c))
	b := c.Builds[0]
	if d := cmp.Diff([][]string{{"linux", "darwin", "windows"}, {"amd64", "arm64"}, {"CGO_ENABLED=0"}}, [][]string{b.Goos, b.Goarch, b.Env}); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if c.Version != 2 || len(c.Sboms) == 0 || len(c.Checksum) == 0 {
		t.Errorf("version %d, %d SBOMs, checksum %v", c.Version, len(c.Sboms), c.Checksum)
	}
	// The variable that -X sets is there, or every release calls itself devel.
	name := regexp.MustCompile(`-X main\.(\w+)=`).FindStringSubmatch(strings.Join(b.Ldflags, " "))
	if name == nil || !regexp.MustCompile(`(?m)^var `+name[1]+` string`).Match(read(t, filepath.Join(root, "cmd/localmodel/version.go"))) {
		t.Errorf("%v sets no variable of version.go", b.Ldflags)
	}
	const ofCommit = "{{ .CommitDate }}" // the time of a checkout makes each archive another
	if got := c.Archives[0].BuildsInfo.Mtime; got != ofCommit {
		t.Errorf("the program's time in the archive is %q", got)
	}
	for _, f := range c.Archives[0].Files {
		if f.Info.Mtime != ofCommit {
			t.Errorf("the time of %s in the archive is %q", f.Src, f.Info.Mtime)
		}
		if !strings.HasPrefix(f.Src, "bin/") { // made by the release itself
			read(t, filepath.Join(root, f.Src))
		}
	}
	image := string(read(t, filepath.Join(root, c.Dockers[0].Dockerfile)))
	for _, file := range c.Dockers[0].ExtraFiles {
		if !strings.Contains(image, " "+file+" ") {
			t.Errorf("the image takes nothing of %s", file)
		}
	}
}

// Workflows call make targets that exist, on three systems, with actions that
// cannot change under us.
func TestWorkflows(t *testing.T) {
	targets := string(read(t, filepath.Join(root, "Makefile")))
	files, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yml"))
	must(t, err)
	if len(files) < 2 {
		t.Fatalf("workflows: %v", files)
	}
	pinned := regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	systems := map[string]bool{}
	for _, file := range files {
		text := string(read(t, file))
		var any map[string]any
		must(t, yaml.Unmarshal([]byte(text), &any))
		if !strings.Contains(text, "permissions:\n  contents: read\n") {
			t.Errorf("%s does not start from reading alone", file)
		}
		for _, m := range regexp.MustCompile(`uses: (.+)`).FindAllStringSubmatch(text, -1) {
			if !pinned.MatchString(m[1]) {
				t.Errorf("%s: %s is not pinned", file, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`run: make ([\w-]+)`).FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).MatchString(targets) {
				t.Errorf("%s calls make %s, which is not there", file, m[1])
			}
		}
		for _, s := range []string{"ubuntu", "macos", "windows"} {
			systems[s] = systems[s] || strings.Contains(text, s+"-latest")
		}
	}
	if !systems["ubuntu"] || !systems["macos"] || !systems["windows"] {
		t.Errorf("systems: %v", systems)
	}
}

// One version everywhere.
func TestVersionsAgree(t *testing.T) {
	var plugin struct{ Version string }
	must(t, json.Unmarshal(read(t, filepath.Join(root, "integration/claude-plugin/.claude-plugin/plugin.json")), &plugin))
	m := regexp.MustCompile(`(?m)^## \[(\d+\.\d+\.\d+)\]`).FindStringSubmatch(string(read(t, filepath.Join(root, "CHANGELOG.md"))))
	if m == nil || m[1] != plugin.Version {
		t.Errorf("the newest version of CHANGELOG.md is %v, the plugin's %s", m, plugin.Version)
	}
}
