package secrets

import (
	"strings"
	"sync"
	"unicode"
)

// quote opens or closes a string in most languages; quoted is one with its text
// in a group, word a text without quotes, up to what ends it in a shell.
const (
	quote  = "[\"'`]"
	quoted = `(?:"((?:[^"\\\r\n]|\\.){3,})"|'((?:[^'\\\r\n]|\\.){3,})'|` + "`([^`\\r\\n]{3,})`)"
	word   = `(?:"([^"\r\n]+)"|'([^'\r\n]+)'|([^\s"'-][^\s"']*))`
	// line is the rest of a shell command, over lines that it continues on.
	line = `(?:[^\n]|\\\r?\n)*?`
)

// names end what is called a secret in code, configuration and headers.
const names = `(?:(?:\b|[_\d])pass|(?-i:[a-z]Pass)|pass(?:word|wd|phrase|code)|pwd|secret|token|connection[_-]?string|` +
	`(?:api|app|access|account|auth|private|secret|signing|encryption|subscription|shared|master|storage|license|deploy|service)[_.-]?key|` +
	`secret[_.-]?(?:access[_.-]?)?key(?:[_-]?base)?|\b_auth)`

var nameWords = []string{"pass", "pwd", "secret", "token", "key", "_auth", "connection"}

// ownRules are compiled one by one, when a text first has a keyword of theirs.
var ownRules = sync.OnceValue(func() []*ownRule {
	const connection = `\b(?:pwd|password|accountkey|sharedaccesskey|sharedsecret)\s*=\s*`
	const value = `(?:"([^"\r\n]+)"|'([^'\r\n]+)'|([^;"'\r\n]+))`
	return []*ownRule{
		{"token", tokenKeywords, lazy(`\b(` + tokens + `)`), isToken},
		{"jwt", []string{"eyj"}, lazy(`\b(eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)`), nil},
		{"webhook", []string{"hook", "chat.goo"}, lazy(`(?i)https://(` + webhooks + `)`), nil},
		{"authorization", []string{"authorization"},
			lazy(`(?i)\bauthorization["']?\s*[:=,]\s*` + quote + `?([^"'` + "`" + `\r\n]{6,})`), isCredentials},
		{"cookie", []string{"cookie"},
			lazy(`(?i)\b(?:set-)?cookie2?["']?\s*:\s*` + quote + `?([^\s=;,"'` + "`" + `]+=[^"'` + "`" + `\r\n]+)`), nil},
		{"cookie", []string{"curl"}, lazy(`\bcurl\b` + line + `\s(?:-b|--cookie)[ =]*["']?([^\s"']+=[^"'\r\n]+)`), nil},
		{"user-password", []string{"-u", "-a", "--user", "--proxy-user"},
			lazy(`\b(?:curl|wget|https?|xh)\b` + line + `\s(?:-[uUa]|--user|--proxy-user|--auth)\s*=?\s*` +
				`(?:"([^"\r\n:]*:[^"\r\n]+)"|'([^'\r\n:]*:[^'\r\n]+)'|([^\s"':]*:[^\s"']+))`), isUserPassword},
		{"password", []string{"mysql", "mariadb", "sshpass", "redis-cli", "login", "ldap", "smbclient"},
			lazy(`\b(?:(?:mysql\w*|mariadb\w*|sshpass|(?:docker|podman|helm)[ \w]* login)\b` + line + `\s-p|` +
				`redis-cli\b` + line + `\s-a|ldap\w+\b` + line + `\s-w|smbclient\b` + line + `\s-U)\s?` + word), nil},
		{"password-in-url", []string{"://"},
			lazy(`(?i)\b[a-z][a-z0-9+.-]*://([^\s/:@?#"'<>` + "`" + `]*:[^\s"'<>` + "`" + `]+)@`), isUserInfo},
		{"token-in-url", []string{"://"}, lazy(`(?i)\bhttps?://([^\s/:@?#"'<>` + "`" + `]{16,}):?@`), isRandom},
		{"password", []string{"login"}, lazy(`\blogin\s+\S+\s+password\s+(\S+)`), nil},
		{"password-hash", []string{"$"},
			lazy(`(\$(?:apr1|2[abxy]|[156y]|sha1|argon2\w*|scrypt|pbkdf2[\w-]*)\$[\w./$,=+-]{12,})`), nil},
		{"signed-url", []string{"sig", "token", "pass", "pwd", "secret", "key"},
			lazy(`(?i)[?&;](?:sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature|` +
				`[\w-]*(?:token|password|passwd|pwd|secret|api[_-]?key))=([^&\s"'#<>;]{4,})`), nil},
		{"connection-string", []string{";"}, lazy(`(?i)` + connection + value + `;`), nil},
		{"connection-string", []string{";"}, lazy(`(?i);\s*` + connection + value), nil},
		{"password", []string{"</"}, lazy(`(?i)<[\w.:-]*` + names + `(?:\s[^<>]*)?>([^<\r\n]{3,})</`), isQuoted},
		{"password", []string{"passw", "passphrase"},
			lazy(`(?i)\b(?:password|passwd|passphrase)\s+(?:is|was)\s*["'` + "`" + `]?([^\s"'` + "`" + `,;]{6,})`), isRandom},
	}
})

