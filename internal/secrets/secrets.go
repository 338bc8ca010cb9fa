// Package secrets finds secrets in text and recognises files that hold them by their
// names, so that neither reaches a model on another machine or a hand-off. The
// rules are gitleaks' and some of our own; nothing is loaded until the first
// scan.
package secrets

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// MaxBytes is the longest text that is scanned, twice a model's context window.
const MaxBytes = 512 << 10

// maxEffort bounds the bytes that rules look at in texts that go together, each
// byte counted once for each rule whose keywords are there: source code of
// MaxBytes needs about half. It is no time, so that a busy machine finds the same.
const maxEffort = 32 * MaxBytes

// marker begins what replaces a secret.
const marker = "[secret-"

// Limits of the secrets that are looked for again.
const (
	maxGiven      = 1000
	maxGivenBytes = 200
)

// unscanned is the kind of a text over MaxBytes or maxEffort.
const unscanned = "too-long-to-scan"

// span is a secret in a text: bytes from to to.
type span struct {
	from, to int
	kind     string
}

// Mask replaces each secret in text by a marker that names its kind, such as
// "[secret-password]", and returns the kinds found, sorted, each once. Escape
// sequences and invisible characters are taken out first, since they split
// secrets. A masked text is masked again to itself.
//
// A text over MaxBytes, and one that is made to take long (maxEffort), is
// withheld whole: what was not scanned may be a secret.
func Mask(text string) (masked string, kinds []string) {
	all, kindsOf := MaskAll([]string{text})
	return all[0], kindsOf[0]
}

// MaskAll masks texts that go together: a secret that one of them gives away,
// and that nobody would write by chance, is replaced wherever it is.
func MaskAll(texts []string) (masked []string, kinds [][]string) {
	return maskAll(texts, maxEffort)
}

func maskAll(texts []string, left int) (masked []string, kinds [][]string) {
	masked, kinds = make([]string, len(texts)), make([][]string, len(texts))
	spans := make([][]span, len(texts))
	given := map[string]string{} // secret to kind
	for i, text := range texts {
		if len(text) > MaxBytes {
			masked[i], kinds[i] = marker+unscanned+"]", []string{unscanned}
			continue
		}
		masked[i] = Visible(text)
		if spans[i], left = scan(masked[i], left); left < 0 {
			masked[i], spans[i] = marker+unscanned+"]", nil
			kinds[i] = []string{unscanned}
			continue
		}
		for _, s := range spans[i] {
			secret := masked[i][s.from:s.to]
			_, password, _ := strings.Cut(secret, ":") // of user:password
			for _, word := range []string{secret, password} {
				if _, known := given[word]; !known && len(given) < maxGiven && len(word) <= maxGivenBytes && isRandom("", word) {
					given[word] = s.kind
				}
			}
		}
	}
	for i := range texts {
		if kinds[i] == nil {
			masked[i], kinds[i] = replace(masked[i], append(spans[i], occurrences(masked[i], given)...))
		}
	}
	return masked, kinds
}

// occurrences finds words that are known to be secrets.
func occurrences(text string, given map[string]string) (found []span) {
	for _, word := range slices.Sorted(maps.Keys(given)) {
		end := 0
		for at := strings.Index(text, word); at >= 0; at = strings.Index(text[end:], word) {
			found = append(found, span{end + at, end + at + len(word), given[word]})
			end += at + len(word)
		}
	}
	return found
}

// Find returns a text's secrets in order, each once; none over MaxBytes.
func Find(text string) (found []string) {
	if len(text) > MaxBytes {
		return nil
	}
	text = Visible(text)
	spans, _ := scan(text, math.MaxInt)
	for _, s := range spans {
		if secret := text[s.from:s.to]; !slices.Contains(found, secret) {
			found = append(found, secret)
		}
	}
	return found
}

