package settings

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// Project is what backlog.config.json says. The file is the project's, so it may
// be a stranger's: what decides where data goes or what is sent along is only
// asked for.
type Project struct {
	Found    bool      // the file exists
	Prefixes []string  // of ticket ids, beside the usual ones
	DataDir  string    // where tickets are, beneath the root
	Requests []Request // what counts once the user trusts it
	trusted  bool
	// Commands check a change, in the order in which they run. Nothing runs them
	// until the user trusts exactly these. CommandsTrusted says whether that is so.
	Commands        []Request
	CommandsTrusted bool
}

// Request is a setting that the project asks for.
type Request struct {
	Key   string // in the file
	Value string
}

const (
	addressKey  = "llmOps.gateway.baseURL"
	variableKey = "llmOps.gateway.apiKeyEnv"
	maxPrefixes = 30
)

// keyVariable is what a project may name as the variable with the proxy's key:
// no other secret of the environment.
var keyVariable = lazy.Regexp(`^LITELLM_[A-Z0-9_]{1,60}$`)

// readProject reads the project's file and whether the user trusts what it asks
// for.
func (s *Set) readProject(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, readTime)
	defer stop()
	file, ok := s.projectFile(ctx)
	if !ok {
		return
	}
	p := &s.Project
	p.Prefixes = prefixes(file.Get("backlog.ticketPrefixes"))
	if dir := file.Get("backlog.dataDir").Str; dir != "" {
		if filepath.IsLocal(filepath.FromSlash(dir)) && plain.Line(dir) == dir {
			p.DataDir = filepath.FromSlash(dir)
		} else {
			s.problem("backlog.dataDir in %s is %s, not a directory beneath the project; it is left out", fromProject, quote(dir))
		}
	}
	p.Requests = s.requests(file)
	p.Commands, _ = commands(file)
	if len(p.Requests)+len(p.Commands) == 0 {
		return
	}
	trusted, err := Trusted(ctx, s.Dirs.State, s.Root)
	if err != nil {
		s.problem("which settings of projects you trust cannot be read: %v", err)
	}
	p.trusted = same(trusted, p.Requests)
	p.CommandsTrusted = same(trusted, p.Commands)
	if p.trusted {
		return
	}
	for _, r := range p.Requests {
		if !s.moot(r) {
			s.Untrusted = append(s.Untrusted, r)
		}
	}
}

func (s *Set) projectFile(ctx context.Context) (gjson.Result, bool) {
	none := gjson.Result{}
	root, err := rootfs.Open(ctx, s.Root)
	if err != nil {
		s.problem("the project cannot be read: %v", err)
		return none, false
	}
	defer root.Close() //nolint:errcheck // only read
	data, err := root.ReadJSON(ctx, fromProject, maxFileBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return none, false
	}
	s.Project.Found = true
	switch {
	case err != nil:
		s.problem("%s cannot be read, so it is left out: %v", fromProject, err)
		return none, false
	case !gjson.ValidBytes(data):
		s.problem("%s is not valid JSON; it is left out", fromProject)
		return none, false
	}
	return gjson.ParseBytes(data), true
}

func prefixes(list gjson.Result) []string {
	var out []string
	list.ForEach(func(_, v gjson.Result) bool {
		p := strings.ToUpper(strings.Trim(strings.TrimSpace(v.String()), "-"))
		if p != "" && p != "BUG" && p != "FEAT" && p != "TASK" && len(p) <= 20 && plain.Line(p) == p {
			out = append(out, p)
		}
		return len(out) < maxPrefixes
	})
	return out
}

// requests are the settings that the file asks for and that a user may trust.
func (s *Set) requests(file gjson.Result) []Request {
	var out []Request
	if v := strings.TrimSpace(file.Get(addressKey).Str); v != "" && !strings.HasPrefix(v, "${") {
		if _, want := address(v, nil); want != "" {
			s.problem("%s in %s is %s, not %s; it is left out", addressKey, fromProject, quote(v), want)
		} else {
			out = append(out, Request{addressKey, v})
		}
	}
	if v := strings.TrimSpace(file.Get(variableKey).Str); v != "" && v != "LITELLM_MASTER_KEY" {
		if !keyVariable().MatchString(v) {
			s.problem("%s in %s names %s; only LITELLM_MASTER_KEY or a variable that begins with LITELLM_ can be named", variableKey, fromProject, quote(v))
		} else {
			out = append(out, Request{variableKey, v})
		}
	}
	return out
}

// moot says that a request changes nothing: the user has set the same thing, or
// it is the default.
func (s *Set) moot(r Request) bool {
	of := row("LITELLM_MASTER_KEY")
	if r.Key == addressKey {
		of = row("LITELLM_BASE_URL")
		if onLoopback(r.Value) == of.Default {
			return true
		}
	}
	_, from := s.find(of)
	return from != fromDefault
}

// onLoopback is an address with localhost written as its number.
func onLoopback(value string) string {
	v, _ := address(value, nil)
	u, err := url.Parse(v.(string))
	if err == nil && u.Hostname() == "localhost" {
		u.Host = strings.Replace(u.Host, "localhost", "127.0.0.1", 1)
		return u.String()
	}
	return v.(string)
}

// fromProject is a value that the project's file asks for and the user trusts.
func (s *Set) fromProject(r *Row) (value, from string) {
	if !s.Project.trusted {
		return "", ""
	}
	for _, request := range s.Project.Requests {
		switch {
		case request.Key == addressKey && r.Name == "LITELLM_BASE_URL":
			return request.Value, fromProject + " " + addressKey
		case request.Key == variableKey && r.Name == "LITELLM_MASTER_KEY":
			if v := s.env(request.Value); v != "" {
				return v, fromEnvironment + " " + request.Value
			}
		}
	}
	return "", ""
}

// Address reports whether the request is for an address.
func (r Request) Address() bool { return r.Key == addressKey }

// Command reports whether the request is for a command to be run.
func (r Request) Command() bool { return isCommand(r.Key) }
