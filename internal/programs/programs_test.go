package programs

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// A program is the user's, unless its directory is the project's.
func TestFind_OfTheProject(t *testing.T) {
	home := resolve(t.TempDir())
	name := "localmodel-test-program"
	if runtime.GOOS == "windows" {
		name += ".bat"
	}
	project := filepath.Join(home, "code", "project")
	own := filepath.Join(home, ".local", "bin")
	for _, dir := range []string{own, filepath.Join(project, "bin"), filepath.Join(project, "a", "b"), filepath.Join(project, ".git"),
		filepath.Join(home, "code", "node_modules", ".bin"), filepath.Join(home, "code", "other", "bin")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(home, "link")
	if err := os.Symlink(filepath.Join(project, "bin"), link); err != nil {
		link = filepath.Join(project, "bin") // Windows without the right to make links
	}
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	for _, row := range []struct {
		name, workingDir, project, path string
		users                           bool
	}{
		{"relative", project, "", "bin", false},
		{"the working directory", filepath.Join(project, "bin"), "", ".", false},
		{"absolute, in the project", project, "", filepath.Join(project, "bin"), false},
		{"absolute, from deeper", filepath.Join(project, "a", "b"), "", filepath.Join(project, "bin"), false},
		{"through a link", project, "", link, false},
		{"of the client's project", home, project, filepath.Join(project, "bin"), false},
		{"node_modules above", project, "", filepath.Join(home, "code", "node_modules", ".bin"), false},
		{"the user's", project, "", own, true},
		{"the user's, from home", home, "", own, true},
		{"of another project", project, "", filepath.Join(home, "code", "other", "bin"), true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Chdir(row.workingDir)
			t.Setenv("CLAUDE_PROJECT_DIR", row.project)
			t.Setenv("PATH", row.path)
			want := ""
			if row.users {
				want = filepath.Join(row.path, name)
			}
			if got := Find(name); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			t.Setenv("PATH", row.path+string(filepath.ListSeparator)+own)
			if got := Find(name); got != filepath.Join(own, name) && !row.users {
				t.Errorf("behind it: got %q, want the user's", got)
			}
		})
	}
}
