package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/internal/userdirs"
	"github.com/fjbelchi/localmodel/routing"
)

// config is every setting, resolved. This file is the only reader of the
// environment and of files of settings.
type config struct {
	root      string
	model     string
	local     string
	ollama    string
	numCtx    int
	keepAlive time.Duration
	preload   bool
	slots     int
	deadline  time.Duration
	connect, load,
	firstToken, token time.Duration
	minConfidence float64
	proxy, key    string
	fallback      []routing.Tier
	cloud         bool
	dailyUSD      float64
	guard         routing.GuardMode
	state         string
	log           slog.Level
	prefixes      []string
	home          string // the user's directory; "" = not known
	dirs          userdirs.Dirs
	plain         bool // NO_COLOR or a dumb terminal: no colour is wanted

	sources  map[string]string // where each value came from, by variable
	problems []string          // what is wrong, in words; the default stands instead
}

// defaultKey is the seed's master key, known to everyone.
const defaultKey = "sk-litellm-changeme"

// settings reads one value after another, in the order environment, project
// file, default. A bad value never stops the server: it is noted.
type settings struct {
	getenv func(string) string
	lookup func(string) (string, bool)
	file   gjson.Result
	c      *config
}

// loadConfig resolves the settings. lookup tells a variable that is set but
// empty from one that is not set; only LOCALMODEL_FALLBACK minds.
func loadConfig(lookup func(string) (string, bool)) *config {
	c := &config{sources: map[string]string{}}
	s := &settings{lookup: lookup, c: c}
	s.getenv = func(name string) string { v, _ := lookup(name); return v }
	c.root = s.root()
	s.file = s.readFile(filepath.Join(c.root, "backlog.config.json"))

	c.ollama = s.ollamaHost()
	c.model = s.text("LOCALMODEL_MODEL", "", "qwen3-coder:30b")
	c.local = s.choice("LOCALMODEL_LOCAL", "ollama", "proxy")
	c.numCtx = s.number("LOCALMODEL_NUM_CTX", 32768, 512, 1<<22)
	c.keepAlive = s.duration("LOCALMODEL_KEEP_ALIVE", 30*time.Minute)
	c.preload = s.number("LOCALMODEL_PRELOAD", 0, 0, 1) == 1
	c.slots = s.slots()
	c.deadline = s.duration("LOCALMODEL_DEADLINE", 55*time.Second)
	c.connect = s.duration("LOCALMODEL_CONNECT_TIMEOUT", 2*time.Second)
	c.load = s.duration("LOCALMODEL_LOAD_TIMEOUT", 10*time.Minute)
	c.firstToken = s.duration("LOCALMODEL_FIRST_TOKEN_TIMEOUT", 40*time.Second)
	c.token = s.duration("LOCALMODEL_TOKEN_TIMEOUT", 10*time.Second)
	c.minConfidence = s.fraction("LOCALMODEL_MIN_CONFIDENCE", 0.60, 1)
	c.proxy = s.address("LITELLM_BASE_URL", "llmOps.gateway.baseURL", "http://127.0.0.1:8000")
	c.key = s.proxyKey()
	c.fallback = s.tiers()
	c.cloud = s.cloud()
	c.dailyUSD = s.fraction("LOCALMODEL_CLOUD_DAILY_USD", 5, 1e6)
	c.guard = routing.GuardMode(s.choice("LOCALMODEL_GUARD", "adaptive", "fixed", "always", "never"))
	c.state = s.text("LOCALMODEL_STATE", "", filepath.Join(".claude", "localmodel", "journal.db"))
	c.log = s.level()
	c.prefixes = s.prefixes()
	c.home = cmp.Or(s.getenv("HOME"), s.getenv("USERPROFILE"))
	c.dirs = s.userDirs()
	c.plain = s.getenv("NO_COLOR") != "" || s.getenv("TERM") == "dumb"
	return c
}

func (s *settings) problem(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(s.c.problems, text) {
		s.c.problems = append(s.c.problems, text)
	}
}

// env is a variable's value; one that is empty or an unexpanded placeholder
// counts as not set.
func (s *settings) env(name string) string {
	v := strings.TrimSpace(s.getenv(name))
	if strings.HasPrefix(v, "${") {
		s.problem("%s is the unexpanded placeholder %s, so it counts as not set", name, v)
		return ""
	}
	return v
}

// text is a value from the environment, else the project file, else the default.
func (s *settings) text(name, key, fallback string) string {
	if v := s.env(name); v != "" {
		s.c.sources[name] = "environment"
		return v
	}
	if key != "" {
		if v := strings.TrimSpace(s.file.Get(key).String()); v != "" && !strings.HasPrefix(v, "${") {
			s.c.sources[name] = "backlog.config.json " + key
			return v
		}
	}
	s.c.sources[name] = "default"
	return fallback
}

