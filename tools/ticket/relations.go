package ticket

import (
	"slices"
	"strings"
)

// dependsBlock reads a section of dependencies: tables, lists, sentences.
func (c *collector) dependsBlock(b block) {
	if c.opt.ignoreDepends {
		return
	}
	before := len(c.t.DependsOn)
	c.dependencyTables(b)
	skip, odd := -1, "" // the indentation under which items do not count
	for _, line := range b.lines {
		text, indent := dedent(line)
		if text == "" || text[0] == '|' || isDelimiter(line) || skip >= 0 && indent > skip {
			continue
		}
		skip = -1
		if body := item(text); body != "" {
			text = body
		} else if isRule(text) {
			continue
		}
		if mark, rest, _ := boxOf(line); mark != 0 {
			text = rest
		}
		waits, known := c.dependsLine(text, b.where)
		if !waits {
			skip = indent
		}
		if !known && odd == "" {
			odd = text
		}
	}
	if odd != "" && len(c.t.DependsOn) == before {
		c.notRead(b.where+":", odd)
	}
}

// dependsLine reads one line of a section of dependencies. waits is false where the
// line names tickets that do not hold this one; known where it is understood.
func (c *collector) dependsLine(text, where string) (waits, known bool) {
	l := labelOf(text)
	switch what := meaningOf(l.name).field; {
	case isNothing(text) || startsWithNone(text):
		return true, true
	case what == dependsField:
		c.dependsText(l.value, l.name)
		return true, true
	case what == parentField:
		c.setParent(l.value, l.name)
		return false, true
	case what != unknownField, isReverse(l.name), technicalWords[normal(l.name)], isReverse(text),
		strings.Contains(strings.ToLower(text[:min(len(text), 40)]), "related to"):
		return false, true
	}
	return true, c.dependsText(text, where)
}

// technicalWords are packages and systems, not tickets.
var technicalWords = set("technical external packages package libraries library npm internal system infrastructure tools")

// reverseWords begin a relation that holds the other ticket.
var reverseWords = []string{"blocks", "blocking", "enables", "unblocks", "required by", "needed by",
	"must be done before", "must complete before", "blocker for", "blocked tickets", "dependents", "downstream",
	"relates to", "related", "duplicates", "parent", "see also", "children", "blockiert ", "bloquea ", "bloque "}

// isReverse reports whether a line begins with a relation that holds the other ticket.
func isReverse(text string) bool {
	lower := strings.ToLower(strings.TrimLeft(text[:min(len(text), 60)], "*_`[ "))
	return slices.ContainsFunc(reverseWords, func(word string) bool {
		after, ok := strings.CutPrefix(lower, word)
		return ok && !strings.HasPrefix(after, " by")
	})
}

// dependsText takes the tickets that a value or a line names; false = none.
func (c *collector) dependsText(text, where string) bool {
	if isNothing(text) || startsWithNone(text) {
		return true
	}
	found := false
	for part := range splitRefs(text) {
		refs := expandRange(strings.Trim(strings.TrimSpace(part), "`*."))
		if len(refs) == 0 {
			refs = findRefs(beforeReason(part), false)
		}
		if len(refs) == 0 {
			refs = findRefs(part, false)
		}
		if len(refs) == 0 {
			refs = listedWords(beforeReason(part))
		}
		c.dependOn(where, refs...)
		found = found || len(refs) > 0
	}
	return found
}

var taskNouns = []string{"issue", "issues", "task", "tasks", "story", "stories", "ticket", "tickets", "wp", "nr", "no"}

// listedWords are the ids of "Issue 01", "Stories 09-05", "3": words that are all ids of
// some form, after what they are called.
func listedWords(text string) []string {
	var out []string
	for i, word := range strings.Fields(text) {
		word = strings.Trim(word, "`*.#:[]\"'")
		switch {
		case isNumberDots(word) && len(word) <= 10, // 3, 100.13, T012, WP01
			!isStandard(word) && (isLocalID(word) && len(word) >= 2 || len(word) <= 64 && wholeID().MatchString(word)):
			out = append(out, word)
		case i > 0 || !containsFold(taskNouns, word):
			return nil
		}
	}
	return out
}

// beforeReason cuts the reason after an id: " (the registry must exist)", " - why".
func beforeReason(text string) string {
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		return text
	}
	for _, mark := range []string{" (", " - ", " – ", " — "} {
		if before, _, ok := strings.Cut(text, mark); ok {
			text = before
		}
	}
	return text
}

// waitPhrases say that what follows is waited for.
var waitPhrases = []string{"depends on", "depend on", "depends upon", "depending on", "blocked by", "blocked on", "waits for", "waiting for", "waiting on",
	"requires", "hängt ab von", "abhängig von", "blockiert durch", "blockiert von", "dépend de", "bloqué par", "depende de", "bloqueado por",
	"зависит от", "заблокировано", "依存", "依赖", "依赖于", "阻塞于", "의존"}

// isBlockedBy reports whether a relation's words mean waiting: "is blocked by".
func isBlockedBy(words string) bool {
	lower := strings.ToLower(words)
	return meaningOf(words).field == dependsField ||
		slices.ContainsFunc(waitPhrases, func(phrase string) bool { return strings.Contains(lower, phrase) })
}

// relations takes the tickets that a sentence says this one waits for: "Depends on
// #57. Blocked by owner/repo#12."
func (c *collector) relations(line, where string) {
	line = line[:min(len(line), 4000)]
	lower := strings.ToLower(line)
	if len(lower) != len(line) {
		lower = line // other letters have other sizes in lower case
	}
	for _, phrase := range waitPhrases {
		for from := 0; ; {
			at := strings.Index(lower[from:], phrase)
			if at < 0 {
				break
			}
			at += from
			from = at + len(phrase)
			before := strings.TrimRight(lower[:at], " ")
			if strings.HasSuffix(before, "not") || strings.HasSuffix(before, "no longer") || strings.HasSuffix(before, "n't") {
				continue
			}
			start := at
			if label := strings.LastIndexByte(line[:at], '['); label >= 0 && !strings.Contains(line[label:at], "]") {
				start = label // [depends on slug](slug.md)
			}
			c.dependOn(where, leadingRefs(line[start:], from-start)...)
		}
	}
}

// leadingRefs gives the references that follow directly after the first skip bytes,
// joined by commas and "and".
func leadingRefs(text string, skip int) []string {
	if strings.HasPrefix(text, "[") {
		label, target, size := markdownLinkAt(text)
		if size > 0 {
			for word := range strings.FieldsSeq(label) {
				if id := wordRef(word, false); id != "" {
					return []string{id}
				}
			}
			return []string{refOfText(target)}
		}
	}
	rest := text[min(skip, len(text)):]
	end := len(rest)
	for _, mark := range []string{". ", "; ", " which ", " because ", " since ", "("} {
		if at := strings.Index(rest, mark); at >= 0 && at < end {
			end = at
		}
	}
	var out []string
	for word := range strings.FieldsSeq(refSeparators.Replace(rest[:end])) {
		refs := findRefs(word, false)
		if len(refs) == 0 && !strings.HasPrefix(word, "[") && !containsFold(refJoints, word) {
			break
		}
		out = append(out, refs...)
	}
	return out
}

// refSeparators are what is between references; the colon of an address is none.
var refSeparators = strings.NewReplacer("://", "://", ",", " ", ":", " ", "*", " ")

var refJoints = []string{"and", "&", "or", "und", "et", "y", "e", "и", "+", "issue", "issues", "ticket", "tickets",
	"task", "pr", "the", "on", "upon", "by"}
