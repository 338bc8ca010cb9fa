package ticket_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/tools/ticket"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// wanted is one file or task of an expected.json; a field that is not there is not
// compared.
type wanted map[string]json.RawMessage

// readBeneath reads files beneath a directory, as the server does beneath its root.
func readBeneath(dir string) ticket.Reader {
	return func(path string) ([]byte, error) {
		return os.ReadFile(filepath.Join(dir,
			filepath.FromSlash(path)))
	}
}

// TestReadCases reads the example files of thirteen forms and compares each field with
// what a person says is right.
func TestReadCases(t *testing.T) { compareCases(t, "testdata/cases") }

func compareCases(t *testing.T, dir string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var forms map[string]map[string]wanted
	if err := json.Unmarshal(data, &forms); err != nil {
		t.Fatal(err)
	}
	for form, files := range forms {
		for path, want := range files {
			t.Run(form+"/"+path, func(t *testing.T) {
				root := filepath.Join(dir, form)
				data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
				if err != nil {
					t.Fatal(err)
				}
				d, err := ticket.Read(path, data, readBeneath(root))
				if err != nil {
					t.Fatal(err)
				}
				compareDocument(t, d, want)
			})
		}
	}
}

func compareDocument(t *testing.T, d *ticket.Document, want wanted) {
	t.Helper()
	compareTicket(t, d.Head, want, "")
	raw, stated := want["tasks"]
	if !stated {
		return
	}
	var tasks []wanted
	if err := json.Unmarshal(raw, &tasks); err != nil {
		t.Fatal(err)
	}
	got := d.Tasks
	if d.Form == "Beads" { // its list has the open ones only
		got = nil
		for _, task := range d.Tasks {
			if task.Open() {
				got = append(got, task)
			}
		}
	}
	if len(got) != len(tasks) {
		t.Fatalf("%d tasks, want %d: %+v", len(got), len(tasks), got)
	}
	for i, want := range tasks {
		folder := d.Head.ID
		if tag := textOf(want["tag"]); tag != "" && tag != "master" {
			folder = tag
		}
		compareTicket(t, got[i], want, folder)
	}
}

func textOf(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

// compareTicket compares the stated fields; folder is what is before the ids in
// results and not in the expectation.
func compareTicket(t *testing.T, got ticket.Ticket, want wanted, folder string) {
	t.Helper()
	short := func(id string) string {
		if folder == "" {
			return id
		}
		return strings.TrimPrefix(id, folder+"/")
	}
	all := func(ids []string) []string {
		var out []string
		for _, id := range ids {
			out = append(out, short(id))
		}
		return out
	}
	var paths []string
	for _, f := range got.Files {
		paths = append(paths, f.Path)
	}
	check := func(name string, value any) {
		raw, stated := want[name]
		if !stated {
			return
		}
		var wantValue, gotValue any
		_ = json.Unmarshal(raw, &wantValue)
		if wantValue == nil {
			wantValue = ""
		}
		text, _ := json.Marshal(value)
		_ = json.Unmarshal(text, &gotValue)
		if gotValue == nil {
			gotValue = []any{}
		}
		if name == "id" && wantValue == "" { // not stated: one is made
			return
		}
		if diff := cmp.Diff(wantValue, gotValue, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s of %q (-want +got)\n%s", name, got.ID, diff)
		}
	}
	check("id", short(got.ID))
	check("title", got.Title)
	check("category", got.Kind)
	check("tags", got.Labels)
	check("depends_on", all(got.DependsOn))
	check("files", paths)
	check("status", got.Status)
	check("priority", got.Priority)
	check("parent", short(got.Parent))
	check("done", got.Closed)
	check("archived", got.Archived)
	check("complexity", got.Complexity)
	check("concerns", got.Concerns)
	check("document", got.Document)
	check("after", all(got.After))
	checkCriteria(t, got, want["criteria"])
}

// checkCriteria compares ids and texts; an expected id "" is made by us, and a text
// alone is the id.
func checkCriteria(t *testing.T, got ticket.Ticket, raw json.RawMessage) {
	t.Helper()
	if raw == nil {
		return
	}
	var pairs []struct{ ID, Text string }
	var ids []string
	if json.Unmarshal(raw, &pairs) != nil {
		pairs = nil
		if err := json.Unmarshal(raw, &ids); err != nil {
			t.Fatal(err)
		}
	}
	if len(got.Criteria) != max(len(pairs), len(ids)) {
		t.Errorf("criteria of %q: %+v, want %s", got.ID, got.Criteria, raw)
		return
	}
	for i, c := range got.Criteria {
		if ids != nil && ids[i] != c.ID {
			t.Errorf("criterion %q, want %q", c.ID, ids[i])
		}
		if pairs != nil && (pairs[i].Text != c.Text || pairs[i].ID != c.ID && pairs[i].ID != "") {
			t.Errorf("criterion %+v, want %+v", c, pairs[i])
		}
	}
}
