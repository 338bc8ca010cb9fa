// Package composetest loads integration/compose.yaml as Docker Compose does. It
// is a module of its own, so that Compose's library is no dependency of
// localmodel. Its files lie outside of the module: run it with -count=1, since Go
// does not see them change.
package composetest

import (
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"
)

var secrets = map[string]string{"LITELLM_MASTER_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-ant-1", "POSTGRES_PASSWORD": "pw"}

func load(t *testing.T, env map[string]string, profiles ...string) (*types.Project, error) {
	t.Helper()
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	options, err := cli.NewProjectOptions([]string{"../../compose.yaml"}, cli.WithEnv(list), cli.WithProfiles(profiles))
	if err != nil {
		t.Fatal(err)
	}
	return options.LoadProject(t.Context())
}

func project(t *testing.T, more map[string]string, profiles ...string) *types.Project {
	t.Helper()
	env := maps.Clone(secrets)
	maps.Copy(env, more)
	p, err := load(t, env, profiles...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestServices(t *testing.T) {
	if got := slices.Sorted(maps.Keys(project(t, nil).Services)); !slices.Equal(got, []string{"litellm", "postgres"}) {
		t.Errorf("services %v", got)
	}
	if got := slices.Sorted(maps.Keys(project(t, nil, "ollama").Services)); !slices.Equal(got, []string{"litellm", "ollama", "postgres"}) {
		t.Errorf("services with the profile ollama: %v", got)
	}
}

func TestMissingSecretStopsItWithAWord(t *testing.T) {
	for name := range secrets {
		for _, empty := range []bool{false, true} {
			env := maps.Clone(secrets)
			if delete(env, name); empty {
				env[name] = ""
			}
			_, err := load(t, env)
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "integration/.env") {
				t.Errorf("without %s (set but empty: %v): %v", name, empty, err)
			}
		}
	}
}

func TestPortsAreOpenToThisMachineAlone(t *testing.T) {
	for name, s := range project(t, nil, "ollama").Services {
		if len(s.Ports) == 0 {
			t.Errorf("%s has no port", name)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s listens on %q", name, p.HostIP)
			}
		}
	}
	if p := project(t, nil).Services["litellm"].Ports[0]; p.Published != "8000" || p.Target != 4000 {
		t.Errorf("the proxy is at %s for %d, but LITELLM_BASE_URL's default is port 8000", p.Published, p.Target)
	}
}

func TestOllamaIsFoundFromInside(t *testing.T) {
	s := project(t, nil).Services["litellm"]
	if got := *s.Environment["OLLAMA_API_BASE"]; got != "http://host.docker.internal:11434" {
		t.Errorf("OLLAMA_API_BASE is %q", got)
	}
	if hosts := s.ExtraHosts["host.docker.internal"]; !slices.Equal(hosts, []string{"host-gateway"}) {
		t.Errorf("on Linux host.docker.internal is %v", hosts)
	}
	s = project(t, map[string]string{"OLLAMA_HOST": "http://ollama:11434"}).Services["litellm"]
	if got := *s.Environment["OLLAMA_API_BASE"]; got != "http://ollama:11434" {
		t.Errorf("OLLAMA_HOST leaves OLLAMA_API_BASE at %q", got)
	}
}

func TestHealthAsksNoModel(t *testing.T) {
	services := project(t, nil, "ollama").Services
	for name, s := range services {
		if s.HealthCheck == nil || len(s.HealthCheck.Test) == 0 {
			t.Errorf("%s has no health check", name)
		}
	}
	check := strings.Join(services["litellm"].HealthCheck.Test, " ")
	if !strings.Contains(check, "/health/readiness'") || strings.Contains(check, "/health'") {
		t.Errorf("the proxy is checked by %s", check)
	}
	if d := services["litellm"].DependsOn["postgres"]; d.Condition != types.ServiceConditionHealthy {
		t.Errorf("the proxy waits for Postgres to be %q", d.Condition)
	}
}

func TestDatabaseAndItsURLAgree(t *testing.T) {
	p := project(t, nil)
	u, err := url.Parse(*p.Services["litellm"].Environment["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	env := p.Services["postgres"].Environment
	password, _ := u.User.Password()
	if u.Hostname() != "postgres" || u.User.Username() != *env["POSTGRES_USER"] || password != *env["POSTGRES_PASSWORD"] || strings.Trim(u.Path, "/") != *env["POSTGRES_DB"] {
		t.Errorf("DATABASE_URL %s does not fit %v", u.Redacted(), env)
	}
}

// What the container mounts and runs is what is tested outside of it.
func TestImageAndConfigurationAreTheTestedOnes(t *testing.T) {
	s := project(t, nil).Services["litellm"]
	pin, err := os.ReadFile("../../litellm/requirements.in")
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(s.Image, ":v")
	if version == "" || !strings.Contains(string(pin), "litellm[proxy]=="+version+"\n") {
		t.Errorf("image %s is not the version of requirements.in", s.Image)
	}
	if len(s.Volumes) != 1 || !s.Volumes[0].ReadOnly || filepath.Base(s.Volumes[0].Source) != "config.yaml" || !slices.Contains(s.Command, s.Volumes[0].Target) {
		t.Errorf("volumes %v, command %v", s.Volumes, s.Command)
	}
	config, err := os.ReadFile(s.Volumes[0].Source)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(config), "\n") {
		line, _, _ = strings.Cut(line, "#")
		_, name, found := strings.Cut(line, "os.environ/")
		if !found {
			continue
		}
		if name = strings.TrimSpace(name); s.Environment[name] == nil {
			t.Errorf("config.yaml reads %s, which the container does not have", name)
		}
	}
}

// The fleet's paid tiers are those of the plain configuration.
func TestConfigurationsAgree(t *testing.T) {
	type deployment struct {
		Name   string         `yaml:"model_name"`
		Params map[string]any `yaml:"litellm_params"`
		Info   map[string]any `yaml:"model_info"`
	}
	read := func(name string) map[string]string {
		data, err := os.ReadFile("../../litellm/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Models  []deployment   `yaml:"model_list"`
			Router  map[string]any `yaml:"router_settings"`
			General map[string]any `yaml:"general_settings"`
		}
		if err := yaml.Unmarshal(data, &c); err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, d := range c.Models {
			if d.Info["id"] == d.Name {
				t.Errorf("%s: the id of %s is its name: calls would go past every check", name, d.Name)
			}
			if d.Name == "free" {
				if d.Params["num_ctx"] != 32768 || d.Params["model"] != "ollama_chat/qwen3-coder:30b" {
					t.Errorf("%s: %v", name, d.Params)
				}
				continue
			}
			if d.Info["disable_background_health_check"] != true || d.Params["max_budget"] == nil {
				t.Errorf("%s: %s may be probed, or has no cap", name, d.Name)
			}
			text, err := yaml.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			out[d.Name] = string(text)
		}
		if c.Router["enable_tag_filtering"] != nil || c.General["enable_tag_filtering"] != nil || c.Router["enable_pre_call_checks"] != true {
			t.Errorf("%s: %v", name, c.Router)
		}
		return out
	}
	one, fleet := read("config.yaml"), read("fleet.yaml")
	if len(one) != 2 || !maps.Equal(one, fleet) {
		t.Errorf("config.yaml: %v\nfleet.yaml: %v", one, fleet)
	}
}
