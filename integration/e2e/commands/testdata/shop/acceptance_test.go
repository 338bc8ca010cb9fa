//go:build acceptance

package shop

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A test for each ticket, named by its id, that fails as long as its criterion does
// not hold. Today all do.

func TestBUG001(t *testing.T) {
	if got := (&Cart{coupon: 500}).Total(); got != 0 {
		t.Errorf("an empty cart costs %d", got)
	}
}

func TestFEAT002(t *testing.T) {
	c := &Cart{}
	c.AddLine("A", 1, 100)
	c.AddLine("A", 2, 100)
	if len(c.lines) != 1 || c.lines[0].Quantity != 3 {
		t.Errorf("got %v", c.lines)
	}
}

func TestBUG003(t *testing.T) {
	defer func() {
		if r := recover(); r != nil {
			t.Error(r)
		}
	}()
	c := &Cart{lines: []Line{{SKU: "A"}}}
	if c.RemoveLine("Z"); len(c.lines) != 1 {
		t.Errorf("got %v", c.lines)
	}
}

func TestFEAT004(t *testing.T) {
	if got := Discount(15, 10); got != 1 {
		t.Errorf("got %d", got)
	}
}

func TestTASK005(t *testing.T) {
	if strings.Contains(source(t, "cart.go"), "i := i\n") {
		t.Error("the copy is there")
	}
}

func TestBUG006(t *testing.T) {
	if _, err := Rate("XX"); err == nil {
		t.Error("XX is a country")
	}
}

func TestBUG007(t *testing.T) {
	if got := Gross(999, 19); got != 1189 {
		t.Errorf("got %d", got)
	}
}

func TestFEAT008(t *testing.T) {
	if net, tax := Split(1189, 19); net+tax != 1189 {
		t.Errorf("%d and %d", net, tax)
	}
}

func TestFEAT009(t *testing.T) {
	if got := Reduced("book"); got != 7 {
		t.Errorf("got %d", got)
	}
}

func TestTASK010(t *testing.T) {
	for _, rate := range []string{"20", "22"} {
		if n := len(regexp.MustCompile(`\b`+rate+`\b`).FindAllString(source(t, "tax.go"), -1)); n > 2 || rate == "22" && n > 1 {
			t.Errorf("%s stands %d times", rate, n) // 20 is that of two countries
		}
	}
	if got := strings.Join(Table(), ","); got != "AT 20 %,DE 19 %,FR 20 %,IT 22 %" {
		t.Error(got)
	}
}

func TestBUG011(t *testing.T) {
	sent := 0
	m := &Mailer{Transport: func(string, string, string) error { sent++; return nil }}
	for range 2 {
		if err := m.Send(12, "ann@example.com", "Hello"); err != nil {
			t.Error(err)
		}
	}
	if sent != 1 {
		t.Errorf("sent %d times", sent)
	}
}

func TestFEAT012(t *testing.T) {
	if got := (&Mailer{}).Subject(12); !strings.Contains(got, "12") {
		t.Error(got)
	}
}

func TestBUG013(t *testing.T) {
	if got := Escape("a<b & c"); got != "a&lt;b &amp; c" {
		t.Error(got)
	}
}

func TestFEAT014(t *testing.T) {
	if got := (&Mailer{}).Footer("de"); !strings.Contains(got, `href="`) || !strings.HasSuffix(got, "</p>") {
		t.Error(got)
	}
}

func TestTASK015(t *testing.T) {
	read := 0
	m := &Mailer{Read: func(string) (string, error) { read++; return "Dear {{.}}", nil }}
	for range 3 {
		if page, err := m.Template("order"); err != nil || page == nil {
			t.Fatal(err)
		}
	}
	if read != 1 {
		t.Errorf("read %d times", read)
	}
}

func TestBUG016(t *testing.T) {
	s := NewStock(map[string]int{"A": 1})
	locked := false
	s.Audit = func(string, int) {
		if locked = !s.mu.TryLock(); !locked {
			s.mu.Unlock()
		}
	}
	if _, err := s.Reserve("A", 1); err != nil || !locked {
		t.Errorf("compared without the lock; %v", err)
	}
}

func TestBUG017(t *testing.T) {
	s := NewStock(map[string]int{"A": 3})
	id, err := s.Reserve("A", 1)
	if err != nil {
		t.Fatal(err)
	}
	s.Release(id)
	s.Release(id)
	if s.pieces["A"] != 3 {
		t.Errorf("%d pieces", s.pieces["A"])
	}
}

func TestFEAT018(t *testing.T) {
	if got := NewStock(map[string]int{"A": 2, "B": 3}).Low(3); !slices.Equal(got, []string{"A"}) {
		t.Errorf("got %q", got)
	}
}

func TestBUG019(t *testing.T) {
	s := NewStock(map[string]int{})
	if n, err := s.Import(strings.NewReader("A;1\n\nB;2\n")); n != 2 || err != nil || s.pieces["B"] != 2 {
		t.Errorf("%d lines, %v", n, err)
	}
}

func TestTASK020(t *testing.T) {
	var log bytes.Buffer
	count := func() (map[string]int, error) { return nil, nil }
	if err := NewStock(nil).Sync(count, slog.New(slog.NewJSONHandler(&log, nil))); err != nil || !strings.Contains(log.String(), `"seconds":`) {
		t.Errorf("%v in %s", err, &log)
	}
}