// scan finds secrets. left is how many bytes rules may still look at, each byte
// counted once for each rule; where it is below 0 after, the scan is not complete.
func scan(text string, left int) (found []span, after int) {
	found = keyBlocks(text)
	lower := lowerASCII(text)
	for _, r := range ownRules() {
		if !containsAny(lower, r.keywords) {
			continue
		}
		if left -= len(text); left < 0 {
			return nil, left
		}
		found = r.find(text, 0, found)
	}
	for _, near := range around(text, lower, nameWords) {
		if left -= (near.to - near.from) * (len(namedRules()) + 1); left < 0 {
			return nil, left
		}
		for _, r := range namedRules() {
			found = r.find(text[near.from:near.to], near.from, found)
		}
		found = assignments(text[near.from:near.to], near.from, found)
	}
	return rules().find(text, lower, found, left)
}

// MaskKeys replaces private keys alone, which no model is shown, without any rules.
func MaskKeys(text string) (masked string, found bool) {
	spans := keyBlocks(text)
	if len(spans) == 0 {
		return text, false
	}
	masked, _ = replace(text, spans)
	return masked, true
}

// replace puts the markers in; where spans overlap, the first and longest names the kind.
func replace(text string, found []span) (masked string, kinds []string) {
	if len(found) == 0 {
		return text, nil
	}
	slices.SortStableFunc(found, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to))
	})
	var b strings.Builder
	end := 0
	for _, s := range found {
		switch {
		case s.to <= end:
			continue
		case s.from < end: // the rest of it
			end = s.to
			continue
		}
		b.WriteString(text[end:s.from])
		b.WriteString(marker + s.kind + "]")
		end = s.to
		if !slices.Contains(kinds, s.kind) {
			kinds = append(kinds, s.kind)
		}
	}
	b.WriteString(text[end:])
	slices.Sort(kinds)
	return b.String(), kinds
}

// Private keys, as PEM and PuTTY write them. A key that was cut has no end.
var (
	keyBegin = lazy.Regexp(`-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----|Private-Lines: ?\d+`)
	keyEnd   = lazy.Regexp(`-----END[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----|Private-MAC: ?\w+`)
	keyHead  = lazy.Regexp(`^\s*(?:[A-Za-z-]+: [^\n]*\n)+\s*`)
)

// keyBlocks finds private keys; one without an end goes to the next empty line.
func keyBlocks(text string) (found []span) {
	if !strings.Contains(text, "PRIVATE KEY") && !strings.Contains(text, "Private-Lines") {
		return nil
	}
	for at := 0; at < len(text); {
		begin := keyBegin().FindStringIndex(text[at:])
		if begin == nil {
			break
		}
		from, rest := at+begin[0], at+begin[1]
		next := len(text)
		if b := keyBegin().FindStringIndex(text[rest:]); b != nil {
			next = rest + b[0]
		}
		to := next // no further: each key looking through the whole rest takes quadratic time
		if end := keyEnd().FindStringIndex(text[rest:next]); end != nil {
			to = rest + end[1]
		} else {
			head := len(keyHead().FindString(text[rest:next]))
			if empty := emptyLine().FindStringIndex(text[rest+head : next]); empty != nil {
				to = rest + head + empty[0]
			}
		}
		found = append(found, span{from, to, "private-key"})
		at = to
	}
	return found
}

var emptyLine = lazy.Regexp(`\n[^\S\n]*\n`)

// around lists the lines with one of some words, each with the one that follows
// it; those that overlap are one. Most of a text is not among them.
func around(text, lower string, words []string) (out []span) {
	for from := 0; from < len(text); {
		to := lineEnd(text, from)
		if containsAny(lower[from:to], words) {
			end := lineEnd(text, to)
			if last := len(out) - 1; last >= 0 && out[last].to >= from {
				out[last].to = end
			} else {
				out = append(out, span{from: from, to: end})
			}
		}
		from = to
	}
	return out
}

// lineEnd is where the line that begins at from ends, its newline included.
func lineEnd(text string, from int) int {
	if at := strings.IndexByte(text[from:], '\n'); at >= 0 {
		return from + at + 1
	}
	return len(text)
}

func containsAny(text string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// lowerASCII keeps every byte at its place, which strings.ToLower does not.
func lowerASCII(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
