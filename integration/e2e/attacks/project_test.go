//go:build unix

package attacks

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tidwall/gjson"
)

const stateFile = ".claude/implementer-state.json"

// hostile are projects that a stranger made. says is what the program has to say
// about it, "" = nothing.
var hostile = map[string]struct {
	put  func(v *victim)
	says string
}{
	"a shipped journal and memory": {func(v *victim) {
		v.link("../../../../.bashrc", ".claude/localmodel/projected.json")
		v.file(".claude/localmodel/journal.db", "SQLite format 3\x00 not really")
		v.file(".claude/localmodel/journal.db-wal", "wal")
		v.file(stateFile, `{"stats":{"localModelStats":{"successCount":3,"failuresByType":{"$(id)":1,"lint":2}}}}`)
	}, ""},
	"journal.db is a link to another program's file": {func(v *victim) { v.link("../../../victim.json", ".claude/localmodel/journal.db") }, ""},
	".gitignore is a dangling link":                  {func(v *victim) { v.link("../../../../.profile", ".claude/localmodel/.gitignore") }, ""},
	"the state file is a dangling link":              {func(v *victim) { v.link("../../../.bash_profile", stateFile) }, "link"},
	"the state file is a link out":                   {func(v *victim) { v.link("../../victim.json", stateFile) }, "link"},
	"the state file is a link within":                {func(v *victim) { v.file("other.json", "{}"); v.link("../other.json", stateFile) }, "link"},
	"the state file is a directory":                  {func(v *victim) { v.file(stateFile+"/x", "") }, "directory"},
	"the state file is a pipe":                       {func(v *victim) { v.pipe(stateFile) }, "named pipe"},
	"the state file is /dev/zero":                    {func(v *victim) { v.link("/dev/zero", stateFile) }, "link"},
	"the state file is huge":                         {func(v *victim) { v.sparse(stateFile, 2<<30) }, "more than the 16777216"},
	"the state file is deep":                         {func(v *victim) { v.file(stateFile, strings.Repeat("[", 2<<20)) }, "64 levels"},
	"the state file has millions of keys": {func(v *victim) {
		v.file(stateFile, "{"+manyMembers(3<<20)+`"stats":{}}`)
	}, "keys at its top"},
	// It was the slowest kind, and passed the deadline once.
	"the state file has millions of keys of ours": {func(v *victim) {
		size := 8 << 20
		if full() {
			size = 15 << 20 // nearly the largest that is read
		}
		v.file(stateFile, `{"stats":{"localModelStats":{`+manyMembers(size)+`"failuresByType":{}}}}`)
	}, "more than 65536 bytes"},
	"the state file has a list of millions": {func(v *victim) {
		v.file(stateFile, `{"stats":{"localModelStats":{"failuresByType":[`+strings.Repeat("1,", 1<<20)+`1]}}}`)
	}, "more than 65536 bytes"},
	"the settings have millions of values": {func(v *victim) {
		v.file("backlog.config.json", `{"backlog":{"ticketPrefixes":[`+strings.Repeat("{},", 300_000)+`{}]},"llmOps":{`+manyMembers(100<<10)+`"x":1}}`)
	}, ""},
	"the lock is a link out": {func(v *victim) {
		v.file(stateFile, "{}")
		v.link("../../../.bash_login", stateFile+".lock")
	}, "link"},
	"the lock is a pipe": {func(v *victim) { v.file(stateFile, "{}"); v.pipe(stateFile + ".lock") }, "named pipe"},
	".claude is a link out": {func(v *victim) {
		v.put(filepath.Join(v.home, "other", "implementer-state.json"), "{}")
		v.put(filepath.Join(v.home, "other", ".implementer-state.json.tmp-0123456789abcdef"), "mine")
		v.link("../../other", ".claude")
	}, "link"},
	".claude is a link within": {func(v *victim) { v.mkdir(filepath.Join(v.project, "other")); v.link("other", ".claude") }, "link"},
	".claude is a pipe":        {func(v *victim) { v.pipe(".claude") }, "named pipe"},
	"the settings are a pipe":  {func(v *victim) { v.pipe("backlog.config.json") }, "named pipe"},
	"the settings are a link":  {func(v *victim) { v.link("/dev/zero", "backlog.config.json") }, "outside"},
	"the settings are huge":    {func(v *victim) { v.sparse("backlog.config.json", 2<<30) }, "more than"},
	"the settings are deep":    {func(v *victim) { v.file("backlog.config.json", strings.Repeat("[", 900<<10)) }, "64 levels"},
	"the front matter is deep": {func(v *victim) {
		v.file("ticket.md", "---\nid: BUG-1\na: "+strings.Repeat("[", 200<<10)+"\n---\n# x\n")
	}, ""},
	"what names commands is deep, or a pipe": {func(v *victim) {
		v.file("package.json", strings.Repeat("[", 200<<10))
		v.pipe("Makefile")
		v.pipe("go.mod")
	}, ""},
	"git's files are pipes": {func(v *victim) { v.pipe(".git/config"); v.pipe(".git/HEAD"); v.pipe(".git/commondir") }, ""},
	"git's own settings name programs, includes and other trees": {func(v *victim) {
		v.file(".git/config", "[core]\n\tfsmonitor = touch "+v.home+"/pwned\n\thooksPath = ../hooks\n\tworktree = /\n[include]\n\tpath = /dev/zero\n"+
			"[remote \"origin\"]\n\turl = ext::touch "+v.home+"/pwned\n[alias]\n\tstatus = !touch "+v.home+"/pwned\n")
		v.file(".git/HEAD", "ref: refs/heads/../../../../.ssh/id_rsa\n")
		v.file(".git/objects/info/alternates", "/dev/zero\n../../../../.ssh\n")
		v.file(".git/commondir", "/\n")
		v.file(".git/worktrees/x/gitdir", "../../../.ssh/.git\n")
		v.file(".gitmodules", "[submodule \"sub\"]\n\tpath = sub\n\turl = ext::touch pwned\n\tupdate = !touch "+v.home+"/pwned\n")
		v.file("sub/.git", "gitdir: ../../../.ssh\n")
	}, ""},
	".git is a pipe":             {func(v *victim) { v.pipe(".git") }, ""},
	".git leads out to a device": {func(v *victim) { v.file(".git", "gitdir: /dev/zero\n") }, ""},
	".git leads to another repository": {func(v *victim) {
		v.put(filepath.Join(v.home, "code", "other", ".git", "config"), "[remote \"origin\"]\n\turl = https://example.com/other\n")
		v.file(".git", "gitdir: ../other/.git\n")
	}, ""},
	"clients' files are deep": {func(v *victim) {
		for _, name := range []string{".mcp.json", ".cursor/mcp.json", ".vscode/mcp.json", ".gemini/settings.json", ".github/mcp.json"} {
			v.file(name, "// \"\n"+strings.Repeat("[", 7<<20))
		}
		v.file(".codex/config.toml", "a = "+strings.Repeat("[", 7<<20))
	}, ""},
	"Claude Code's settings are deep": {func(v *victim) { v.file(".claude/settings.json", strings.Repeat("[", 8<<20)) }, ""},
	"a client's TOML has a long heading": {func(v *victim) {
		v.file(".codex/config.toml", "["+strings.Repeat("a.", 1<<20)+"a]\n"+endlessKeys(4<<20))
	}, ""},
	"a client's TOML has a long key": {func(v *victim) { v.file(".codex/config.toml", strings.Repeat("a.", 3<<20)+"a=1\n") }, ""},
	"a client's TOML has an endless entry of ours": {func(v *victim) {
		v.file(".codex/config.toml", "[mcp_servers.localmodel]\n"+endlessKeys(7<<20))
	}, ""},
	"a client's JSON is a list of millions": {func(v *victim) {
		v.file(".cursor/mcp.json", `{"mcpServers":{"a":[`+strings.Repeat("1,", 4_000_000)+"1]}}")
	}, ""},
	"clients' files are pipes": {func(v *victim) { v.pipe(".mcp.json"); v.pipe(".codex/config.toml"); v.pipe(".cursor") }, ""},
	"the ticket is a pipe":     {func(v *victim) { v.pipe("ticket.md") }, "named pipe"},
	"the ticket is /dev/zero":  {func(v *victim) { v.link("/dev/zero", "ticket.md") }, "E_PATH_OUTSIDE"},
	"the ticket is a link out": {func(v *victim) { v.link("../notes.md", "ticket.md") }, "E_PATH_OUTSIDE"},
}