func TestBUG021(t *testing.T) {
	u := NewUsers(ann())
	if a, err := u.Login(" ann", "secret"); err == nil {
		t.Errorf("signed in as %q", a.Name)
	}
	if _, err := u.Login("ann", "secret"); err != nil {
		t.Error(err)
	}
}

func TestBUG022(t *testing.T) {
	a := ann()
	u := NewUsers(a)
	u.Profile(a)
	if err := u.Rename("ann", "eva"); err != nil || u.Profile(a) != "Profile of eva" {
		t.Errorf("%q, %v", u.Profile(a), err)
	}
}

func TestBUG023(t *testing.T) {
	if got := Avatar(""); got != standardPicture {
		t.Errorf("got %q", got)
	}
}

func TestFEAT024(t *testing.T) {
	u := NewUsers(ann())
	if err := u.Delete(1, ""); err == nil || len(u.accounts) != 1 {
		t.Errorf("%d accounts, %v", len(u.accounts), err)
	}
	if err := u.Delete(1, u.AskDelete(1)); err != nil || len(u.accounts) != 0 {
		t.Errorf("with a token %d accounts, %v", len(u.accounts), err)
	}
}

func TestTASK025(t *testing.T) {
	dir := t.TempDir()
	if err := NewUsers().Export(ann(), dir); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestBUG026(t *testing.T) {
	c := &Catalog{records: []Record{{Name: "Müller"}}}
	if len(c.Query("Mueller")) != 1 || len(c.Query("müller")) != 1 {
		t.Errorf("%v and %v", c.Query("Mueller"), c.Query("müller"))
	}
}

func TestBUG027(t *testing.T) {
	if got := Pages(20); got != 1 {
		t.Errorf("got %d", got)
	}
}

func TestFEAT028(t *testing.T) {
	hits := []Record{{"a", 3}, {"b", 1}, {"c", 2}}
	if Sort(hits, "price"); hits[0].Cents != 1 || hits[2].Cents != 3 {
		t.Errorf("got %v", hits)
	}
}

func TestFEAT029(t *testing.T) {
	c := &Catalog{records: []Record{{Name: "Abel"}}}
	if len(c.Suggest("a")) != 0 || len(c.Suggest("ab")) != 1 {
		t.Errorf("%q and %q", c.Suggest("a"), c.Suggest("ab"))
	}
}

// closing counts how often it is closed.
type closing struct {
	io.Reader
	closed int
}

func (c *closing) Close() error { c.closed++; return nil }

func TestTASK030(t *testing.T) {
	for _, text := range []string{"Lamp;900\n", "Lamp;cheap\n"} {
		list := &closing{Reader: strings.NewReader(text)}
		_, _ = Index(func(string) (io.ReadCloser, error) { return list, nil }, "prices.csv")
		if list.closed != 1 {
			t.Errorf("%q: closed %d times", text, list.closed)
		}
	}
}

func TestBUG031(t *testing.T) {
	if _, err := Parse("2028-02-29"); err != nil {
		t.Error(err)
	}
	if _, err := Parse("2100-02-29"); err == nil {
		t.Error("2100 is a leap year")
	}
}

func TestBUG032(t *testing.T) {
	if got := Week(time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)); got != 53 {
		t.Errorf("got %d", got)
	}
}

func TestFEAT033(t *testing.T) {
	var got []string
	for _, d := range Range(day("2026-04-30"), day("2026-05-02")) {
		if d.Holiday {
			got = append(got, d.Date.Format("01-02"))
		}
	}
	if !slices.Equal(got, []string{"05-01"}) {
		t.Errorf("got %q", got)
	}
}

func TestBUG034(t *testing.T) {
	if _, err := Zone("Nowhere/City"); err == nil {
		t.Error("no error")
	}
}

func TestTASK035(t *testing.T) {
	for _, lang := range []string{"de", "en", "fr"} {
		if _, err := time.Parse(time.RFC3339, Format(lang, time.Now())); err != nil {
			t.Errorf("%s: %v", lang, err)
		}
	}
}

func TestBUG036(t *testing.T) {
	b := &bank{}
	if err := NewTill(b).Charge(1, 0); err != nil || b.charges != 0 {
		t.Errorf("%d charges, %v", b.charges, err)
	}
}

func TestBUG037(t *testing.T) {
	b := &bank{}
	till := NewTill(b)
	till.paid[1] = 400
	if err := till.Refund(1, 500); err == nil || b.refunds != 0 {
		t.Errorf("%d refunds, %v", b.refunds, err)
	}
}

func TestFEAT038(t *testing.T) {
	till := NewTill(&bank{})
	till.lines[1] = []Line{{"Lamp", 1, 900}, {"Chair", 2, 4000}}
	got := till.Receipt(1)
	if strings.Count(got, "Lamp") != 1 || strings.Count(got, "Chair") != 1 || strings.Count(got, "\n") != 3 {
		t.Errorf("got %q", got)
	}
}

func TestBUG039(t *testing.T) {
	pause = 0
	calls := 0
	err := Retry(func() error {
		if calls++; calls > 100 {
			return nil // enough to see
		}
		return errors.New("down")
	})
	if calls != 3 || err == nil {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestTASK040(t *testing.T) {
	for _, country := range []string{"DE", "NL"} {
		if got := Methods(country); !slices.IsSorted(got) {
			t.Errorf("%s: %q", country, got)
		}
	}
}

func source(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
