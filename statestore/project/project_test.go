package project

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// git runs the real one, without the user's settings.
func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	parts.Program(t, "git")
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull,
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// repository makes one with a commit.
func repository(t *testing.T, dir string) string {
	t.Helper()
	makeDir(t, dir)
	git(t, dir, "init", "-q")
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "first")
	return dir
}

func makeDir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	makeDir(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// realTemp is a directory without links in its path.
func realTemp(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func wantLocal(t *testing.T, dir, want string) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second) // of a few milliseconds
	defer stop()
	if got, err := Local(ctx, dir); got != want || err != nil {
		t.Errorf("%s is %q, %v; want %q", dir, got, err, want)
	}
}

func TestLocal_Worktrees(t *testing.T) {
	top := realTemp(t)
	main := repository(t, filepath.Join(top, "main"))
	wantLocal(t, main, main)
	for _, tree := range []string{filepath.Join(top, "linked"), filepath.Join(main, ".claude", "worktrees", "x")} {
		git(t, main, "worktree", "add", "-q", tree, "-b", filepath.Base(tree))
		wantLocal(t, tree, main)
	}
	if runtime.GOOS != "windows" {
		link := filepath.Join(top, "link")
		if err := os.Symlink(filepath.Join(top, "linked"), link); err != nil {
			t.Fatal(err)
		}
		wantLocal(t, link, main)
	}
	makeDir(t, filepath.Join(main, "sub"))
	wantLocal(t, filepath.Join(main, "sub"), filepath.Join(main, "sub"))
	plain := filepath.Join(top, "plain")
	makeDir(t, plain)
	wantLocal(t, plain, plain)

	// A worktree of a bare repository goes by the repository.
	bare := filepath.Join(top, "bare.git")
	git(t, top, "clone", "-q", "--bare", main, bare)
	git(t, bare, "worktree", "add", "-q", filepath.Join(top, "of-bare"), "-b", "y")
	wantLocal(t, filepath.Join(top, "of-bare"), bare)

	// A worktree that was moved without git is one of its own, until it is repaired.
	moved := filepath.Join(top, "moved")
	if err := os.Rename(filepath.Join(top, "linked"), moved); err != nil {
		t.Fatal(err)
	}
	wantLocal(t, moved, moved)
	git(t, moved, "worktree", "repair", moved)
	wantLocal(t, moved, main)
}

