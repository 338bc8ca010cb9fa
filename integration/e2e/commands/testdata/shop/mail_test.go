package shop

import (
	"strings"
	"testing"
)

func TestSend(t *testing.T) {
	var to []string
	m := &Mailer{Shop: "Books & more", Transport: func(who, subject, body string) error {
		to = append(to, who)
		return nil
	}}
	if err := m.Send(12, "ann@example.com", "Hello"); err != nil || len(to) != 1 {
		t.Errorf("sent to %q: %v", to, err)
	}
	if got := m.Footer("de"); !strings.Contains(got, "Books &amp; more") {
		t.Errorf("footer: %s", got)
	}
}

func TestTemplate(t *testing.T) {
	m := &Mailer{Read: func(name string) (string, error) { return "Dear {{.}}", nil }}
	page, err := m.Template("order")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := page.Execute(&b, "ann"); err != nil || b.String() != "Dear ann" {
		t.Errorf("%q, %v", b.String(), err)
	}
}
