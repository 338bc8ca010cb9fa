package shop

import (
	"io"
	"strings"
	"testing"
)

func prices(text string) func(string) (io.ReadCloser, error) {
	return func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

func TestQuery(t *testing.T) {
	c, err := Index(prices("Lamp;900\nDesk lamp;1500\nChair;4000\n"), "prices.csv")
	if err != nil {
		t.Fatal(err)
	}
	hits := c.Query("lamp")
	Sort(hits, "name")
	if len(hits) != 2 || hits[0].Name != "Desk lamp" {
		t.Errorf("got %v", hits)
	}
	if got := c.Suggest("ch"); len(got) != 1 || got[0] != "Chair" {
		t.Errorf("suggested %q", got)
	}
	if _, err := Index(prices("Lamp;cheap\n"), "prices.csv"); err == nil {
		t.Error("a price without digits is taken")
	}
}

func TestPages(t *testing.T) {
	if got := Pages(21); got != 2 {
		t.Errorf("got %d", got)
	}
}