// namedRules look at lines with one of nameWords only.
var namedRules = sync.OnceValue(func() []*ownRule {
	return []*ownRule{
		{"password", nil, lazy(`(?i)(?:key|name)\s*[:=]\s*["']?[\w.:-]*` + names +
			`["']?,?\s+["']?value["']?\s*[:=]\s*["']?([^\s"']{3,})`), isQuoted},
		{"password", nil, lazy(`(?i)(?:^|\s)--?[\w-]*` + names + `[ =]+` + word), isQuoted},
		{"password", nil, lazy(`(?i)` + names + quote + `?\]?\s*(?::=|=>|[:=])\s*[bru]?` + quoted), isQuoted},
	}
})

// assigned finds values without quotes: name, separator, value.
var assigned = lazy(`(?i)([\w.-]*` + names + `)["']?([ \t]*(?:=>|[:=])[ \t]*)` +
	`([^\s"'` + "`" + `=,;(){}\[\]&|<>][^\s"'` + "`" + `,;(){}\[\]&|<>]{3,})`)

// assignments finds secrets without quotes, in environments, INI files, YAML and
// code, where a value may as well be a name.
func assignments(text string, offset int, found []span) []span {
	for _, at := range assigned().FindAllStringSubmatchIndex(text, -1) {
		a := assignment{name: text[at[2]:at[3]], separator: text[at[4]:at[5]], value: text[at[6]:at[7]]}
		a.before = text[strings.LastIndexByte(text[:at[2]], '\n')+1 : at[2]]
		a.after, _, _ = strings.Cut(text[at[7]:], "\n")
		if a.isSecret() {
			found = append(found, span{offset + at[6], offset + at[7], "password"})
		}
	}
	return found
}

type assignment struct {
	before, name, separator, value, after string // before and after: of the same line
}

// isSecret reports whether the value is one. With a digit or a sign it is, but
// for code; of letters alone only where nothing but configuration has the form.
func (a assignment) isSecret() bool {
	after := strings.TrimSpace(a.after)
	isEnvironment := strings.ToUpper(a.name) == a.name
	isPassword := strings.Contains(strings.ToLower(a.name), "pass") || strings.HasSuffix(strings.ToLower(a.name), "pwd")
	switch {
	case isPlaceholder(a.value), isCode().MatchString(a.value), isTypeWord().MatchString(a.value):
		return false
	case strings.ContainsAny(a.value[:1], "?+%"), !isEnvironment && wordOfName().MatchString(a.value), strings.Contains(a.value, "://"), isPath().MatchString(a.value):
		return false
	case strings.HasPrefix(after, "("), strings.HasPrefix(after, "["), strings.HasPrefix(after, "{"):
		return false
	case number().MatchString(a.value):
		return isPassword || len(a.value) >= 16
	case strings.IndexFunc(a.value, func(r rune) bool { return !unicode.IsLetter(r) && !strings.ContainsRune("_-./", r) }) >= 0:
		return true
	case len(a.value) < 6 || strings.HasPrefix(after, ",") || strings.HasPrefix(after, ";") || strings.HasPrefix(after, ")"):
		return false
	}
	alone := strings.Trim(a.before, " \t-+>#*|") == "" && after == ""
	switch strings.TrimSpace(a.separator) {
	case a.separator: // without spaces, as in an environment
		return !strings.Contains(a.value, "_") || isEnvironment
	case "=": // an INI file has a word there, a program a name
		return alone && strings.Trim(a.value, "abcdefghijklmnopqrstuvwxyz") == ""
	}
	return alone
}

