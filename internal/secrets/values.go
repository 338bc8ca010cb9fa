package secrets

import (
	"encoding/base64"
	"strings"
	"unicode"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// assignments finds secrets without quotes, in environments, INI files, YAML and
// code, where a value may as well be a name. The text's first byte is at offset.
func assignments(text string, offset int, found []span) []span {
	for _, at := range assigned().FindAllStringSubmatchIndex(text, -1) {
		a := assignment{name: text[at[2]:at[3]], separator: text[at[4]:at[5]], value: text[at[6]:at[7]]}
		a.before = text[strings.LastIndexByte(text[:at[2]], '\n')+1 : at[2]]
		a.after, _, _ = strings.Cut(text[at[7]:], "\n")
		a.after = strings.TrimSpace(a.after)
		if a.isSecret() {
			found = append(found, span{offset + at[6], offset + at[7], "password"})
		}
	}
	return found
}

// assignment is a line such as "password = x", with what is around it.
type assignment struct {
	before, name, separator, value, after string
}

// isSecret reports whether the value is one. With a digit or a sign it is, but
// for code; of letters alone only where nothing but configuration has the form.
func (a assignment) isSecret() bool {
	switch {
	case isPlaceholder(a.value), a.isCode():
		return false
	case len(a.value) < 4:
		return a.isPassword() && a.separator == "=" && a.isEnvironment()
	case number().MatchString(a.value):
		return a.isPassword() || len(a.value) >= 16
	case strings.IndexFunc(a.value, isNoLetter) >= 0:
		return true
	case len(a.value) < 6, a.after != "" && strings.ContainsAny(a.after[:1], ",;)"):
		return false
	}
	alone := a.after == "" && strings.Trim(a.before, " \t-+>#*|") == ""
	switch strings.TrimSpace(a.separator) {
	case a.separator: // without spaces, as in an environment
		return !strings.Contains(a.value, "_") || a.isEnvironment()
	case "=": // an INI file has a word there, a program a name
		return alone && strings.Trim(a.value, "abcdefghijklmnopqrstuvwxyz") == ""
	}
	return alone
}

// isCode reports whether the value is an expression, a word of a schema, a path
// or an address, which other rules look at.
func (a assignment) isCode() bool {
	switch {
	case isCode().MatchString(a.value), isTypeWord().MatchString(a.value), isPath().MatchString(a.value):
		return true
	case strings.ContainsAny(a.value[:1], "?+%"), strings.Contains(a.value, "://"):
		return true
	case a.after != "" && strings.ContainsAny(a.after[:1], "([{"):
		return true
	}
	return !a.isEnvironment() && wordOfName().MatchString(a.value)
}

func (a assignment) isEnvironment() bool { return strings.ToUpper(a.name) == a.name }

func (a assignment) isPassword() bool {
	name := strings.ToLower(a.name)
	return strings.Contains(name, "pass") || strings.HasSuffix(name, "pwd")
}

func isNoLetter(r rune) bool { return !unicode.IsLetter(r) && !strings.ContainsRune("_-./", r) }

var (
	// wordOfName matches a variable that is named for the secret in it.
	wordOfName = lazy.Regexp(`(?i)^\w+_(?:` + names + `|credentials?)$`)
	// isCode matches expressions that a program would evaluate.
	isCode = lazy.Regexp(`^[~!&*]?(?:[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+|[A-Za-z_$][\w$.]*[(\[].*|` +
		`\$\{.*|\{\{.*|\$\w+|[a-z]+[A-Z]\w*)$`)
	isPath = lazy.Regexp(`^(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\pL._-]+(?:[/\\][\pL._-]*)*$`)
	// isTypeWord matches what code, schemas and messages have in place of a secret.
	isTypeWord = lazy.Regexp(`(?i)^(?:string|str|text|varchar\w*|char|bool(?:ean)?|number|integer|int\d*|` +
		`float|bytes?|object|any|` +
		`unknown|optional|required|hidden|password|secret|token|value|field|flag|option|name|type|` +
		`file|path|here|null|none|nil|` +
		`true|false|undefined|self|this|this\.\w+|invalid|expired|include|omit|same-origin|missing|` +
		`expected|empty|default|` +
		`example|yes|no|env|auto|header|parameter|and|the|from|with|for|that|passed|failed)[!?.:]?$`)
	// placeholder matches what is written where a secret is put in later.
	placeholder = lazy.Regexp(`(?i)^(?:\$(?-i:[A-Z_][A-Z0-9_]*|[a-z_]+)|\$\{[\w.]+\}|\$\{\{[^{}]*\}\}|` +
		`\$\([^()]*\)|%\w+%|` +
		`%(?:\(\w+\))?[a-z]|\{\{?[^{}]*\}?\}|<[^<>]*>|\[[\w -]*\]|[*.…•]+|x{3,}|process\.env\S*|` +
		`os\.\S+|env\.\w+|` +
		`redacted|masked|filtered|hidden|null|none|nil|undefined|true|false|(?-i:DATA-[0-9A-F]{10}))$`)
	authScheme = lazy.Regexp(`(?i)^(?:bearer|basic|token|digest|negotiate|ntlm|api-?key|key|bot|hawk|oauth|` +
		`dpop|jwt|sso-key|` +
		`genie-?key|splunk|aws4-hmac-sha256|sharedkey\w*|sharedaccesssignature)\s+`)
	version     = lazy.Regexp(`^v?\d+[.-]|/[a-z]+/`)
	hostAndPort = lazy.Regexp(`^[^:]*:\d{1,5}(?:[/?#]|$)`)
)

// isPlaceholder reports whether a text is where a secret would be put in, or
// is the fence word of a prompt.
func isPlaceholder(text string) bool {
	text = strings.Trim(text, " \t")
	return strings.HasPrefix(text, marker) || placeholder().MatchString(text)
}

// isUserPassword: "user:$PASSWORD" names a variable.
func isUserPassword(_, info string) bool {
	_, password, found := strings.Cut(info, ":")
	return found && !isPlaceholder(password)
}

// isRandom reports whether a word looks made up by a machine, or by a person
// who was told to use digits: at least 8 bytes with a digit and a letter.
func isRandom(_, word string) bool {
	return len(word) >= 8 && strings.ContainsAny(word, "0123456789") && strings.IndexFunc(word, unicode.IsLetter) >= 0
}

// isMixed is isRandom for a word after a name in a sentence or a command, where
// a version or a path may be there as well.
func isMixed(_, word string) bool {
	return isRandom("", word) && !version().MatchString(word)
}

// isArgument is isRandom for what follows a name as the next argument; the word
// "pass" alone is more often a verdict than a name.
func isArgument(before, word string) bool {
	name, _, _ := strings.Cut(strings.ToLower(before[1:]), before[:1])
	return name != "pass" && isRandom("", word)
}

// isBasic: what follows Basic is a user and a password.
func isBasic(_, word string) bool {
	text, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(word, "="))
	return err == nil && strings.Contains(string(text), ":")
}

