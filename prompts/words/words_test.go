package words

import (
	"slices"
	"testing"
)

func TestHas_WholeWords(t *testing.T) {
	for _, c := range []struct {
		text, name string
		want       bool
	}{
		{"func run(", "run", true},
		{"run", "run", true},
		{"rerun()", "run", false},
		{"running", "run", false},
		{"rerun, run", "run", true},
		{"run_all run2 runé", "run", false},
		{"xaa aa", "aa", true},
		{"aaa", "aa", false},
		{"a.run.b", "run", true},
	} {
		if got := Has(c.text, c.name); got != c.want {
			t.Errorf("%q in %q: got %t, want %t", c.name, c.text, got, c.want)
		}
	}
}

func TestBeyond(t *testing.T) {
	for _, c := range []struct {
		name, text, known string
		want              []string
	}{
		{"forms of a word are one", "Retries the upload", "retry", []string{"upload"}},
		{"each once", "upload, uploads and uploading", "", []string{"upload"}},
		{"the parts of a name are known", "user store", "userStore", nil},
		{"and those with an underscore", "user store", "user_store", nil},
		{"filler says nothing", "implement the feature as described", "", nil},
		{"a number of two digits is a value", "wait 30 seconds", "wait", []string{"30", "second"}},
		{"one digit is none", "try 3", "try", nil},
		{"two characters of a script without spaces are a word", "添加登录按钮", "", []string{"添加", "登录", "按钮"}},
	} {
		if got := Beyond(c.text, c.known); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSame(t *testing.T) {
	if !Same("Add the Retry, to push!", "add the retry to push") || Same("add retry", "retry add") {
		t.Error("case and punctuation do not count, the order does")
	}
}

func TestShingles(t *testing.T) {
	got := Shingles("One two, three four", 3)
	if len(got) != 2 || !got["one two three"] || !got["two three four"] {
		t.Errorf("got %v", got)
	}
	if got := Shingles("one two", 3); len(got) != 0 {
		t.Errorf("fewer words than a run: got %v", got)
	}
}

func TestOpposite(t *testing.T) {
	for _, c := range []struct {
		sentence, title string
		want            bool
	}{
		{"Remove the retry from docker push", "Add a retry to docker push", true},
		{"Disable uploads of large files", "Enable large uploads", true},
		{"Remove the old loop, then add the retry", "Add a retry to docker push", false}, // the title's verb, too
		{"Remove the flag that nobody reads", "Add a retry to docker push", false},       // another object
		{"Add the retry", "Add a retry to docker push", false},
		{"Remove", "Add retry", false},
	} {
		if got := Opposite(c.sentence, c.title); got != c.want {
			t.Errorf("%q of %q: got %t, want %t", c.sentence, c.title, got, c.want)
		}
	}
}