// Nothing that a project's own files say gives it another's name.
func TestLocal_HostileProject(t *testing.T) {
	for name, attack := range map[string]func(t *testing.T, evil, good string){
		"a .git that names another's worktree": func(t *testing.T, evil, good string) {
			git(t, good, "worktree", "add", "-q", filepath.Join(filepath.Dir(good), "tree"), "-b", "tree")
			write(t, filepath.Join(evil, ".git"), "gitdir: "+filepath.Join(good, ".git", "worktrees", "tree")+"\n")
		},
		"a .git that names another's repository": func(t *testing.T, evil, good string) {
			write(t, filepath.Join(evil, ".git"), "gitdir: "+filepath.Join(good, ".git")+"\n")
		},
		"a .git that is a link to another's": func(t *testing.T, evil, good string) {
			if err := os.Symlink(filepath.Join(good, ".git"), filepath.Join(evil, ".git")); err != nil {
				t.Skip("no links here")
			}
		},
		"a link to the .git of another's worktree": func(t *testing.T, evil, good string) {
			tree := filepath.Join(filepath.Dir(good), "tree")
			git(t, good, "worktree", "add", "-q", tree, "-b", "tree")
			if err := os.Symlink(filepath.Join(tree, ".git"), filepath.Join(evil, ".git")); err != nil {
				t.Skip("no links here")
			}
		},
		"a repository of its own inside, with a path through a link": func(t *testing.T, evil, good string) {
			if err := os.Symlink(good, filepath.Join(evil, "link")); err != nil {
				t.Skip("no links here")
			}
			write(t, filepath.Join(evil, ".git"), "gitdir: link/.git/worktrees/x\n")
		},
		"both directions of a link, in a folder of worktrees": func(t *testing.T, evil, good string) {
			clone := filepath.Join(good, "worktrees", "clone")
			makeDir(t, filepath.Dir(clone))
			write(t, filepath.Join(evil, ".git"), "gitdir: "+clone+"\n")
			write(t, filepath.Join(clone, "gitdir"), filepath.Join(evil, ".git")+"\n")
			write(t, filepath.Join(clone, "commondir"), "../..\n")
		},
		"a .git that leads from link to link": func(t *testing.T, evil, _ string) {
			const depth, links = 800, 250
			if runtime.GOOS != "linux" {
				t.Skip("paths are shorter here")
			}
			makeDir(t, filepath.Join(evil, strings.Repeat("d/", depth)))
			for i := range links {
				to := strings.Repeat("d/", depth) + strings.Repeat("../", depth) + "x" + strconv.Itoa(i+1)
				if err := os.Symlink(to, filepath.Join(evil, "x"+strconv.Itoa(i))); err != nil {
					t.Skip("no links here")
				}
			}
			write(t, filepath.Join(evil, ".git"), "gitdir: x0\n")
		},
		"both directions of a link, inside itself": func(t *testing.T, evil, _ string) {
			admin := filepath.Join(evil, "fake", ".git", "worktrees", "x")
			write(t, filepath.Join(evil, ".git"), "gitdir: fake/.git/worktrees/x\n")
			write(t, filepath.Join(admin, "gitdir"), filepath.Join(evil, ".git")+"\n")
			write(t, filepath.Join(admin, "commondir"), "../..\n")
		},
		"a common directory elsewhere": func(t *testing.T, evil, good string) {
			other := filepath.Join(filepath.Dir(evil), "accomplice")
			admin := filepath.Join(other, ".git", "worktrees", "x")
			write(t, filepath.Join(evil, ".git"), "gitdir: "+admin+"\n")
			write(t, filepath.Join(admin, "gitdir"), filepath.Join(evil, ".git")+"\n")
			write(t, filepath.Join(admin, "commondir"), filepath.Join(good, ".git")+"\n")
		},
		"a .git that is no link of git's": func(t *testing.T, evil, good string) {
			write(t, filepath.Join(evil, ".git"), "gitdir: "+good+"\x00/.git/worktrees/x")
		},
		"a huge .git": func(t *testing.T, evil, good string) {
			write(t, filepath.Join(evil, ".git"), "gitdir: "+good+strings.Repeat("/.", 1<<20))
		},
	} {
		t.Run(name, func(t *testing.T) {
			top := realTemp(t)
			good, evil := repository(t, filepath.Join(top, "good")), filepath.Join(top, "evil")
			makeDir(t, evil)
			attack(t, evil, good)
			wantLocal(t, evil, evil)
			if got, err := Remote(context.Background(), evil); !errors.Is(err, ErrNoRemote) {
				t.Errorf("in a team's journal it is %q, %v", got, err)
			}
		})
	}
}

func TestRemote(t *testing.T) {
	top := realTemp(t)
	main := repository(t, filepath.Join(top, "main"))
	if got, err := Remote(context.Background(), main); !errors.Is(err, ErrNoRemote) || !strings.Contains(err.Error(), "LOCALMODEL_PROJECT") {
		t.Errorf("without a remote: %q, %v", got, err)
	}
	git(t, main, "remote", "add", "upstream", "https://example.org/other/thing")
	git(t, main, "remote", "add", "origin", "https://user:secret@Example.ORG/Team/Thing.git")
	tree := filepath.Join(top, "tree")
	git(t, main, "worktree", "add", "-q", tree, "-b", "tree")
	for _, dir := range []string{main, tree} {
		if got, err := Remote(context.Background(), dir); got != "example.org/Team/Thing" || err != nil {
			t.Errorf("%s: %q, %v", dir, got, err)
		}
	}
}

func TestNormalize(t *testing.T) {
	for address, want := range map[string]string{
		"https://example.org/a/b.git":        "example.org/a/b",
		"https://user:pa@ss@example.org/a/b": "example.org/a/b",
		"https://EXAMPLE.org:443/a//b/":      "example.org/a/b",
		"ssh://git@example.org/a/b.git":      "example.org/a/b",
		"ssh://git@example.org:2222/a/b":     "example.org:2222/a/b",
		"git@example.org:a/b.git":            "example.org/a/b",
		"example.org:a/b":                    "example.org/a/b",
		"git+ssh://git@example.org/a/b":      "example.org/a/b",
		"git@[::1]:a/b":                      "[::1]/a/b",
		"ssh://[::1]:22/a/b":                 "[::1]/a/b",
		"https://example.org/a/../b":         "example.org/b",
		"":                                   "",
		"/srv/git/a.git":                     "",
		"../other":                           "",
		`C:\git\a`:                           "",
		"file:///srv/git/a":                  "",
		"https:///a":                         "",
		"https://example.org":                "",
		"https://example.org/":               "",
		"https://example.org/.git":           "",
		"ext::sh -c touch% /tmp/x":           "",
		"https://example.org/a b":            "",
		"https://example.org/a%0ab":          "",
		"https://example.org/a\u202eb":       "",
		"https://example.org/" + strings.Repeat("a", 2000): "",
	} {
		got, err := normalize(address)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; want %q", address, got, err, want)
		}
	}
}

