package policy

import "testing"

func TestStatedCategory(t *testing.T) {
	prefixes := []string{"SEC", "QUALITY", "Refactor"}
	for _, c := range []struct{ id, kind, want string }{
		{"BUG-1", "", "BUG"},
		{"feat-1", "", "FEAT"},
		{"TASK-003", "", "TASK"},
		{"BUG-1", "feature", "FEAT"}, // the type is more than a prefix
		{"X-1", "Bugfix", "BUG"},
		{"X-1", "chore", "TASK"},
		{"SEC-1", "", "SEC"},
		{"refactor-9", "", "REFACTOR"},
		{"X-1", "quality", "QUALITY"},
		{"BUG-1", "surprise", "BUG"},
		{"IDEA-1", "", ""},
		{"BUGS-1", "", ""},
		{"BUG", "", ""},
		{"", "", ""},
	} {
		if got := statedCategory(Stated{ID: c.id, Type: c.kind, Prefixes: prefixes}); got != c.want {
			t.Errorf("id %q type %q is %q, want %q", c.id, c.kind, got, c.want)
		}
	}
}

func TestClassify(t *testing.T) {
	front := Stated{ID: "FEAT-1", HasFrontMatter: true}
	with := func(change func(*Stated)) Stated { s := front; change(&s); return s }
	four := []string{"a", "b", "c", "d"}
	for _, c := range []struct {
		name                string
		stated              Stated
		model               string // what a model answers; "" = none does
		complexity, by, why string
		asks                bool
	}{
		{"trivial is low", with(func(s *Stated) { s.Complexity = "Trivial " }), "high", "low", "front_matter", "", false},
		{"simple is medium", with(func(s *Stated) { s.Complexity = "simple" }), "high", "medium", "front_matter", "", false},
		{"complex is high", with(func(s *Stated) { s.Complexity = "complex" }), "low", "high", "front_matter", "", false},
		{"medium stays", with(func(s *Stated) { s.Complexity = "MEDIUM" }), "low", "medium", "front_matter", "", false},
		{"stated beats a tag", with(func(s *Stated) { s.Complexity, s.Tags = "low", []string{"SECURITY"} }), "high", "low", "front_matter", "", false},
		{"stated beats files", with(func(s *Stated) { s.Complexity, s.Files = "low", four }), "", "low", "front_matter", "", false},
		{"a tag is high", with(func(s *Stated) { s.Tags = []string{"arch"} }), "low", "high", "rules", "tag ARCH", false},
		{"four files are high", with(func(s *Stated) { s.Files = four }), "low", "high", "rules", "4 files > 3", false},
		{"plain text", Stated{ID: "FEAT-1"}, "", "medium", "rules", "", true},
		{"plain text and a model", Stated{ID: "FEAT-1"}, "low", "low", "local", "", true},
		{"no file and a model that says more", front, "high", "high", "local", "", true},
		{"a file of the text", Stated{ID: "FEAT-1", FilesFromText: four[:1]}, "", "low", "rules", "", true},
		{"four files of the text", Stated{ID: "FEAT-1", FilesFromText: four}, "low", "high", "rules", "4 files > 3", false},
		{"stated files beat those of the text", with(func(s *Stated) { s.Files, s.FilesFromText = four[:1], four }), "", "low", "rules", "", true},
		{"a table alone", Stated{ID: "FEAT-1", HasFileTable: true, Files: four[:2]}, "", "medium", "rules", "", true},
		{"no model, no file", front, "", "medium", "rules", "", true},
		{"no model, one file", with(func(s *Stated) { s.Files = four[:1] }), "", "low", "rules", "", true},
		{"no model, three files", with(func(s *Stated) { s.Files = four[:3] }), "", "medium", "rules", "", true},
		{"the model fills the rest", with(func(s *Stated) { s.Files = four[:3] }), "low", "low", "local", "", true},
		{"a model that says more", with(func(s *Stated) { s.Files = four[:3] }), "high", "high", "local", "rules alone say medium", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Classify(c.stated)
			if got.AskComplexity != c.asks || got.AskCategory {
				t.Errorf("asks for complexity %t, category %t; want %t and not", got.AskComplexity, got.AskCategory, c.asks)
			}
			by := got.By
			switch {
			case !c.asks: // no model is called; one that spoke up anyway changes nothing
				if c.model != "" {
					got = got.WithModel("BUG", c.model)
				}
			case c.model == "":
				got = got.WithoutModel()
				by = got.By
			default:
				got, by = got.WithModel("", c.model), "local"
			}
			if got.Complexity != c.complexity || by != c.by || got.Why != c.why || got.Category != "FEAT" {
				t.Errorf("%s %s by %s, %q; want FEAT %s by %s, %q", got.Category, got.Complexity, by, got.Why, c.complexity, c.by, c.why)
			}
		})
	}
}

func TestClassify_SizeUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		stated Stated
		want   bool
	}{
		"nothing":           {Stated{}, true},
		"front matter":      {Stated{HasFrontMatter: true}, true},
		"stated complexity": {Stated{Complexity: "low"}, false},
		"a file":            {Stated{Files: []string{"a"}}, false},
		"a file of text":    {Stated{FilesFromText: []string{"a"}}, false},
		"a tag":             {Stated{Tags: []string{"SEC"}}, false},
	} {
		if got := Classify(c.stated).SizeUnknown; got != c.want {
			t.Errorf("%s: size unknown is %t, want %t", name, got, c.want)
		}
	}
}

func TestByFileCount(t *testing.T) {
	for n, want := range map[int]string{0: "medium", 1: "low", 2: "medium", MaxLocalFiles: "medium", MaxLocalFiles + 1: "high"} {
		files := []string{"a", "b", "c", "d"}[:n]
		if got := byFileCount(append(files, files...)); got != want {
			t.Errorf("%d files, each named twice: got %s, want %s", n, got, want)
		}
	}
}

func TestGuessCategory_OnlyWhereAsked(t *testing.T) {
	asked := Classify(Stated{Title: "Fix the crash"}).GuessCategory()
	if asked.Category != "BUG" || asked.AskCategory || asked.Confidence < 0.5 {
		t.Errorf("got %+v", asked)
	}
	if floor := Classify(Stated{Title: "Fix the crash"}).WithoutModel(); floor.Category != "BUG" || floor.By != "rules" {
		t.Errorf("without a model: got %+v, want BUG by rules", floor)
	}
	stated := Classify(Stated{Type: "feature", Title: "Fix the crash"}).GuessCategory()
	if stated.Category != "FEAT" || stated.Confidence != 0 {
		t.Errorf("what is stated was guessed: %+v", stated)
	}
}