// endlessKeys are keys of TOML, no two the same.
func endlessKeys(bytes int) string {
	var b strings.Builder
	for i := 0; b.Len() < bytes; i++ {
		fmt.Fprintf(&b, "k%d=1\n", i)
	}
	return b.String()
}

// manyMembers are members of a JSON object, no two the same.
func manyMembers(bytes int) string {
	var b strings.Builder
	for i := 0; b.Len() < bytes; i++ {
		fmt.Fprintf(&b, "\"k%d\":1,", i)
	}
	return b.String()
}

func (v *victim) sparse(name string, size int64) {
	v.t.Helper()
	v.file(name, "")
	if err := os.Truncate(filepath.Join(v.project, name), size); err != nil {
		v.t.Fatalf("a sparse file of %d bytes: %v", size, err)
	}
}

// Opening a stranger's project harms nothing outside of it, and nothing in it but
// the state file.
func TestHostileProject(t *testing.T) {
	for name, c := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVictim(t)
			c.put(v)
			if _, err := os.Lstat(filepath.Join(v.project, "ticket.md")); err != nil {
				v.file("ticket.md", ticket)
			}
			v.env = append(v.env, "LOCALMODEL_STATE_FILE=on")
			if strings.HasPrefix(name, "the state file is deep") || strings.HasPrefix(name, "the state file has") { // damaged: a copy may be set aside
				v.mayChangeInside = v.damagedCopies()
			}
			v.ready()
			said := v.everything()
			if v.mayChangeInside != nil {
				v.mayChangeInside = v.damagedCopies()
			}
			v.unharmed()
			if !strings.Contains(said, c.says) {
				t.Errorf("nothing said of %q: %.4000s", c.says, said)
			}
			if strings.Contains(said, "secret") || strings.Contains(said, "$(id)") {
				t.Errorf("said what it must not: %.4000s", said)
			}
		})
	}
}

