package ticket

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

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
