package settings

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/internal/userdirs"
)

// Sources of values, as they are shown.
const (
	fromEnvironment = "environment"
	fromFile        = configName
	fromProject     = "backlog.config.json"
	fromDefault     = "default"
)

const (
	configName   = "config.toml"
	maxFileBytes = 1 << 20 // of config.toml, of backlog.config.json and of the trusted settings
	// readTime bounds each file that is read at the start.
	readTime = 2 * time.Second
)

// Value is a setting as it counts.
type Value struct {
	Name    string `json:"name"`
	Value   string `json:"value"` // secrets masked
	From    string `json:"from"`
	Meaning string `json:"meaning"`
}

// Set is every setting, resolved.
type Set struct {
	Root     string        // of the project
	Dirs     userdirs.Dirs // empty where the user has no home
	Project  Project       // what the project's own file says
	Problems []string      // what is wrong, in words; the default is used instead
	// Untrusted is what the project's file asks for and the user has not trusted.
	Untrusted []Request

	lookup func(string) (string, bool)
	file   map[string]any
	values map[string]any
	from   map[string]string
}

// Load resolves the settings. lookup distinguishes a variable that is set but empty from
// one that is not set; that matters for LOCALMODEL_FALLBACK alone.
func Load(ctx context.Context, lookup func(string) (string, bool)) *Set {
	s := &Set{lookup: lookup, values: map[string]any{}, from: map[string]string{}}
	s.Root = s.root()
	dirs, err := userdirs.Find(runtime.GOOS, s.Getenv)
	if err != nil {
		s.problem("%v", err)
	}
	s.Dirs = dirs
	s.checkOwner(ctx)
	s.readFile(ctx)
	s.readProject(ctx)
	for i := range Table {
		s.resolve(&Table[i])
	}
	s.resolveSlots()
	s.resolveLocal()
	s.resolveState()
	return s
}

// resolveLocal keeps a local server without an address from being asked.
func (s *Set) resolveLocal() {
	r := row("LOCALMODEL_LOCAL")
	if s.values[r.Name] != "openai" || s.values["LOCALMODEL_LOCAL_URL"] != "" {
		return
	}
	s.problem("%s needs the server's address in LOCALMODEL_LOCAL_URL; the default %s is used", s.label(r, "openai", s.from[r.Name]), r.Default)
	s.values[r.Name], s.from[r.Name] = r.Default, fromDefault
}

// Getenv returns a variable unchanged, "" where it is not set.
func (s *Set) Getenv(name string) string {
	v, _ := s.lookup(name)
	return v
}

// Get returns a setting's value. It panics where the table has no such setting
// or another type.
func Get[T any](s *Set, name string) T {
	v, ok := s.values[name].(T)
	if !ok {
		panic(fmt.Sprintf("settings: %s is no %T but a %T", name, v, s.values[name]))
	}
	return v
}

// Fill gives each field of a struct that has the tag setting the value of that
// setting. It panics where the types differ.
func (s *Set) Fill(into any) {
	fields := reflect.ValueOf(into).Elem()
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Tag.Get("setting")
		if name == "" {
			continue
		}
		v := s.values[name]
		if two, ok := v.(Switch); ok {
			v = two.On
		}
		fields.Field(i).Set(reflect.ValueOf(v).Convert(fields.Field(i).Type()))
	}
}

// Chosen reports whether the user set one of the settings.
func (s *Set) Chosen(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return s.from[name] != fromDefault })
}

// InFile is a setting's value as config.toml has it, or its default; there is
// false where the file does not set it.
func (s *Set) InFile(name string) (value string, there bool) {
	r := row(name)
	if v, ok := s.fromFile(r); ok {
		return v, true
	}
	return r.Default, false
}

// Value is one setting for a person.
func (s *Set) Value(name string) Value {
	r := row(name)
	return Value{Name: r.Name, Value: plain.Line(s.shown(r)), From: plain.Line(s.from[r.Name]), Meaning: r.Meaning}
}

// ConfigFile is the path of config.toml, "" where the user has no home.
func (s *Set) ConfigFile() string {
	if s.Dirs.Config == "" {
		return ""
	}
	return filepath.Join(s.Dirs.Config, configName)
}

// Values lists every setting for a person.
func (s *Set) Values() []Value {
	out := make([]Value, 0, len(Table))
	for i := range Table {
		out = append(out, s.Value(Table[i].Name))
	}
	return out
}

// shown is a setting's value without secrets.
func (s *Set) shown(r *Row) string {
	v := s.values[r.Name]
	switch {
	case r.Secret && v == "":
		return "not set"
	case r.Secret && v == r.Default:
		return "the default one"
	case r.Secret:
		return "set"
	case r.Name == "LOCALMODEL_STATE":
		return secrets.Address(fmt.Sprint(v))
	case r.Name == "CLAUDE_PROJECT_DIR":
		return s.Root
	case v == "":
		return "not set"
	case r.computed != nil && v == 0.0:
		return r.Default
	}
	return show(v)
}

func (s *Set) problem(format string, args ...any) {
	if text := plain.Line(fmt.Sprintf(format, args...)); !slices.Contains(s.Problems, text) {
		s.Problems = append(s.Problems, text)
	}
}