// isCredentials reports whether the value of an Authorization header holds some:
// a scheme and what follows it, or one word that is no word.
func isCredentials(_, value string) bool {
	scheme := authScheme().FindString(value)
	first, more, several := strings.Cut(strings.TrimSpace(value[len(scheme):]), " ")
	switch {
	case len(first) < 4, isPlaceholder(first), strings.ContainsAny(first[:1], "${<%+"):
		return false
	case scheme == "":
		const plain = "abcdefghijklmnopqrstuvwxyz0123456789._~+/=:-"
		return isRandom("", first) && strings.Trim(strings.ToLower(first), plain) == "" && !isCode().MatchString(first)
	}
	return !several || isRandom("", first) || len(first) >= 16 || strings.Contains(more, "=")
}

// isUserInfo: "example.com:8080/a" before an @ is a host and a path.
func isUserInfo(_, info string) bool {
	return !hostAndPort().MatchString(info) && isUserPassword("", info)
}

// isQuoted: neither an expression, nor a word that says what goes there, nor
// the label of the field itself, nor what is between two strings.
func isQuoted(before, secret string) bool {
	label := strings.TrimSpace(secret)
	lower := strings.ToLower(label)
	if lower == "" || strings.ContainsAny(label[:1], "+,;)") {
		return false
	}
	before = strings.ToLower(strings.TrimRight(before, `"': =>[]`+tick))
	isLabel := lower != label && strings.HasSuffix(before, lower)
	return !isLabel && !isCode().MatchString(label) && !isTypeWord().MatchString(label)
}
