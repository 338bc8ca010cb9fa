package ticket

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
)

// maxValues bounds the values of JSON that is unmarshaled: each takes up to 200 bytes,
// an empty one too. A list of maxTasks has fewer.
const maxValues = 200_000

// checkJSON says why JSON must not be unmarshaled.
func checkJSON(text string) error {
	data := []byte(text)
	if jsondepth.Check(data) != nil {
		return errJSON("is nested too deeply")
	}
	if n := jsondepth.Values(data); n > maxValues {
		return errJSON(fmt.Sprintf("has %d values, more than the %d that are read", n, maxValues))
	}
	return nil
}

// loose is a text that may also be written as a number, or as a list of texts.
type loose string

func (l *loose) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0 || string(data) == "null":
	case data[0] == '"':
		return json.Unmarshal(data, (*string)(l))
	case data[0] == '[':
		var list looseList
		if err := json.Unmarshal(data, &list); err != nil {
			return err
		}
		lines := make([]string, 0, len(list))
		for _, item := range list {
			lines = append(lines, "- "+string(item))
		}
		*l = loose(strings.Join(lines, "\n"))
	case data[0] == '{': // a person, {"name": ...}: nothing that is read
	default:
		*l = loose(data)
	}
	return nil
}

// looseList is a list of texts, or one text.
type looseList []loose

func (l *looseList) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || data[0] != '[' {
		var one loose
		if err := one.UnmarshalJSON(data); err != nil {
			return err
		}
		for part := range strings.SplitSeq(strings.ReplaceAll(string(one), "\n", ","), ",") {
			if part != "" {
				*l = append(*l, loose(strings.TrimSpace(part)))
			}
		}
		return nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		return err
	}
	for _, raw := range items {
		var one loose
		switch raw[0] {
		case '[':
			continue
		case '{':
			var named struct {
				ID, Key, Name, Text, Title, Description loose
			}
			if json.Unmarshal(raw, &named) == nil {
				one = cmp.Or(named.ID, named.Key, named.Name, named.Text, named.Title, named.Description)
			}
		default:
			if err := one.UnmarshalJSON(raw); err != nil {
				return err
			}
		}
		*l = append(*l, one)
	}
	return nil
}

// joinSections joins the parts of a task to Markdown: pairs of a heading and its text.
func joinSections(title string, pairs ...string) string {
	var b strings.Builder
	b.WriteString("# " + title + "\n")
	for i := 0; i+1 < len(pairs); i += 2 {
		text := strings.TrimSpace(pairs[i+1])
		if text == "" {
			continue
		}
		b.WriteString("\n")
		if pairs[i] != "" {
			b.WriteString("## " + pairs[i] + "\n\n")
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}
