// Train makes the weights by which a ticket's category is guessed from its
// words: a multinomial logistic regression over about 400 words, with the
// keyword rules' verdict as one feature.
//
//	go run ./integration/train -data commit-subjects.tsv
//
// prints how well it does on repositories it has not seen, each left out in
// turn, and writes routing/policy/category/weights.tsv. README.md lists the
// repositories of the data and their licences.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/routing/policy/category"
)

var categories = []category.Category{category.Bug, category.Feat, category.Task}

// example is one labelled title.
type example struct {
	label      int // index in categories
	repository string
	title      string
	features   []string // the first one is the rules' verdict
}

// echoes says whether a subject begins with the word of its own prefix. Who
// writes `fix: ` rarely goes on with "fix", so among subjects without their
// prefix "fix" mostly means `docs: fix` and the like. Titles of tickets
// have no such habit, and these subjects are not trained on.
func (e example) echoes() bool {
	return slices.ContainsFunc(echoed, func(word string) bool {
		return slices.Contains(e.features, "^"+word)
	})
}

var echoed = []string{"fix", "fixes", "fixed", "fixing", "bug", "bugfix", "feat", "feature"}

func main() {
	data := flag.String("data", "", "`file` of label, repository and subject, separated by tabs")
	out := flag.String("out", "routing/policy/category/weights.tsv", "`file` to write the weights to; empty writes none")
	size := flag.Int("words", 400, "how many words get a weight")
	flag.Parse()
	err := run(*data, *out, *size, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(data, out string, size int, w io.Writer) error {
	examples, err := read(data)
	if err != nil {
		return err
	}
	leaveOneOut(examples, size, w)
	if out == "" {
		return nil
	}
	return os.WriteFile(out, []byte(train(trainable(examples), size).table()), 0o600)
}

func read(path string) ([]example, error) {
	f, err := os.Open(path) //nolint:gosec // the file that the caller names
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	var out []example
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		fields := strings.SplitN(lines.Text(), "\t", 3)
		if n == 1 && fields[0] == "label" {
			continue
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s line %d: want label, repository and subject", path, n)
		}
		label := slices.Index(categories, category.Category(fields[0]))
		if label < 0 {
			return nil, fmt.Errorf("%s line %d: unknown label %q", path, n, fields[0])
		}
		out = append(out, example{label, fields[1], fields[2], category.Features(fields[2])})
	}
	if len(out) == 0 && lines.Err() == nil {
		return nil, errors.New("no examples in " + path)
	}
	return out, lines.Err()
}
