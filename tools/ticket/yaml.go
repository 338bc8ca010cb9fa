package ticket

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// Bounds on the search for the line of a YAML error; past them the library's
// own line is given.
const (
	maxChunks      = 1000
	maxPrefixLines = 50
	maxPrefixBytes = 4 << 10
)

// Unicode's line ends count as such in YAML but in no editor: as spaces they
// neither shift line numbers nor start a key.
var lineEnds = strings.NewReplacer("\u0085", " ", "\u2028", " ", "\u2029", " ")

// parseYAML gives the root node; nil = the front matter has no key. Nothing is
// expanded: aliases stay nodes. lenient names values that are not valid YAML and are
// taken as text.
func parseYAML(front string, first int) (root *yaml.Node, lenient []string, err error) {
	front = lineEnds.Replace(front)
	root, fault := yamlNode(front)
	if fault == nil {
		return root, nil, nil
	}
	if root, lenient = repair(front, first); root != nil {
		return root, lenient, nil
	}
	return nil, nil, locate(front, first, fault)
}

// yamlNode reads the one document in src. The library panics on some inputs it
// does not foresee; to the caller that is broken YAML too.
func yamlNode(src string) (root *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, fmt.Errorf("cannot be read: %v", r)
		}
	}()
	var doc, second yaml.Node
	dec := yaml.NewDecoder(strings.NewReader(src))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		return nil, errors.New("a second document begins here")
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// locate finds the line of a YAML error. The library's own line is that of the
// enclosing construct, often line 1, so each top-level key is tried alone.
func locate(front string, first int, cause error) *Error {
	if at := strings.IndexFunc(front, unprintable); at >= 0 {
		return errYAML(first+lineAt(front, at)-1, "control characters are not allowed")
	}
	lines := strings.SplitAfter(front, "\n")
	for n, i := 0, 0; i < len(lines) && n < maxChunks; n++ {
		end := chunkEnd(lines, i)
		src := strings.Join(lines[i:end], "")
		root, err := yamlNode(src)
		switch {
		case err != nil:
			return refine(lines[i:end], first+i, err)
		case root != nil && root.Kind != yaml.MappingNode:
			problem, _ := problemOf(src, cause)
			return errYAML(first+i, problem)
		}
		i = end
	}
	return refine(lines, first, cause)
}

// chunkEnd is where the top-level key that begins at a line ends.
func chunkEnd(lines []string, from int) int {
	for end := from + 1; end < len(lines); end++ {
		if startsKey(lines[end]) {
			return end
		}
	}
	return len(lines)
}

// startsKey: a line at the left margin that does not carry on the key above.
func startsKey(line string) bool {
	return line != "" && !strings.ContainsRune(" \t\n#]}", rune(line[0])) && !strings.HasPrefix(line, "- ")
}

// refine turns a problem with lines to the error with the line of the file.
func refine(lines []string, first int, cause error) *Error {
	problem, line := problemOf(strings.Join(lines, ""), cause)
	isAlias := strings.HasPrefix(problem, "unknown anchor")
	isTab := strings.Contains(problem, "tab character") || strings.Contains(problem, "cannot start any token")
	for i, l := range lines {
		text := strings.TrimLeft(l, " \t")
		switch {
		case isAlias && aliasMark().MatchString(l):
			return errAlias(first + i)
		case isTab && strings.Contains(l[:len(l)-len(text)], "\t") && strings.TrimSpace(text) != "":
			return errYAML(first+i, "tab character")
		}
	}
	switch {
	case isAlias:
		return errAlias(first)
	case strings.HasPrefix(problem, "exceeded max depth"):
		return errDepth(first)
	}
	if line == 0 {
		line = shortestPrefix(lines, problem)
	}
	return errYAML(first+min(max(line, 1), len(lines))-1, problem)
}

var aliasMark = lazy.Regexp(`(^|[\s,\[{:-])\*\S`)

// shortestPrefix is the first line with which the same problem appears.
func shortestPrefix(lines []string, problem string) int {
	size := 0
	for i, l := range lines[:min(len(lines), maxPrefixLines)] {
		if size += len(l); size > maxPrefixBytes {
			break
		}
		src := strings.Join(lines[:i+1], "")
		if _, err := yamlNode(src); err != nil {
			if p, _ := problemOf(src, err); p == problem {
				return i + 1
			}
		}
	}
	return 1
}

var yamlLine = lazy.Regexp(`^line (\d+): `)

// problemOf splits the library's message. Only the scanner's lines are those
// of the problem; the parser names the start of the whole block, which is no
// help: line 0.
func problemOf(src string, err error) (problem string, line int) {
	// A line on top: the library leaves out the number of a first line.
	if _, shifted := yamlNode("#\n" + src); shifted != nil && stripLine(shifted) == stripLine(err) {
		err = shifted
	}
	problem = stripLine(err)
	m := yamlLine().FindStringSubmatch(strings.TrimPrefix(err.Error(), "yaml: "))
	if m == nil || strings.HasPrefix(problem, "did not find expected") &&
		!strings.Contains(problem, "character") || strings.Contains(problem, "tag handle") {
		return problem, 0
	}
	line, _ = strconv.Atoi(m[1])
	return problem, line - 1
}