func TestOriginURL(t *testing.T) {
	for config, want := range map[string]string{
		"[remote \"origin\"]\n\turl = https://a/b\n\turl = https://c/d\n":             "https://a/b",
		"[REMOTE \"origin\"]\nURL=\"https://a/b\" # c\n":                              "https://a/b",
		"[remote \"Origin\"]\nurl = https://a/b\n":                                    "",
		"[remote \"origin\"] url = https://a/b ; c\n":                                 "https://a/b",
		"[remote \"other\"]\nurl = https://c/d\n[remote \"origin\"]\nurl=https://a/b": "https://a/b",
		"[branch \"origin\"]\nurl = https://a/b\n":                                    "",
		"url = https://a/b\n":                                                         "",
		"[include]\npath = /etc/gitconfig\n":                                          "",
		"[remote \"origin\"\nurl = https://a/b\n":                                     "",
	} {
		if got := originURL(config); got != want {
			t.Errorf("%q has %q, want %q", config, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, ok := range map[string]bool{"team/thing": true, "Ünï 1": true, "": false, "a\nb": false, "a\x1b[31m": false,
		"a\u202eb": false, "\xff": false, strings.Repeat("a", maxName+1): false} {
		if err := Check(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A call ends with its context, whatever the file system does.
func TestLocal_Canceled(t *testing.T) {
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	stuck := make(chan struct{})
	defer close(stuck)
	if _, err := within(ctx, t.TempDir(), func(string) (string, error) { <-stuck; return "", nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// Whatever is in .git, a directory that no repository links to has its own
// name.
func FuzzLocal(f *testing.F) {
	top, err := filepath.EvalSymlinks(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	good := filepath.Join(top, "good")
	admin := filepath.Join(good, ".git", "worktrees", "tree")
	if err := os.MkdirAll(admin, 0o755); err != nil {
		f.Fatal(err)
	}
	for name, text := range map[string]string{"gitdir": filepath.Join(top, "tree", ".git") + "\n", "commondir": "../..\n"} {
		if err := os.WriteFile(filepath.Join(admin, name), []byte(text), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	for _, text := range []string{"gitdir: " + admin + "\n", "gitdir: ../good/.git/worktrees/tree", "gitdir: ../good/.git", "gitdir: .git/worktrees/x",
		"gitdir: ../good/../good/.git/./worktrees//tree/", "gitdir:", "x"} {
		f.Add([]byte(text), []byte("../..\n"), []byte(filepath.Join(top, "evil", ".git")))
	}
	evil := filepath.Join(top, "evil")
	f.Fuzz(func(t *testing.T, link, common, back []byte) {
		inside := filepath.Join(evil, "in", ".git", "worktrees", "x")
		for path, text := range map[string][]byte{filepath.Join(evil, ".git"): link, filepath.Join(inside, "commondir"): common,
			filepath.Join(inside, "gitdir"): back} {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := Local(context.Background(), evil); got != evil || err != nil {
			t.Errorf("it is %q, %v", got, err)
		}
	})
}

// A name holds no secret, no control character and no way up, whatever the
// configuration says.
func FuzzOrigin(f *testing.F) {
	for _, text := range []string{"[remote \"origin\"]\nurl = https://u:p@example.org/a/b.git\n", "[remote \"origin\"]\nurl = git@example.org:a/b\n",
		"[remote \"origin\"]\nurl = host:a?b\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, config string) {
		name, err := normalize(originURL(config))
		if err != nil {
			return
		}
		if err := Check(name); err != nil || strings.Contains(name, "/../") || strings.HasPrefix(name, "/") {
			t.Errorf("%q: %v", name, err)
		}
		host, repo, _ := strings.Cut(name, "/")
		address := url.URL{Scheme: "https", Host: host, Path: repo}
		if again, err := normalize(address.String()); err != nil && !strings.HasSuffix(name, "/.git") { // which .git is taken off once more
			t.Errorf("%q is no address: %s is %q, %v", name, &address, again, err)
		}
	})
}
