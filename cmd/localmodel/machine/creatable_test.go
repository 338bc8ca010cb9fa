package machine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCreatable(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(root, "journal.db"):                          "",
		filepath.Join(root, ".claude", "localmodel", "journal.db"): "",
		filepath.Join(file, "localmodel", "journal.db"):            "file",
	} {
		if err := Creatable(path); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	gone := filepath.Join(root, "gone")
	if err := os.Symlink(filepath.Join(root, "nowhere"), gone); err == nil { // Windows may refuse
		if Creatable(filepath.Join(gone, "journal.db")) == nil {
			t.Error("a link to nowhere is no directory")
		}
	}
	entries, err := os.ReadDir(root)
	if err != nil || len(entries) > 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