func (v *victim) damagedCopies() []string {
	copies, _ := filepath.Glob(filepath.Join(v.project, stateFile+".damaged-*"))
	dir, name := filepath.Split(stateFile)
	unfinished, _ := filepath.Glob(filepath.Join(v.project, dir, "."+name+".damaged-*.tmp-*")) // where Close's time was over
	out := []string{}
	for _, c := range slices.Concat(copies, unfinished) {
		rel, _ := filepath.Rel(v.project, c)
		out = append(out, rel)
	}
	return out
}

// Damage is said by every process, copied aside five times at most, and left.
func TestDamagedStateFile(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	v.file("ticket.md", ticket)
	v.ready()
	for i := range 6 { // one more than is copied
		content := strings.Repeat("{", i+1) + `"torn`
		v.file(stateFile, content)
		v.ready()
		record := v.run("", "call", "record_gate_outcome", `{"ticket_id":"BUG-1","gate":"lint","outcome":"fail","route":"local"}`)
		if !strings.Contains(record.err, "not valid JSON") {
			t.Errorf("stderr of a one-shot call: %q", record.err)
		}
		health := v.run("", "call", "check_local_health")
		if !strings.Contains(gjson.Get(health.out, "warnings").Raw, "not valid JSON") {
			t.Errorf("health of a fresh process: %s", health.out)
		}
		reply := v.session(askClassify)
		if !strings.Contains(reply.out, "not valid JSON") {
			t.Errorf("the reply: %s", reply.out)
		}
		if data, err := os.ReadFile(filepath.Join(v.project, stateFile)); err != nil || string(data) != content {
			t.Errorf("%q became %q, %v", content, data, err)
		}
	}
	if copies := v.damagedCopies(); len(copies) == 0 || len(copies) > 5 {
		t.Errorf("copies %q, want 1 to 5", copies)
	}
}

