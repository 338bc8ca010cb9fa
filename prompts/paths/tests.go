package paths

import (
	"path"
	"strings"
)

func stemOf(p string) string { return strings.TrimSuffix(path.Base(p), path.Ext(p)) }

// IsTest reports whether a path is a test's by the habits of the languages.
func IsTest(p string) bool {
	base := path.Base(p)
	stem := stemOf(p)
	switch {
	case strings.HasSuffix(stem, "_test"), strings.HasPrefix(base, "test_"), strings.HasSuffix(stem, "_spec"):
		return true
	case strings.HasSuffix(stem, ".test"), strings.HasSuffix(stem, ".spec"):
		return true
	case strings.HasSuffix(stem, "Test"), strings.HasSuffix(stem, "Tests"), strings.HasSuffix(stem, "Spec"):
		return true
	}
	for _, dir := range strings.Split(path.Dir(p), "/") {
		if dir == "test" || dir == "tests" || dir == "__tests__" || dir == "spec" {
			return true
		}
	}
	return false
}

// TestsOf lists where the tests of a file may be, most likely first.
func TestsOf(p string) []string {
	dir, ext, stem := path.Dir(p), path.Ext(p), stemOf(p)
	names := map[string][]string{
		".go": {stem + "_test.go"}, ".py": {"test_" + stem + ".py", stem + "_test.py"},
		".rb": {stem + "_spec.rb", stem + "_test.rb"}, ".java": {stem + "Test.java"}, ".kt": {stem + "Test.kt"},
		".cs": {stem + "Tests.cs"}, ".php": {stem + "Test.php"}, ".dart": {stem + "_test.dart"}, ".ex": {stem + "_test.exs"},
	}[ext]
	switch ext {
	case ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte":
		script := ext
		if ext == ".vue" || ext == ".svelte" {
			script = ".ts"
		}
		names = []string{stem + ".test" + script, stem + ".spec" + script}
	}
	var out []string
	for _, n := range names {
		for _, d := range []string{dir, dir + "/__tests__", dir + "/tests", "tests", "test", "spec", inTests(dir)} {
			out = append(out, path.Join(d, n))
		}
	}
	return out
}

// inTests is the directory among the tests that mirrors one of the sources.
func inTests(dir string) string {
	if rest, ok := strings.CutPrefix(dir, "src/main/"); ok {
		return "src/test/" + rest
	}
	for _, top := range []string{"src/", "lib/", "app/"} {
		if rest, ok := strings.CutPrefix(dir, top); ok {
			return "tests/" + rest
		}
	}
	return "tests/" + dir
}