// bad notes a value that cannot be used and falls back.
func (s *settings) bad(name, value, want string, fallback any) {
	where := name
	if from := s.c.sources[name]; strings.HasPrefix(from, "backlog.config.json") {
		where += " in " + from
	}
	s.problem("%s=%s is not %s; the default %v is used", where, shown(value), want, fallback)
	s.c.sources[name] = "default"
}

// shown quotes a value for a message without what may be a secret: a key that
// stands in the wrong variable, or a password in an address.
func shown(value string) string {
	if strings.Contains(value, "sk-") {
		return "(a value not shown here)"
	}
	if i := strings.LastIndexByte(value, '@'); i >= 0 {
		value = "..." + value[i:]
	}
	return strconv.Quote(cut(value, 60))
}

func (s *settings) choice(name, fallback string, others ...string) string {
	v := strings.ToLower(s.text(name, "", fallback))
	all := append([]string{fallback}, others...)
	for _, legal := range all {
		if v == legal {
			return v
		}
	}
	s.bad(name, v, "one of "+strings.Join(all, ", "), fallback)
	return fallback
}

func (s *settings) number(name string, fallback, least, most int) int {
	v := s.text(name, "", strconv.Itoa(fallback))
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		s.bad(name, v, fmt.Sprintf("a whole number from %d to %d", least, most), fallback)
		return fallback
	}
	return n
}

func (s *settings) fraction(name string, fallback, most float64) float64 {
	v := s.text(name, "", strconv.FormatFloat(fallback, 'f', -1, 64))
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0 && f <= most) {
		s.bad(name, v, fmt.Sprintf("a number from 0 to %g", most), fallback)
		return fallback
	}
	return f
}

func (s *settings) duration(name string, fallback time.Duration) time.Duration {
	v := s.text(name, "", fallback.String())
	d, err := time.ParseDuration(v)
	if seconds, e := strconv.ParseFloat(v, 64); e == nil && math.Abs(seconds) < 1e9 {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || d <= 0 {
		s.bad(name, v, "a duration such as 40s or 10m", fallback)
		return fallback
	}
	return d
}

func (s *settings) slots() int {
	if s.env("LOCALMODEL_SLOTS") != "" || s.env("OLLAMA_NUM_PARALLEL") == "" {
		return s.number("LOCALMODEL_SLOTS", 1, 1, 1024)
	}
	v := s.env("OLLAMA_NUM_PARALLEL")
	n, err := strconv.Atoi(v)
	switch {
	case err != nil || n < 0 || n > 1024:
		s.bad("OLLAMA_NUM_PARALLEL", v, "a whole number from 0 to 1024", "of 1 slot")
		return 1
	case n == 0: // Ollama chooses
		return 1
	}
	s.c.sources["LOCALMODEL_SLOTS"] = "OLLAMA_NUM_PARALLEL"
	return n
}

// ollamaHost follows Ollama's own rules: scheme, host and port may each be left
// out, and an address to listen on everywhere is called on the loopback.
func (s *settings) ollamaHost() string {
	const fallback = "http://127.0.0.1:11434"
	v := strings.Trim(s.text("OLLAMA_HOST", "", fallback), `"' `)
	scheme, rest, found := strings.Cut(v, "://")
	port := "11434"
	switch {
	case !found:
		scheme, rest = "http", v
	case scheme == "http":
		port = "80"
	case scheme == "https":
		port = "443"
	}
	rest, path, _ := strings.Cut(rest, "/")
	host, p, err := net.SplitHostPort(rest)
	if err != nil {
		host, p = strings.Trim(rest, "[]"), port
	}
	if (scheme != "http" && scheme != "https") || strings.ContainsAny(host+path, " \t@?#") {
		s.bad("OLLAMA_HOST", v, "an address such as 127.0.0.1:11434", fallback)
		return fallback
	}
	if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
		s.problem("OLLAMA_HOST=%s has no usable port; %s is used, as Ollama does", shown(v), port)
		p = port
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() && ip.To4() != nil {
		host = "127.0.0.1"
	} else if ip != nil && ip.IsUnspecified() {
		host = "::1"
	}
	u := scheme + "://" + net.JoinHostPort(host, p)
	if path = strings.Trim(path, "/"); path != "" {
		u += "/" + path
	}
	return u
}

func (s *settings) address(name, key, fallback string) string {
	v := strings.TrimRight(s.text(name, key, fallback), "/")
	u, err := url.Parse(v)
	// The proxy's key takes the place of a name and password, which would show
	// in every message.
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil {
		s.bad(name, v, "an http(s) address without a password", fallback)
		return fallback
	}
	return v
}

// cloud says whether paid and remote calls are allowed. A word that is not known
// closes them: whoever set it did not mean the default.
func (s *settings) cloud() bool {
	const name = "LOCALMODEL_CLOUD"
	switch v := strings.ToLower(s.text(name, "", "allow")); v {
	case "allow", "on", "yes", "true", "1":
		return true
	case "never", "off", "no", "false", "0", "none":
		return false
	default:
		s.problem("%s=%s is not one of allow, never; paid and remote calls stay closed", name, shown(v))
		return false
	}
}

// proxyKey reads the key from its variable, or from the one that the project
// file names. Where that file, which may be a stranger's, also names an address
// off this machine, it cannot have any other secret of the environment sent
// there.
func (s *settings) proxyKey() string {
	if named := s.file.Get("llmOps.gateway.apiKeyEnv").Str; named != "" && named != "LITELLM_MASTER_KEY" && s.env("LITELLM_MASTER_KEY") == "" {
		abroad := strings.HasPrefix(s.c.sources["LITELLM_BASE_URL"], "backlog.config.json") && !routing.Loopback(s.c.proxy)
		if abroad && !strings.Contains(strings.ToUpper(named), "LITELLM") {
			s.problem("backlog.config.json sends the key in %s to an address it names itself; set LITELLM_BASE_URL or LITELLM_MASTER_KEY in the environment to allow that", shown(named))
		} else if v := s.env(named); v != "" {
			s.c.sources["LITELLM_MASTER_KEY"] = "environment " + named
			return v
		}
	}
	return s.text("LITELLM_MASTER_KEY", "", defaultKey)
}

// tiers reads the fallback order. Set but empty means none.
func (s *settings) tiers() []routing.Tier {
	const name = "LOCALMODEL_FALLBACK"
	v, set := s.lookup(name)
	if set && strings.TrimSpace(v) == "" {
		s.c.sources[name] = "environment"
		return nil
	}
	var out []routing.Tier
	for _, t := range strings.Split(s.text(name, "", "cheap,balanced"), ",") {
		switch t = strings.ToLower(strings.TrimSpace(t)); t {
		case "":
		case "cheap", "balanced":
			if !slices.Contains(out, routing.Tier(t)) {
				out = append(out, routing.Tier(t))
			}
		default:
			s.problem("%s names the tier %s; it knows cheap and balanced, so this one is left out", name, shown(t))
		}
	}
	return out
}

func (s *settings) level() slog.Level {
	return map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}[s.choice("LOCALMODEL_LOG", "warn", "debug", "info", "error")]
}

