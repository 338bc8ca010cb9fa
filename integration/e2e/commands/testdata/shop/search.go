package shop

import (
	"bufio"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
)

// pageSize is how many hits a page shows.
const pageSize = 20

// Record is an article that can be found.
type Record struct {
	Name  string
	Cents int
}

// Catalog is the index of all articles.
type Catalog struct{ records []Record }

// Query returns the records whose name holds a text, in the catalog's order.
func (c *Catalog) Query(text string) []Record {
	var hits []Record
	for _, r := range c.records {
		if strings.Contains(strings.ToLower(r.Name), strings.ToLower(text)) {
			hits = append(hits, r)
		}
	}
	return hits
}

// Pages returns how many pages that many hits fill.
func Pages(hits int) int {
	return hits/pageSize + 1
}

// Sort orders hits as the customer has chosen.
func Sort(hits []Record, by string) {
	switch by {
	case "name":
		sort.SliceStable(hits, func(i, j int) bool { return hits[i].Name < hits[j].Name })
	}
}

// Suggest returns at most five names that begin as the customer types.
func (c *Catalog) Suggest(prefix string) []string {
	const most = 5
	var names []string
	for _, r := range c.records {
		if len(names) < most && strings.HasPrefix(strings.ToLower(r.Name), strings.ToLower(prefix)) {
			names = append(names, r.Name)
		}
	}
	return names
}

// Index builds the catalog from a price list, one "name;cents" a line.
func Index(open func(path string) (io.ReadCloser, error), path string) (*Catalog, error) {
	list, err := open(path)
	if err != nil {
		return nil, err
	}
	c := &Catalog{}
	in := bufio.NewScanner(list)
	for in.Scan() {
		name, price, _ := strings.Cut(in.Text(), ";")
		cents, err := strconv.Atoi(price)
		if err != nil {
			return nil, fmt.Errorf("price of %s: %w", name, err)
		}
		c.records = append(c.records, Record{name, cents})
	}
	return c, in.Err()
}
