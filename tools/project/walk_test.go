package project_test

import (
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/tools/project"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		glob, name string
		want       bool
	}{
		{"a/b.go", "a/b.go", true},
		{"a/b.go", "a/b.go/c", false},
		{"a/b.go", "a", false},
		{"*.go", "b.go", true},
		{"*.go", "a/b.go", false},
		{"a/**", "a", true},
		{"a/**", "a/b/c", true},
		{"a/**", "b/c", false},
		{"**", "a/b", true},
		{"**/b.go", "b.go", true},
		{"**/b.go", "a/c/b.go", true},
		{"**/b.go", "a/b.go/c", false},
		{"a/**/b/**/c.go", "a/b/x/b/y/c.go", true},
		{"a/**/b/**/c.go", "a/x/y/c.go", false},
		{"a/**/**/b.go", "a/b.go", true},
		{"**/a/*", "a/b/a/c", true},
		{"[", "[", false},
		{"**/[", "a/b", false},
	} {
		if got := project.Matches(c.glob, c.name); got != c.want {
			t.Errorf("%q matches %q: %t", c.glob, c.name, got)
		}
	}
}

// A ticket of a stranger chooses the pattern: what tries every way to divide the
// folders among many ** does not end.
func TestMatches_ManyStars(t *testing.T) {
	name := strings.Repeat("a/", 60) + "b"
	for _, glob := range []string{strings.Repeat("**/a/", 30) + "c", strings.Repeat("**/", 60) + "c", strings.Repeat("**/*/", 30) + "c"} {
		if project.Matches(glob, name) {
			t.Errorf("%q matches", glob)
		}
	}
}
