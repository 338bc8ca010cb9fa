package main

import (
	"bufio"
	"bytes"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/fjbelchi/localmodel/integration/bench/sample"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

const (
	smallest = 1 << 10 // bytes
	largest  = 2_000_000
)

// parsing measures the ticket parser beside a plain YAML decoder and a scan of
// the lines, on tickets of 1 kB to 2 MB, each twice the last.
func parsing(l *lab) ([]row, error) {
	var sizes, seconds []float64
	var rows []row
	for size := smallest; ; size = min(2*size, largest) {
		data := ticketOf(size)
		parse := func() error { _, err := ticket.Parse(data); return err }
		// A small ticket is parsed often, so that the clock sees it.
		repeat := max(1, l.pick(1<<20, 1<<14)/size)
		again := func(do func() error) sample.Once {
			return func() (time.Duration, error) {
				took, err := sample.Timed(func() error {
					for range repeat {
						if err := do(); err != nil {
							return err
						}
					}
					return nil
				})()
				return took / time.Duration(repeat), err
			}
		}
		sides, err := sample.Interleave(l.pick(5, 1), l.pick(5, 1), again(parse), again(func() error { return plain(data) }))
		if err != nil {
			return nil, err
		}
		took := sides[0].At(.5)
		sizes, seconds = append(sizes, float64(len(data))), append(seconds, took)
		if size == smallest || size == largest {
			what := fmt.Sprintf("parse a ticket of %s, %s tickets/s, %s MB/s",
				kilobytes(len(data)), sample.Digits(1/took), sample.Digits(float64(len(data))/took/1e6))
			rows = append(rows, atMost(what, sides[0], sides[1], .5, 20))
		}
		if size == largest {
			break
		}
	}
	// Past the limit on the front matter, the files and the criteria what is
	// parsed no longer grows in the same way: the text alone does.
	power := sample.Slope(sizes, seconds)
	return append(rows, row{what: fmt.Sprintf("time grows with the size, doubled from %s to %s, to the power of", kilobytes(int(sizes[0])), kilobytes(largest)),
		ours: fmt.Sprintf("%.2f", power), target: "≤ 1.15", met: holds(power <= 1.15)}), nil
}

func kilobytes(n int) string {
	if n < 1e6 {
		return fmt.Sprintf("%d kB", n/1e3)
	}
	return fmt.Sprintf("%d MB", n/1e6)
}

// plain decodes the front matter and looks at each line of the rest.
func plain(data []byte) error {
	head, body, found := bytes.Cut(bytes.TrimPrefix(data, []byte("---\n")), []byte("---\n"))
	if !found {
		return fmt.Errorf("no front matter")
	}
	var front map[string]any
	if err := yaml.Unmarshal(head, &front); err != nil {
		return err
	}
	lines := bufio.NewScanner(bytes.NewReader(body))
	cells := 0
	for lines.Scan() {
		if bytes.HasPrefix(lines.Bytes(), []byte("|")) {
			cells++
		}
	}
	return lines.Err()
}