// userDirs are where the user's own files are; empty where there is no home.
func (s *settings) userDirs() userdirs.Dirs {
	dirs, err := userdirs.Find(runtime.GOOS, s.getenv)
	if err != nil {
		s.problem("%v", err)
	}
	return dirs
}

// slotDir is where the lock files of local calls are.
func (c *config) slotDir() string {
	if c.dirs.State == "" {
		return ""
	}
	return filepath.Join(c.dirs.State, "slots")
}

func (s *settings) prefixes() []string {
	var out []string
	s.file.Get("backlog.ticketPrefixes").ForEach(func(_, v gjson.Result) bool {
		p := strings.ToUpper(strings.Trim(strings.TrimSpace(v.String()), "-"))
		if p != "" && p != "BUG" && p != "FEAT" && p != "TASK" && len(p) <= 20 && len(out) < 30 {
			out = append(out, p)
		}
		return true
	})
	return out
}

func (s *settings) root() string {
	if v := s.env("CLAUDE_PROJECT_DIR"); v != "" {
		if info, err := os.Stat(v); err == nil && info.IsDir() {
			return v
		}
		s.problem("CLAUDE_PROJECT_DIR=%q is no directory; the working directory is used", cut(v, 200))
	}
	dir, err := os.Getwd()
	if err != nil {
		s.problem("the working directory cannot be read: %v", err)
		return "."
	}
	return dir
}

func (s *settings) readFile(path string) gjson.Result {
	data, err := os.ReadFile(path) //nolint:gosec // the project's own configuration
	switch {
	case os.IsNotExist(err):
	case err != nil:
		s.problem("backlog.config.json cannot be read: %v", err)
	case !gjson.ValidBytes(data):
		s.problem("backlog.config.json is not valid JSON; it is left out")
	default:
		return gjson.ParseBytes(data)
	}
	return gjson.Result{}
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "..."
	}
	return s
}
