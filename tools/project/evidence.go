package project

import (
	"context"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// Limits of the search for the files that a ticket's text names.
const (
	maxEvidence     = 6               // files; more say no more than "too many"
	maxNamed        = 40              // candidates that are looked up
	maxSearched     = 3000            // files of the project that are looked at
	maxSearchedSize = 128 << 10       // bytes of a file that is searched for a symbol
	maxSearchedAll  = 24 << 20        // bytes in all
	searchTime      = time.Second / 2 // in all
	evidenceText    = 64 << 10        // bytes of the text
)

// FilesNamed lists the files of the project that a ticket's text names, for a
// ticket that states none: paths and stack frames that are there, names of files
// of which there is one, and symbols that are found in one file only.
func (p Project) FilesNamed(ctx context.Context, t ticket.Ticket) []string {
	text := t.Title + "\n" + t.Body
	text = text[:min(len(text), evidenceText)]
	ctx, stop := context.WithTimeout(ctx, searchTime)
	defer stop()
	root, err := rootfs.Open(ctx, p.Root)
	if err != nil {
		return nil
	}
	defer root.Close() //nolint:errcheck // only read
	if tree := p.Tree(ctx, t); tree != "" {
		if root, err = root.Sub(ctx, filepath.FromSlash(tree)); err != nil {
			return nil
		}
		defer root.Close() //nolint:errcheck // only read
	}
	s := &textSearch{ctx: ctx, root: root, found: map[string]bool{}}
	names := s.paths(text)
	if len(s.found) == 0 {
		s.walk(names, symbolsOf(text))
	}
	out := slices.Sorted(maps.Keys(s.found))
	return out[:min(len(out), maxEvidence)]
}

type textSearch struct {
	ctx    context.Context //nolint:containedctx // of one search
	root   *rootfs.Root
	found  map[string]bool
	looked int
	bytes  int
}

var namedPath = lazy.Regexp(`(?:[A-Za-z]:)?[\w@.+~/\\-]*[\w)\]]\.[A-Za-z][A-Za-z0-9]{0,7}\b`)

// paths finds the paths in a text that are files of the project, and returns the
// bare file names, which may be anywhere. Of a path of another machine, as in a
// stack trace, the longest end that is there counts.
func (s *textSearch) paths(text string) (names map[string]bool) {
	names = map[string]bool{}
	for i, p := range namedPath().FindAllString(text, maxNamed*4) {
		if i >= maxNamed && len(names) >= maxNamed {
			break
		}
		p = strings.TrimPrefix(strings.ReplaceAll(p, `\`, "/"), "./")
		if paths.Check(p) != nil || s.ctx.Err() != nil {
			continue
		}
		if !strings.Contains(p, "/") {
			names[p] = true
		}
		for rest := strings.TrimLeft(p, "/"); rest != ""; {
			if s.isFile(rest) {
				s.found[rest] = true
				break
			}
			_, after, more := strings.Cut(rest, "/")
			if !more || !strings.Contains(after, "/") && rest != p {
				break // a bare name says nothing of where
			}
			rest = after
		}
	}
	return names
}

func (s *textSearch) isFile(p string) bool {
	p = path.Clean(p)
	if path.IsAbs(p) || strings.HasPrefix(p, "..") || s.ctx.Err() != nil {
		return false
	}
	info, err := s.root.Stat(s.ctx, p)
	return err == nil && info.Mode().IsRegular()
}

var codeWord = lazy.Regexp("`([A-Za-z_$][\\w$]{3,60})(?:\\(\\))?`|\\b([A-Za-z_$][\\w$]{3,60})\\(\\)|\\b([a-z]+(?:[A-Z][a-z0-9]+)+|[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+|[a-z]+(?:_[a-z0-9]+)+)\\b")

// symbolsOf are the names of a text that are surely code: in backticks, with (),
// or with capitals or underscores inside.
func symbolsOf(text string) []string {
	const most = 8
	var out []string
	for _, found := range codeWord().FindAllStringSubmatch(text, maxNamed) {
		name := found[1] + found[2] + found[3]
		if !slices.Contains(out, name) && len(out) < most {
			out = append(out, name)
		}
	}
	return out
}

// notSearched are directories that hold no source of the project.
var notSearched = []string{"node_modules", "vendor", "dist", "build", "target", "testdata", "__pycache__", "coverage"}

// walk looks through the project for files of those names and for symbols; what
// is in more than one file is no evidence.
func (s *textSearch) walk(names map[string]bool, symbols []string) {
	if len(names)+len(symbols) == 0 {
		return
	}
	byName, bySymbol := map[string][]string{}, map[string][]string{}
	queue := []string{"."}
	for len(queue) > 0 && s.ctx.Err() == nil && s.looked < maxSearched {
		dir := queue[0]
		queue = queue[1:]
		entries, _, err := s.root.List(s.ctx, dir, maxSearched)
		if err != nil {
			continue
		}
		for _, e := range entries {
			p := path.Join(dir, e.Name())
			switch {
			case strings.HasPrefix(e.Name(), ".") || slices.Contains(notSearched, e.Name()):
			case e.IsDir():
				queue = append(queue, p)
			case e.Type().IsRegular():
				s.looked++
				if names[e.Name()] {
					byName[e.Name()] = append(byName[e.Name()], p)
				}
				s.read(p, symbols, bySymbol)
			}
		}
	}
	if s.ctx.Err() != nil || s.looked >= maxSearched || s.bytes > maxSearchedAll {
		return // "in one file" was not seen to the end
	}
	for _, places := range []map[string][]string{byName, bySymbol} {
		for _, files := range places {
			if len(files) == 1 {
				s.found[files[0]] = true
			}
		}
	}
}

// read looks for symbols in a source file. The tickets and other prose name
// symbols without being what is to be changed.
func (s *textSearch) read(p string, symbols []string, found map[string][]string) {
	if len(symbols) == 0 || s.bytes > maxSearchedAll || slices.Contains([]string{".md", ".txt", ".json", ".lock", ".svg", ".html", ".rst"}, path.Ext(p)) {
		return
	}
	data, err := s.root.Read(s.ctx, p, maxSearchedSize)
	if err != nil {
		return
	}
	s.bytes += len(data)
	text := string(data)
	for _, symbol := range symbols {
		if len(found[symbol]) < 2 && strings.Contains(text, symbol) {
			found[symbol] = append(found[symbol], p)
		}
	}
}
