package shop

import (
	"fmt"
	"strings"
	"text/template"
)

// Mailer writes to customers.
type Mailer struct {
	Shop      string
	Transport func(to, subject, body string) error // hands a mail to the server
	Read      func(name string) (string, error)    // reads the text of a template

	orders []int // that were written about, for the daily report
}

// Send writes to a customer about an order. The queue calls it again where the
// server took too long to answer.
func (m *Mailer) Send(order int, to, body string) error {
	if err := m.Transport(to, m.Subject(order), body); err != nil {
		return fmt.Errorf("mail to %s: %w", to, err)
	}
	m.orders = append(m.orders, order)
	return nil
}

// Subject returns the subject of the mail about an order.
func (m *Mailer) Subject(order int) string {
	return "Your order at " + m.Shop
}

// Escape makes a name fit for the HTML of a mail.
func Escape(text string) string {
	return strings.ReplaceAll(text, "&", "&amp;")
}

// Footer returns the last lines of a mail in the language of its reader.
func (m *Mailer) Footer(lang string) string {
	greeting := "Kind regards"
	if lang == "de" {
		greeting = "Freundliche Grüße"
	}
	return "<p>" + greeting + "<br>" + Escape(m.Shop) + "</p>"
}

// Template returns the template of that name, ready to be executed.
func (m *Mailer) Template(name string) (*template.Template, error) {
	text, err := m.Read(name)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return template.New(name).Parse(text)
}