// wordOfName is a variable named for the secret in it.
var wordOfName = lazy(`(?i)^\w+_(?:` + names + `|credentials?)$`)

// tokens are the fixed beginnings that services give their tokens, wider than
// gitleaks' rules: no length, no randomness.
const tokens = `sk-[\w-]{8,}|[sr]k_(?:live|test|prod)_\w{8,}|whsec_\w{16,}|hf_\w{20,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|` +
	`xox[abeoprs](?:\.xox[a-z])?-[\w-]{10,}|xapp-[\w-]{10,}|(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}|` +
	`(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[\w+/=]{16,}|AIza[\w-]{30,}|ya29\.[\w-]{16,}|GOCSPX-[\w-]{16,}|` +
	`gl(?:pat|rt|rtr|dt|ft|cbt|ptt|soat|agent|imt|oas|ffct)-[\w.-]{16,}|GR1348941[\w-]{16,}|npm_\w{30,}|pypi-[\w-]{16,}|` +
	`SG\.[\w-]{10,}\.[\w-]{10,}|dckr_(?:pat|oat)_[\w-]{16,}|do[opr]_v1_\w{16,}|shp(?:at|ca|pa|ss)_\w{16,}|lin_(?:api|oauth)_\w{16,}|` +
	`hv[sb]\.[\w-]{20,}|rubygems_\w{16,}|ATATT3[\w=-]{16,}|PMAK-[\w-]{16,}|sntry[su]_[\w+/=-]{16,}|xai-\w{16,}|gsk_\w{16,}|` +
	`tskey-[\w-]{16,}|NRAK-\w{16,}|dp\.(?:pt|st|ct|sa)\.\w{16,}|figd_[\w-]{16,}|ntn_\w{16,}|glc_[\w+/=]{16,}|glsa_\w{16,}|` +
	`\d{8,10}:AA[\w-]{30,}|AGE-SECRET-KEY-1\w{16,}`

