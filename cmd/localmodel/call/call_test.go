package call

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

func utf16Text(order binary.AppendByteOrder, text string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

func TestRead_Encodings(t *testing.T) {
	const want = `{"ticket":"größer 🎈"}`
	for name, text := range map[string]string{
		"UTF-8":                   want,
		"UTF-8 with a mark":       "\ufeff" + want,
		"UTF-16, little endian":   utf16Text(binary.LittleEndian, want),
		"UTF-16, big endian":      utf16Text(binary.BigEndian, want),
		"UTF-16 with a last byte": utf16Text(binary.LittleEndian, want) + "\n",
	} {
		file := filepath.Join(t.TempDir(), "args.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"-"}, {"@" + file}} {
			got, err := readArguments(strings.NewReader(text), args)
			if err != nil || string(got) != want {
				t.Errorf("%s, %s: got %q, %v", name, args[0][:1], got, err)
			}
		}
	}
}

func TestRead_BrokenQuotes(t *testing.T) {
	for text, hint := range map[string]bool{
		`{ticket:x}`:       true, // PowerShell before 7.3
		`'{"ticket":"x"}'`: true, // cmd knows no single quotes
		`'{ticket:x}'`:     true,
		`'{"ticket":`:      true,  // split at a space
		`{"ticket":"x"`:    false, // a mistake of the user's
		`nonsense`:         false,
	} {
		_, err := readArguments(strings.NewReader(""), []string{text})
		if err == nil || strings.Contains(err.Error(), "@args.json") != hint {
			t.Errorf("%s: got %v, want a hint: %v", text, err, hint)
		}
	}
	if _, err := readArguments(nil, []string{`{"ticket":`, `"x"}`}); err == nil || !strings.Contains(err.Error(), "@args.json") {
		t.Errorf("split at a space: %v", err)
	}
	if got, err := readArguments(nil, []string{`{}`}); err != nil || string(got) != `{}` {
		t.Errorf("got %q, %v", got, err)
	}
}
