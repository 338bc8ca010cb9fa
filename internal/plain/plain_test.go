package plain

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                                    "",
		"src/a.go":                            "src/a.go",
		"Größe 日本 👩‍💻":                        "Größe 日本 👩‍💻",
		"a\nb\r\nc\td":                        "a b  c d",
		"\x1b[31mred\x1b[0m":                  "�[31mred�[0m",
		"bell\a":                              "bell�",
		"c1 \u009b31m":                        "c1 �31m",
		"raw c1 \x9b31m":                      "raw c1 �31m",
		"\u202egpj.exe":                       "�gpj.exe",
		"\u2066a\u2069 \u061c\u200e\u200f":    "�a� �",
		"zero\u200bwidth \ufeff \u2060":       "zero�width � �",
		"tags \U000e0041\U000e0042\U000e007f": "tags �",
		"a\u3164b\u115fc\uffa0d\u034fe":       "a�b�c�d�e",
		"musical \U0001d173 \U0001bca0.":      "musical � �.",
		"lines\u2028and\u2029more\u0085":      "lines and more ",
		"bad \xff\xfe utf":                    "bad � utf",
		"nul\x00del\x7f":                      "nul�del�",
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestText(t *testing.T) {
	if got, want := Text("a\r\n\tb\x1b[2J\rc\u202e"), "a\n\tb�[2J c�"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{
		"":                  "",
		"FEAT-1":            "FEAT-1",
		"a=b":               "a=b",
		"=HYPERLINK(1)":     "'=HYPERLINK(1)",
		"+1":                "'+1",
		"-1+cmd":            "'-1+cmd",
		"@SUM(A1)":          "'@SUM(A1)",
		"\t=1":              "' =1",
		"\r=1":              "' =1",
		"  =1":              "'  =1",
		"\u00a0=1":          "'\u00a0=1",
		"＝1":                "'＝1",
		"BUG-1;=1+1":        "BUG-1;'=1+1",
		"a; @SUM(A1);b":     "a;' @SUM(A1);b",
		"\"=1\"":            "'\"=1\"",
		"a;b":               "a;b",
		"two\nlines":        "two lines",
		"\x1b]0;title\aend": "�]0;title�end",
	} {
		if got := Cell(in); got != want {
			t.Errorf("Cell(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWriter(t *testing.T) {
	text := "\x1b[31mred\x1b[0m \x1b]0;title\a \x1b[8mhidden \r50 %\x1b[K\r\nGröße \u202e\n"
	for _, c := range []struct {
		colours bool
		want    string
	}{
		{false, "�[31mred�[0m �]0;title� �[8mhidden �50 %�[K\nGröße �\n"},
		{true, "\x1b[31mred\x1b[0m �]0;title� �[8mhidden \r50 %\x1b[K\nGröße �\n"},
	} {
		var out bytes.Buffer
		w := &Writer{Out: &out, Colours: c.colours}
		if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
		if got := out.String(); got != c.want {
			t.Errorf("colours %t: got %q, want %q", c.colours, got, c.want)
		}
	}
}

func TestWriter_RunesCutBetweenWrites(t *testing.T) {
	text := "Größe 日本 👩 \u202e."
	var out, escaped bytes.Buffer
	w, j := &Writer{Out: &out}, &JSONWriter{Out: &escaped}
	for i := range len(text) {
		for _, to := range []interface{ Write([]byte) (int, error) }{w, j} {
			if _, err := to.Write([]byte(text[i : i+1])); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := out.String(), "Größe 日本 👩 �."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := escaped.String(), `Größe 日本 👩 \u202e.`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJSONWriter_ValuesStay(t *testing.T) {
	want := map[string]string{"a": "\u202e\u009b\x7f\x1b\U000e0041", "b": "Größe\n👩"}
	data, err := json.MarshalIndent(want, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := (&JSONWriter{Out: &out}).Write(data); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(out.String(), func(r rune) bool { return r != '\n' && r != '\t' && Hidden(r) }) {
		t.Errorf("hidden characters are left: %q", out.String())
	}
	var got map[string]string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got["a"] != want["a"] || got["b"] != want["b"] {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("a\x1b[31m\u202e\xff\n=1")
	f.Fuzz(func(t *testing.T, s string) {
		for name, out := range map[string]string{"Line": Line(s), "Text": Text(s), "Cell": Cell(s)} {
			bad := func(r rune) bool { return Hidden(r) && (name != "Text" || r != '\n' && r != '\t') }
			if !utf8.ValidString(out) || strings.ContainsFunc(out, bad) {
				t.Errorf("%s(%q) = %q", name, s, out)
			}
		}
	})
}
