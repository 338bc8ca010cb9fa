package shop

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// ErrSoldOut says that fewer pieces are left than were asked for.
var ErrSoldOut = errors.New("sold out")

// Stock counts the pieces in the warehouse. Requests use it at the same time.
type Stock struct {
	Audit func(sku string, left int) // told of each reservation before it is made

	mu       sync.Mutex
	pieces   map[string]int
	reserved map[int]Line // by the id of the reservation
	next     int
}

// NewStock returns a stock of those pieces.
func NewStock(pieces map[string]int) *Stock {
	return &Stock{Audit: func(string, int) {}, pieces: pieces, reserved: map[int]Line{}}
}

// Reserve holds n pieces of an article for an order and returns the id of the
// reservation, or ErrSoldOut.
func (s *Stock) Reserve(sku string, n int) (int, error) {
	left := s.pieces[sku]
	if left < n {
		return 0, fmt.Errorf("%s: %w", sku, ErrSoldOut)
	}
	s.Audit(sku, left-n)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pieces[sku] = left - n
	s.next++
	s.reserved[s.next] = Line{SKU: sku, Quantity: n}
	return s.next, nil
}

// Release gives the pieces of a reservation back.
func (s *Stock) Release(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.reserved[id]
	s.pieces[l.SKU] += l.Quantity
}

// Low lists the articles that the buyer has to order again, by name.
func (s *Stock) Low(limit int) []string {
	var out []string
	for sku, n := range s.pieces {
		if n == 0 {
			out = append(out, sku)
		}
	}
	sort.Strings(out)
	return out
}

// Import adds the pieces of a delivery note, one "SKU;pieces" a line, and returns
// how many lines it had.
func (s *Stock) Import(note io.Reader) (lines int, err error) {
	in := bufio.NewScanner(note)
	for in.Scan() {
		if in.Text() == "" {
			break
		}
		sku, count, _ := strings.Cut(in.Text(), ";")
		n, err := strconv.Atoi(count)
		if err != nil {
			return lines, fmt.Errorf("line %d: %w", lines+1, err)
		}
		s.pieces[sku] += n
		lines++
	}
	return lines, in.Err()
}

// Sync takes over what the warehouse has counted.
func (s *Stock) Sync(count func() (map[string]int, error), log *slog.Logger) error {
	pieces, err := count()
	if err != nil {
		return fmt.Errorf("warehouse: %w", err)
	}
	s.mu.Lock()
	s.pieces = pieces
	s.mu.Unlock()
	log.Info("stock synced", "articles", len(pieces))
	return nil
}
