package labelled

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// maxLabels bounds the file of labels, in bytes.
const maxLabels = 16 << 20

// ReadLabels takes labels from a file, over what the tickets state: CSV with
// the columns id, category and complexity (either of the last two may be
// missing), or JSON, {"BUG-001": {"category": "BUG", "complexity": "low"}}.
func (s *Set) ReadLabels(file string) error {
	data, err := rootfs.ReadArgument(file, maxLabels)
	if err != nil {
		return err
	}
	if strings.EqualFold(filepath.Ext(file), ".json") {
		err = s.jsonLabels(data)
	} else {
		err = s.csvLabels(strings.NewReader(strings.TrimPrefix(string(data), "\ufeff")))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func (s *Set) jsonLabels(data []byte) error {
	if err := jsondepth.Check(data); err != nil {
		return err
	}
	labels := map[string]Label{}
	if err := json.Unmarshal(data, &labels); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if err := s.label(name, labels[name]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) csvLabels(in io.Reader) error {
	table := csv.NewReader(in)
	table.TrimLeadingSpace = true
	head, err := table.Read()
	if err != nil {
		return fmt.Errorf("it has no first line: %w", err)
	}
	column := func(name string) int {
		return slices.IndexFunc(head, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) })
	}
	id, category, complexity := column("id"), column("category"), column("complexity")
	if id < 0 || category < 0 && complexity < 0 {
		return errors.New("its first line must name the columns id and category or complexity")
	}
	cell := func(row []string, i int) string {
		if i < 0 {
			return ""
		}
		return strings.TrimSpace(row[i])
	}
	for {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.label(cell(row, id), Label{cell(row, category), cell(row, complexity)}); err != nil {
			return err
		}
	}
}