var tokenKeywords = []string{"sk-", "k_live", "k_test", "k_prod", "whsec_", "hf_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
	"github_pat_", "xox", "xapp-", "a3t", "akia", "asia", "abia", "acca", "iqojb3jpz2lu", "fwogzxivyxdz", "fqogzxivyxdz",
	"aiza", "ya29.", "gocspx-", "glpat-", "glrt", "gldt-", "glft-", "glcbt-", "glptt-", "glsoat-", "glagent-", "glimt-",
	"gloas-", "glffct-", "gr1348941", "npm_", "pypi-", "sg.", "dckr_", "dop_v1_", "doo_v1_", "dor_v1_", "shpat_", "shpca_",
	"shppa_", "shpss_", "lin_", "hvs.", "hvb.", "rubygems_", "atatt3", "pmak-", "sntry", "xai-", "gsk_", "tskey-", "nrak-",
	"dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "figd_", "ntn_", "glc_", "glsa_", ":aa", "age-secret-key-1"}

const webhooks = `hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[^\s"'<>` + "`" + `)]+|` +
	`(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]+|[\w.-]+\.webhook\.office\.com/[^\s"'<>` + "`" + `)]+|` +
	`chat\.googleapis\.com/v1/spaces/[^\s"'<>` + "`" + `)]+|hooks\.zapier\.com/hooks/[^\s"'<>` + "`" + `)]+`

// isToken: words such as sk-learn-contrib have no digit.
func isToken(_, secret string) bool { return strings.ContainsAny(secret, "0123456789") }

// placeholder stands where a secret is put in later.
var placeholder = lazy(`(?i)^(?:\$(?-i:[A-Z_][A-Z0-9_]*|[a-z_]+)|\$\{[\w.]+\}|\$\{\{[^{}]*\}\}|\$\([^()]*\)|%\w+%|%(?:\(\w+\))?[a-z]|` +
	`\{\{?[^{}]*\}?\}|<[^<>]*>|\[[\w -]*\]|[*.…•]+|x{3,}|process\.env\S*|os\.\S+|env\.\w+|` +
	`redacted|masked|filtered|hidden|null|none|nil|undefined|true|false)$`)

// isPlaceholder reports whether a text stands where a secret would be put in.
func isPlaceholder(text string) bool {
	text = strings.Trim(text, " \t")
	return strings.HasPrefix(text, "[secret-") || placeholder().MatchString(text)
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

var authScheme = lazy(`(?i)^(?:bearer|basic|token|digest|negotiate|ntlm|api-?key|key|bot|hawk|oauth|dpop|jwt|sso-key|apikey|genie-?key|splunk|aws4-hmac-sha256|sharedkey\w*|sharedaccesssignature)\s+`)

// isCredentials reports whether the value of an Authorization header holds some:
// a scheme and what follows it, or one word that is no word.
func isCredentials(_, value string) bool {
	scheme := authScheme().FindString(value)
	rest := strings.TrimSpace(value[len(scheme):])
	word, more, several := strings.Cut(rest, " ")
	switch {
	case len(word) < 4 || isPlaceholder(word) || strings.ContainsAny(word[:1], "${<%+"):
		return false
	case scheme == "":
		return isRandom("", word) && strings.Trim(strings.ToLower(word), "abcdefghijklmnopqrstuvwxyz0123456789._~+/=:-") == "" &&
			!isCode().MatchString(word)
	}
	return !several || isRandom("", word) || len(word) >= 16 || strings.Contains(more, "=")
}

var hostAndPort = lazy(`^[^:]*:\d{1,5}(?:[/?#]|$)`)

// isUserInfo: "example.com:8080/a" before an @ is a host and a path.
func isUserInfo(_, info string) bool {
	return !hostAndPort().MatchString(info) && isUserPassword("", info)
}

// isQuoted: neither an expression, nor a word that says what goes there, nor
// the label of the field itself.
func isQuoted(name, secret string) bool {
	label := strings.TrimSpace(secret)
	lower := strings.ToLower(label)
	name = strings.ToLower(strings.TrimRight(name, "\"': =>[]`"))
	if lower == "" || strings.ContainsAny(label[:1], "+,;)") { // what stands between two strings
		return false
	}
	return (lower == label || !strings.HasSuffix(name, lower)) &&
		!isCode().MatchString(label) && !isTypeWord().MatchString(label)
}

var (
	// isCode matches expressions that a program would evaluate.
	isCode = lazy(`^[~!&*]?(?:[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+|[A-Za-z_$][\w$.]*[(\[].*|\$\{.*|\{\{.*|\$\w+|[a-z]+[A-Z]\w*)$`)
	isPath = lazy(`^(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\pL._-]+(?:[/\\][\pL._-]*)*$`)
	// isTypeWord matches what code and schemas say of a secret instead of it.
	isTypeWord = lazy(`(?i)^(?:string|str|text|varchar\w*|char|bool(?:ean)?|number|integer|int\d*|float|bytes?|object|any|unknown|optional|required|` +
		`hidden|password|secret|token|value|field|flag|option|name|type|file|path|here|null|none|nil|true|false|undefined|self|this|this\.\w+|` +
		`invalid|expired|include|omit|same-origin|missing|expected|empty|default|example|yes|no|env|auto|header|parameter|and|the|from|with|for|that)[!?.:]?$`)
)