// env is a variable's value; one that is empty or an unexpanded placeholder
// counts as not set.
func (s *Set) env(name string) string {
	v := strings.TrimSpace(s.Getenv(name))
	if strings.HasPrefix(v, "${") {
		s.problem("%s is the unexpanded placeholder %s, so it counts as not set", name, quote(v))
		return ""
	}
	return v
}

func (s *Set) resolve(r *Row) {
	value, from := s.find(r)
	note := func(text string) { s.problem("%s %s", s.label(r, value, from), text) }
	v, want := r.parse(value, note)
	if from == fromDefault && (r.computed != nil || value == "") {
		v, want = s.computed(r), ""
	}
	if want != "" {
		instead, used := r.Default, "the default "+r.Default+" is used"
		switch {
		case r.instead != "":
			instead, used = r.instead, r.instead+" is used"
		case r.Default == "":
			used = "it counts as not set"
		}
		s.problem("%s is not %s; %s", s.label(r, value, from), want, used)
		from = fromDefault
		if v, _ = r.parse(instead, note); r.computed != nil || instead == "" {
			v = s.computed(r)
		}
	}
	s.values[r.Name], s.from[r.Name] = v, from
}

func (s *Set) label(r *Row, value, from string) string {
	shown := quote(value)
	if r.Secret {
		shown = "(a value not shown here)"
	}
	label := r.Name + "=" + shown
	if from == fromFile {
		label = r.Key() + " = " + shown + " in " + fromFile
	} else if strings.HasPrefix(from, fromProject) {
		label = r.Name + "=" + shown + " in " + from
	}
	return label
}

// computed is the default of a setting that is not read from the table.
func (s *Set) computed(r *Row) any {
	if r.computed == nil {
		return ""
	}
	return r.computed(s)
}

// always is a default that the table only describes.
func always(v any) func(*Set) any { return func(*Set) any { return v } }

// ownJournal is the journal in the user's state directory, "" where there is none.
func (s *Set) ownJournal() any {
	if s.Dirs.State == "" {
		return ""
	}
	return filepath.Join(s.Dirs.State, "journal.db")
}

// find looks for a value in the order of the sources. The empty fallback of the
// environment or of the file means none, not the default.
func (s *Set) find(r *Row) (value, from string) {
	raw, set := s.lookup(r.Name)
	if v := s.env(r.Name); v != "" || set && strings.TrimSpace(raw) == "" && r.Name == "LOCALMODEL_FALLBACK" {
		return v, fromEnvironment
	}
	if v, ok := s.fromFile(r); ok {
		return v, fromFile
	}
	if v, from := s.fromProject(r); v != "" {
		return v, from
	}
	return r.Default, fromDefault
}

// fromFile is a value of config.toml, as a variable would have it.
func (s *Set) fromFile(r *Row) (string, bool) {
	v, ok := s.file[r.Key()]
	if !ok {
		return "", false
	}
	var text string
	switch v := v.(type) {
	case string:
		text = strings.TrimSpace(v)
	case int64, float64, bool:
		text = show(v)
	case []any:
		parts := make([]string, 0, len(v))
		for _, p := range v {
			parts = append(parts, fmt.Sprint(p))
		}
		text = strings.Join(parts, ",")
	default:
		s.problem("%s in %s is no value but a %T; it is left out", r.Key(), s.ConfigFile(), v)
		return "", false
	}
	if strings.HasPrefix(text, "${") {
		s.problem("%s in %s is the unexpanded placeholder %s, so it counts as not set", r.Key(), s.ConfigFile(), quote(text))
		return "", false
	}
	return text, text != "" || r.Name == "LOCALMODEL_FALLBACK"
}

// TrustNotes says what the project's file asks for without effect, and the command
// that trusts it.
func (s *Set) TrustNotes() []string {
	var out []string
	for _, r := range s.Untrusted {
		out = append(out, fmt.Sprintf("%s asks for %s = %s, which is left out until you trust it: localmodel trust",
			fromProject, r.Key, strconv.Quote(plain.Line(r.Value))))
	}
	if Get[Switch](s, "LOCALMODEL_DRAFT").On && len(s.Project.Commands) > 0 && !s.Project.CommandsTrusted {
		out = append(out, "drafts are not checked by the project's own commands until you trust those: "+trustCommands)
	}
	return out
}

// resolveSlots follows Ollama's own variable where ours says nothing.
func (s *Set) resolveSlots() {
	const ours, ollamas = "LOCALMODEL_SLOTS", "OLLAMA_NUM_PARALLEL"
	v := s.env(ollamas)
	if s.from[ours] != fromDefault || v == "" || s.env(ours) != "" {
		return
	}
	n, err := strconv.Atoi(v)
	switch {
	case err != nil || n < 0 || n > 1024:
		s.problem("%s=%s is not a whole number from 0 to 1024; the default of 1 slot is used", ollamas, quote(v))
	case n > 0: // for 0 Ollama chooses
		s.values[ours], s.from[ours] = n, ollamas
	}
}
