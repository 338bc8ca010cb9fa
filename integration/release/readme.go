package main

import (
	"os"
	"regexp"
)

// relativeLink is a link of Markdown to a file beside it: no scheme, no anchor
// of its own page.
var relativeLink = regexp.MustCompile(`\]\(([\w.][\w./-]*(?:#[\w-]+)?)\)`)

// readme is README.md for a package: its links to files of the repository, which
// no package holds, lead to those of the version's tag.
func readme(version string) ([]byte, error) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		return nil, err
	}
	return relativeLink.ReplaceAll(text, []byte("]("+repository+"/blob/v"+version+"/$1)")), nil
}
