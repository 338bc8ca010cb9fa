package secrets

import (
	_ "embed"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// ruleFile is gitleaks' default rule set, unchanged, with its licence (MIT) at
// its head. Its own library would cost every start 1.4 ms and 0.8 MB of memory
// in package initialisers, the binary 5 MB and the module 58 dependencies, used
// or not; the rules alone cost nothing until the first scan.
//
//go:embed gitleaks.toml
var ruleFile []byte

// ruleSet is the rule file, read when something is scanned for the first time.
type ruleSet struct {
	Allowlist allowlist `toml:"allowlist"`
	Rules     []*rule   `toml:"rules"`
}

type rule struct {
	ID          string       `toml:"id"`
	Regex       string       `toml:"regex"`
	Path        string       `toml:"path"` // of files that the rule is for
	SecretGroup int          `toml:"secretGroup"`
	Entropy     float64      `toml:"entropy"`  // bits per byte that a secret must exceed; 0 = any
	Keywords    []string     `toml:"keywords"` // lower case; one of them is in every match's text
	Allowlists  []*allowlist `toml:"allowlists"`

	compiled func() *regexp.Regexp
}

// allowlist says what is no secret although a rule matches it.
type allowlist struct {
	RegexTarget string   `toml:"regexTarget"` // match, line, or the secret itself
	Regexes     []string `toml:"regexes"`
	StopWords   []string `toml:"stopwords"`
	Paths       []string `toml:"paths"`
	Condition   string   `toml:"condition"`

	compiled func() []*regexp.Regexp
}

// rules reads the rule file; each expression is compiled at its first keyword.
var rules = sync.OnceValue(func() *ruleSet {
	set := &ruleSet{}
	if err := toml.Unmarshal(ruleFile, set); err != nil {
		panic("gitleaks.toml: " + err.Error()) // embedded: a test holds that it parses
	}
	set.Allowlist.prepare()
	for _, r := range set.Rules {
		r.compiled = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(r.Regex) })
		for _, a := range r.Allowlists {
			a.prepare()
		}
	}
	return set
})

func (a *allowlist) prepare() {
	a.compiled = sync.OnceValue(func() (out []*regexp.Regexp) {
		for _, text := range a.Regexes {
			out = append(out, regexp.MustCompile(text))
		}
		return out
	})
}

// find appends what the rules find in text. lower is text in lower case, left as in scan.
func (set *ruleSet) find(text, lower string, found []span, left int) ([]span, int) {
	for _, r := range set.Rules {
		if r.Path != "" && r.ID != kubernetesRule || !containsAny(lower, r.Keywords) {
			continue
		}
		parts := []span{{to: len(text)}}
		if strings.HasPrefix(r.Regex, namedValue) {
			parts = around(text, lower, r.Keywords)
		}
		for _, near := range parts {
			if left -= near.to - near.from; left < 0 {
				return nil, left
			}
			found = r.find(set, text[near.from:near.to], near.from, found)
		}
	}
	return found, left
}

// namedValue begins each rule for a value beside the name of a service. Its
// matches are short, and the expression is slow on long texts.
const namedValue = `(?i)[\w.-]{0,50}?`

// find appends the secrets in a text, whose first byte is at offset.
func (r *rule) find(set *ruleSet, text string, offset int, found []span) []span {
	for _, at := range r.compiled().FindAllStringSubmatchIndex(text, -1) {
		from, to := r.secretOf(at)
		secret := text[from:to]
		match := strings.Trim(text[at[0]:at[1]], "\n")
		allows := func(a *allowlist) bool { return a.allows(secret, match, lineOf(text, at[0], at[1])) }
		switch {
		case r.Entropy > 0 && entropy(secret) <= r.Entropy, isPlaceholder(secret), r.ID == genericRule && isNoKey(match, secret):
		case allows(&set.Allowlist), slices.ContainsFunc(r.Allowlists, allows):
		default:
			found = append(found, span{offset + from, offset + to, r.ID})
		}
	}
	return found
}

// secretOf is where the secret lies in a match: the stated group, else the
// first group that is not empty, else the whole.
func (r *rule) secretOf(at []int) (from, to int) {
	if g := r.SecretGroup; g > 0 && 2*g+1 < len(at) && at[2*g] >= 0 {
		return at[2*g], at[2*g+1]
	}
	for i := 2; i+1 < len(at); i += 2 {
		if at[i] >= 0 && at[i+1] > at[i] {
			return at[i], at[i+1]
		}
	}
	return at[0], at[1]
}

// allows reports whether the list excuses a finding. Lists that also ask for a
// path are left out: a text to scan has none.
func (a *allowlist) allows(secret, match, line string) bool {
	if a.Condition == "AND" {
		return false
	}
	target := secret
	switch a.RegexTarget {
	case "match":
		target = match
	case "line":
		target = line
	}
	return slices.ContainsFunc(a.compiled(), func(re *regexp.Regexp) bool { return re.MatchString(target) }) ||
		containsAny(strings.ToLower(secret), a.StopWords)
}

func lineOf(text string, from, to int) string {
	from = strings.LastIndexByte(text[:from], '\n') + 1
	return strings.TrimSuffix(text[from:lineEnd(text, to)], "\n")
}

// entropy is Shannon's, in bits per byte.
func entropy(s string) float64 {
	var counts [256]int
	for i := range len(s) {
		counts[s[i]]++
	}
	sum := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(s))
			sum -= p * math.Log2(p)
		}
	}
	return sum
}

// kubernetesRule is sure enough of itself in texts without a name. The other
// rules that are for some files only have their equals among ours.
const kubernetesRule = "kubernetes-secret-yaml"

// genericRule finds any name with "key" or "auth" in it that is followed by
// something random, which the digest of a cache key is, too.
const genericRule = "generic-api-key"

var (
	digest = lazy.Regexp(`^(?i:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128}|` +
		`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	number     = lazy.Regexp(`^[-+]?(?:0[xX][0-9a-fA-F_]{1,16}|\d[\d._]{0,24}(?:[eE][-+]?\d+)?)$`)
	checksum   = lazy.Regexp(`\b(?:h1|md5|sha\d{1,3})[:=-]`)
	secretName = lazy.Regexp(`(?i)api|secret|token|passw|cred|access|auth|priv`)
)

// isNoKey reports whether a generic finding is a digest, an identifier or a
// number under a name that does not speak of a secret.
func isNoKey(match, secret string) bool {
	return digest().MatchString(secret) && !secretName().MatchString(match) ||
		number().MatchString(secret) || checksum().MatchString(match)
}
