package shop

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestReserve(t *testing.T) {
	s := NewStock(map[string]int{"A": 2})
	id, err := s.Reserve("A", 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reserve("A", 1); !errors.Is(err, ErrSoldOut) {
		t.Errorf("got %v", err)
	}
	if low := s.Low(1); len(low) != 1 || low[0] != "A" {
		t.Errorf("low: %q", low)
	}
	s.Release(id)
	if s.pieces["A"] != 2 {
		t.Errorf("%d pieces", s.pieces["A"])
	}
}

func TestImport(t *testing.T) {
	s := NewStock(map[string]int{"A": 1})
	if n, err := s.Import(strings.NewReader("A;2\nB;3\n")); n != 2 || err != nil || s.pieces["A"] != 3 {
		t.Errorf("%d lines, %v: %v", n, err, s.pieces)
	}
	count := func() (map[string]int, error) { return map[string]int{"C": 1}, nil }
	if err := s.Sync(count, slog.New(slog.DiscardHandler)); err != nil || s.pieces["C"] != 1 {
		t.Errorf("%v, %v", s.pieces, err)
	}
}
