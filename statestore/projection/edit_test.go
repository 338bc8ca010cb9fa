package projection

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

var update = flag.Bool("update", false, "write the golden files")

var figures = Stats{TotalAttempts: 10, SuccessCount: 7, EscalatedToCloud: 3, FailuresByType: map[string]int{"lint": 2, "review": 1}, AvgQualityScore: 81.25}

// State files as programs, models and people wrote them: each gets what it
// lacks, and nothing of its own is lost.
func TestOldFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			after, err := edit(before, figures)
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(golden, after, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(after)); diff != "" {
				t.Errorf("(-golden +got):\n%s", diff)
			}
			checkComplete(t, after)
			checkKept(t, before, after)
			if again, err := edit(after, figures); err != nil || !bytes.Equal(again, after) {
				t.Errorf("a second edit changes it: %v\n%s", err, cmp.Diff(string(after), string(again)))
			}
		})
	}
}

// checkComplete wants valid JSON with every default and our figures.
func checkComplete(t *testing.T, after []byte) {
	t.Helper()
	body := bytes.TrimPrefix(after, bom)
	if !json.Valid(body) {
		t.Fatalf("not valid JSON:\n%s", after)
	}
	for _, d := range defaults {
		parent, _ := split(d.path)
		if parent != "" && !gjson.GetBytes(body, parent).IsObject() {
			continue // somebody's own
		}
		if !gjson.GetBytes(body, d.path).Exists() {
			t.Errorf("%s is missing", d.path)
		}
	}
	got, _ := parse(body)
	if diff := cmp.Diff(figures, got); diff != "" {
		t.Errorf("our block (-want +got):\n%s", diff)
	}
	if v := gjson.GetBytes(body, "version"); older(v) {
		t.Errorf("version is %s", v.Raw)
	}
}

// checkKept wants every value that is not ours as it was, and every byte of
// the file in its order.
func checkKept(t *testing.T, before, after []byte) {
	t.Helper()
	rest := bytes.TrimPrefix(before, bom)
	if len(bytes.TrimSpace(rest)) == 0 {
		return
	}
	// What may change is changed in the old file too: the version, our keys,
	// and null where an object belongs.
	for _, path := range []string{"version", blockPath, blockPath + ".totalAttempts", blockPath + ".successCount", blockPath + ".escalatedToCloud",
		blockPath + ".failuresByType", blockPath + ".avgQualityScore", "stats", "stats.reviewStats"} {
		v := gjson.GetBytes(rest, path)
		if !v.Exists() || v.IsObject() && path != blockPath+".failuresByType" {
			continue
		}
		if path == "stats" || path == "stats.reviewStats" {
			if v.Type != gjson.Null {
				continue
			}
		}
		raw := gjson.GetBytes(bytes.TrimPrefix(after, bom), path).Raw
		if strings.HasPrefix(raw, "{") && path != blockPath+".failuresByType" {
			raw = "{}"
		}
		var err error
		if rest, err = sjson.SetRawBytes(rest, path, []byte(raw)); err != nil {
			t.Fatal(err)
		}
	}
	left := strings.TrimSpace(string(rest))
	left = strings.NewReplacer("{ }", "{}", "{\n    }", "{}").Replace(left) // the space inside nothing
	for _, c := range after {
		if left != "" && left[0] == c {
			left = left[1:]
		}
	}
	if left != "" {
		t.Errorf("these bytes were lost, or moved: %q", left)
	}
	var old, now any
	for _, d := range []struct {
		data []byte
		into *any
	}{{rest, &old}, {bytes.TrimPrefix(after, bom), &now}} {
		decoder := json.NewDecoder(bytes.NewReader(d.data))
		decoder.UseNumber()
		if err := decoder.Decode(d.into); err != nil {
			t.Fatal(err)
		}
	}
	for _, lost := range missing("", old, now) {
		t.Errorf("lost or changed: %s", lost)
	}
	if tail := before[len(bytes.TrimRight(before, " \t\r\n")):]; !bytes.HasSuffix(after, tail) {
		t.Errorf("the end of the file changed from %q", tail)
	}
}

// missing lists what of old is not in now.
func missing(path string, old, now any) (lost []string) {
	a, isObject := old.(map[string]any)
	b, still := now.(map[string]any)
	if !isObject || !still {
		if !cmp.Equal(old, now) {
			lost = append(lost, fmt.Sprintf("%s: %v, now %v", path, old, now))
		}
		return lost
	}
	for k, v := range a {
		w, there := b[k]
		if !there {
			lost = append(lost, path+"."+k)
			continue
		}
		lost = append(lost, missing(path+"."+k, v, w)...)
	}
	return lost
}

// The version only ever goes up.
func TestOlder(t *testing.T) {
	for raw, want := range map[string]bool{`"6.0"`: true, `"5.9.3"`: true, `"6"`: true, `6`: true, `5.1`: true, `null`: true, `""`: true,
		`"6.1"`: false, `6.1`: false, `"6.1.4"`: false, `"6.10"`: false, `"7"`: false, `"10.0"`: false, `"next"`: false, `{}`: false, `true`: false} {
		if got := older(gjson.Parse(raw)); got != want {
			t.Errorf("older(%s) = %t, want %t", raw, got, want)
		}
	}
}

// Whatever the file is, an edit gives valid JSON that keeps it, or an error.
func FuzzEdit(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if broken(data) != "" {
			return
		}
		after, err := edit(data, figures)
		if err != nil {
			return
		}
		if !gjson.ValidBytes(bytes.TrimPrefix(after, bom)) {
			t.Fatalf("not valid: %q from %q", after, data)
		}
		keys := func(doc []byte) (n int) {
			gjson.ParseBytes(bytes.TrimPrefix(doc, bom)).ForEach(func(_, _ gjson.Result) bool { n++; return true })
			return n
		}
		if keys(after) < keys(data) {
			t.Fatalf("keys were lost: %q from %q", after, data)
		}
	})
}