func stripLine(err error) string {
	return yamlLine().ReplaceAllString(strings.TrimPrefix(err.Error(), "yaml: "), "")
}

// unprintable: what YAML refuses in its text.
func unprintable(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0xfeff || r == 0xfffe ||
		r == 0xffff
}

// repair reads front matter that is not valid YAML as its authors mean it, where only
// the value of a key is at fault ("assignee: @ines", "title: Export: CSV"): the value is
// taken as text. nil = the structure itself is broken.
func repair(front string, first int) (root *yaml.Node, lenient []string) {
	root = &yaml.Node{Kind: yaml.MappingNode, Line: 1}
	lines := strings.SplitAfter(front, "\n")
	for n, i := 0, 0; i < len(lines); n++ {
		end := chunkEnd(lines, i)
		if n == maxChunks {
			return nil, nil
		}
		chunk := lines[i:end]
		if i == 0 && strings.TrimLeft(chunk[0], " \t") != chunk[0] && strings.TrimSpace(chunk[0]) != "" {
			return nil, nil // keys indented unlike
		}
		pair, err := yamlNode(strings.Join(chunk, ""))
		if err != nil {
			if pair = repairChunk(chunk, err); pair == nil {
				return nil, nil
			}
			lenient = append(lenient,
				fmt.Sprintf("line %d: %s is not valid YAML; taken as text (put it in quotes)",
					first+i, clip(oneLine(pair.Content[0].Value), 40)))
		}
		if pair != nil {
			if pair.Kind != yaml.MappingNode {
				return nil, nil
			}
			shift(pair, i)
			root.Content = append(root.Content, pair.Content...)
		}
		i = end
	}
	return root, lenient
}

// shift moves the lines of a node and those in it.
func shift(n *yaml.Node, by int) {
	n.Line += by
	for _, child := range n.Content {
		shift(child, by)
	}
}

// repairChunk reads one key whose value is not valid YAML; nil = its structure is
// broken.
func repairChunk(lines []string, cause error) *yaml.Node {
	text := strings.TrimRight(strings.Join(lines, ""), " \t\n")
	head, rest, more := strings.Cut(text, "\n")
	problem := stripLine(cause)
	if strings.IndexFunc(text, unprintable) >= 0 || strings.HasPrefix(problem, "unknown anchor") ||
		strings.Contains(problem, "max depth") || !isKeyLine(head) {
		return nil
	}
	name, raw, _ := strings.Cut(head, ":")
	raw = withoutComment(strings.TrimSpace(raw))
	var value *yaml.Node
	switch {
	case !more:
		value = repairScalar(raw, 1)
	case raw == "":
		value = repairItems(strings.Split(rest, "\n"))
	}
	if value == nil {
		return nil
	}
	return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{textNode(strings.Trim(name, `"' `), 1), value}}
}

func textNode(text string, line int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Line: line}
}

// withoutComment cuts a comment off a plain value.
func withoutComment(raw string) string {
	if at := strings.Index(raw, " #"); at >= 0 && !strings.ContainsAny(raw[:at], `"'`) {
		return strings.TrimSpace(raw[:at])
	}
	return raw
}

// repairScalar takes a one-line value as text, or as a list where it is one in
// brackets. What is opened and not closed is broken: nil.
func repairScalar(raw string, line int) *yaml.Node {
	if raw == "" {
		return nil
	}
	switch raw[0] {
	case '[':
		if strings.Count(raw, "[") != strings.Count(raw, "]") {
			return nil
		}
		if inner, ok := strings.CutSuffix(raw[1:], "]"); ok && !strings.ContainsAny(inner, "[]{}") {
			list := &yaml.Node{Kind: yaml.SequenceNode, Line: line}
			for part := range strings.SplitSeq(inner, ",") {
				if part = strings.Trim(strings.TrimSpace(part), `"'`); part != "" {
					list.Content = append(list.Content, textNode(part, line))
				}
			}
			return list
		}
	case '{', '|', '>':
		return nil
	case '"', '\'':
		if len(raw) < 2 || raw[len(raw)-1] != raw[0] {
			return nil
		}
		return textNode(raw[1:len(raw)-1], line)
	}
	return textNode(raw, line)
}

// repairItems reads a block list, each item of which is on one line or is valid.
func repairItems(lines []string) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Line: 2}
	for i := 0; i < len(lines); {
		text := strings.TrimLeft(lines[i], " ")
		if text == "" || strings.HasPrefix(text, "#") {
			i++
			continue
		}
		indent := len(lines[i]) - len(text)
		if !strings.HasPrefix(text, "- ") {
			return nil
		}
		end := i + 1
		for end < len(lines) && strings.HasPrefix(lines[end], strings.Repeat(" ", indent+1)) {
			end++
		}
		item, err := yamlNode(strings.Join(lines[i:end], "\n"))
		switch {
		case err == nil && item != nil && item.Kind == yaml.SequenceNode:
			shift(item, i+1)
			list.Content = append(list.Content, item.Content...)
		case end > i+1:
			return nil
		default:
			value := repairScalar(withoutComment(strings.TrimSpace(text[2:])), i+2)
			if value == nil {
				return nil
			}
			list.Content = append(list.Content, value)
		}
		i = end
	}
	return list
}