// Where nobody asked for the state file, the project stays as it was.
func TestStateFileRule(t *testing.T) {
	for name, c := range map[string]struct {
		setting string
		put     func(v *victim)
		kept    bool
	}{
		"auto, nothing there":        {"auto", func(*victim) {}, false},
		"auto, the project's config": {"auto", func(v *victim) { v.file("backlog.config.json", "{}") }, true},
		"auto, the file":             {"auto", func(v *victim) { v.file(stateFile, "{}") }, true},
		"on":                         {"on", func(*victim) {}, true},
		"off, with the file":         {"off", func(v *victim) { v.file(stateFile, "{}") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVictim(t)
			v.file("ticket.md", ticket)
			c.put(v)
			v.env = append(v.env, "LOCALMODEL_STATE_FILE="+c.setting)
			v.ready()
			before := listing(t, v.project)
			v.everything()
			data, _ := os.ReadFile(filepath.Join(v.project, stateFile))
			if kept := gjson.GetBytes(data, "stats.localModelStats.successCount").Int() > 0; kept != c.kept {
				t.Errorf("kept %t, want %t: %s", kept, c.kept, data)
			}
			if !c.kept {
				for _, d := range differences(before, listing(t, v.project)) {
					t.Errorf("in the project: %s", d)
				}
			}
		})
	}
}

// What the user's own directories hold is the user's alone, whatever the umask.
func TestOwnFilesArePrivate(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0)) // the program inherits it
	v := newVictim(t)
	v.file("ticket.md", ticket)
	v.ready()
	v.env = append(v.env, "LOCALMODEL_STATE_FILE=on")
	page := filepath.Join(v.home, "page.html")
	v.everything()
	v.run("", "stats", "--html", page)
	own := filepath.Join(v.home, ".local", "state", "localmodel")
	for path, what := range listing(t, own) {
		if !strings.HasPrefix(what, "-rw-------") && !strings.HasPrefix(what, "drwx------") {
			t.Errorf("%s: %s", path, what)
		}
	}
	if what := listing(t, v.home)[page]; !strings.HasPrefix(what, "-rw-------") {
		t.Errorf("%s: %s", page, what)
	}
}

// A state file that is new is as open as the umask lets it be.
func TestStateFile_KeepsToTheUmask(t *testing.T) {
	v := newVictim(t)
	v.file("ticket.md", ticket)
	v.ready()
	defer syscall.Umask(syscall.Umask(0o077)) // the program inherits it
	v.env = append(v.env, "LOCALMODEL_STATE_FILE=on")
	v.everything()
	all := listing(t, v.project)
	for name, want := range map[string]string{stateFile: "-rw-------", filepath.Dir(stateFile): "drwx------"} {
		if what := all[filepath.Join(v.project, name)]; !strings.HasPrefix(what, want) {
			t.Errorf("%s: %q, want %s", name, what, want)
		}
	}
}

// What the user names is written, but through no link of the project.
func TestNamedFiles_FollowNoLink(t *testing.T) {
	v := newVictim(t)
	v.link("../victim.json", "ledger.jsonl")
	v.link("../victim.json", "page.html")
	v.link("../../.config", "out")
	v.link("../victim.json", ".mcp.json")
	v.link("../../.config/other", ".cursor")
	v.link("../../.config/other/settings.json", ".gemini/settings.json")
	v.ready()
	for _, args := range [][]string{
		{"export", "--output", filepath.Join(v.project, "ledger.jsonl")},
		{"export", "--output", filepath.Join(v.project, "out", "ledger.jsonl")},
		{"stats", "--html", filepath.Join(v.project, "page.html")},
		{"stats", "--html", filepath.Join(v.project, "out", "page.html")},
		{"install", "claude-code", "--project"}, {"install", "cursor", "--project"}, {"install", "gemini", "--project"},
		{"uninstall", "claude-code", "--project"},
	} {
		if r := v.run("", args...); r.code == 0 && args[0] != "uninstall" {
			t.Errorf("%v succeeded: %s", args, r.out)
		}
	}
	v.unharmed()
}

// Directories of tickets hold up nobody.
func TestEval_HostileDirectory(t *testing.T) {
	v := newVictim(t)
	v.file("backlog/BUG-1.md", ticket)
	v.pipe("backlog/BUG-2.md")
	v.link("../../notes.md", "backlog/BUG-3.md")
	v.link("/", "backlog/root")
	v.link("../../../../.bashrc", ".claude/localmodel/eval.jsonl")
	v.ready()
	r := v.run("", "eval", filepath.Join(v.project, "backlog"))
	if strings.Contains(r.out+r.err, "secret") {
		t.Errorf("%s%s", r.out, r.err)
	}
	v.unharmed()
}
