package secrets

import (
	"regexp"
	"slices"
	"sync"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// ownRule completes gitleaks' rules: what people paste from shells, headers and
// connection strings has no random part to go by.
type ownRule struct {
	kind     string
	keywords []string // lower case; one of them is in every text with a match
	// regex has the secret in its groups; a group that is empty has none.
	regex func() *regexp.Regexp
	// ok reports whether a match is a secret, by what the match has before it;
	// nil = always.
	ok func(before, secret string) bool
}

// find appends the secrets in a text, whose first byte is at offset.
func (r *ownRule) find(text string, offset int, found []span) []span {
	for _, at := range r.regex().FindAllStringSubmatchIndex(text, -1) {
		for g := 2; g+1 < len(at); g += 2 {
			if at[g] < 0 || at[g] == at[g+1] {
				continue
			}
			secret := text[at[g]:at[g+1]]
			if isPlaceholder(secret) || r.ok != nil && !r.ok(text[at[0]:at[g]], secret) {
				continue
			}
			found = append(found, span{offset + at[g], offset + at[g+1], r.kind})
		}
	}
	return found
}

// Parts of the expressions. A raw string cannot contain a backtick.
const (
	tick = "`"
	// quote opens or closes a string in most languages.
	quote = `["'` + tick + `]`
	// quoted is a string with its text in a group, also as JSON within JSON has it.
	quoted = `(?:\\+"([^"\\\r\n]{3,})\\+"|"((?:[^"\\\r\n]|\\.){3,})"|'((?:[^'\\\r\n]|\\.){3,})'|` +
		tick + `([^` + tick + `\r\n]{3,})` + tick + `)`
	// word is an argument in a shell.
	word = `(?:"([^"\r\n]+)"|'([^'\r\n]+)'|([^\s"'-][^\s"']*))`
	// command is the rest of a shell command, over lines that it continues on.
	command = `\b(?:[^\n]|\\\r?\n)*?\s`
	// inURL is what a URL in running text consists of.
	inURL = `[^\s"'<>` + tick + `)]+`
	// userName is what is before a colon or an @ in a URL.
	userName = `[^\s/:@?#"'<>` + tick + `]`
)

// names end what is called a secret in code, configuration and headers.
const names = `(?:(?:\b|[_\d])pass|(?-i:[a-z]Pass)|(?:\b|_)pw|pass(?:word|wd|phrase|code|wort)|` +
	`kennwort|contrase(?:ñ|n)a|senha|` +
	`mot[_ ]de[_ ]passe|pwd|secret|token|mnemonic|seed[_-]?phrase|(?:\b|_)psk|connection[_-]?string|phpsessid|` +
	`jsessionid|connect\.sid|` +
	`(?:api|app|access|account|auth|private|secret|signing|encryption|subscription|shared|master|` +
	`storage|license|deploy|service)` +
	`[_.-]?key|secret[_.-]?(?:access[_.-]?)?key(?:[_-]?base)?|\b_auth)`

// nameWords are in lower case; one of them is in each line that names a
// secret.
var nameWords = []string{
	"pass", "pw", "psk", "secret", "token", "key", "_auth", "connection", "kennwort", "contrase", "senha", "mnemonic",
	"seed", "sess",
	"connect.sid",
}

// ownRules look at whole texts. Each is compiled when a text first has a
// keyword of it.
var ownRules = sync.OnceValue(func() []*ownRule {
	return slices.Concat(tokenRules(), headerRules(), shellRules(), addressRules())
})

func headerRules() []*ownRule {
	return []*ownRule{
		{
			"authorization",
			[]string{"authorization"},
			lazy.Regexp(`(?i)\bauthorization["']?\s*[:=,]\s*` + quote + `?([^"'` + tick + `\r\n]{6,})`),
			isCredentials,
		},
		{"authorization", []string{"bearer"}, lazy.Regexp(`(?i)\bbearer\s+([\w.~+/=-]{8,})`), isRandom},
		{"authorization", []string{"basic"}, lazy.Regexp(`(?i)\bbasic\s+([A-Za-z0-9+/]{8,}={0,2})`), isBasic},
		{
			"cookie",
			[]string{"cookie"},
			lazy.Regexp(`(?i)\b(?:set-)` +
				`?cookie2?["']?\s*:\s*` + quote + `?([^\s=;,"'` + tick + `]+=[^"'` + tick + `\r\n]+)`),
			nil,
		},
	}
}

func shellRules() []*ownRule {
	const login = `(?:mysql\w*|mariadb\w*|sshpass|(?:docker|podman|helm)[ \w]* login)`
	return []*ownRule{
		{"cookie", []string{"curl"}, lazy.Regexp(`\bcurl` + command + `(?:-b|` +
			`--cookie)[ =]*["']?([^\s"']+=[^"'\r\n]+)`), nil},
		{
			"user-password",
			[]string{"-u", "-a", "--user", "--proxy-user"},
			lazy.Regexp(`\b(?:curl|wget|https?|xh)` + command + `(?:-[uUa]|--user|--proxy-user|--auth)\s*=?\s*` +
				`(?:"([^"\r\n:]*:[^"\r\n]+)"|'([^'\r\n:]*:[^'\r\n]+)'|([^\s"':]*:[^\s"']+))`),
			isUserPassword,
		},
		{
			"password",
			[]string{"mysql", "mariadb", "sshpass", "redis-cli", "login", "ldap", "smbclient"},
			lazy.Regexp(`\b(?:` + login + command + `-p|redis-cli` + command + `-a|ldap\w+` + command + `-w|` +
				`smbclient` + command + `-U)\s?` + word),
			nil,
		},
		{"password", []string{"login"}, lazy.Regexp(`\blogin\s+\S+\s+password\s+(\S+)`), nil}, // .netrc
		{
			"password-hash",
			[]string{"$"},
			lazy.Regexp(`(\$(?:apr1|2[abxy]|[156y]|sha1|argon2\w*|scrypt|pbkdf2[\w-]*)\$[\w./$,=+-]{12,})`),
			nil,
		},
		{
			"password", // of SQL
			[]string{"identified", "password"},
			lazy.Regexp(`(?i)\b(?:identified\s+by|password)\s+'([^'\r\n]{3,})'`),
			nil,
		},
		{
			"password", // of an old .npmrc
			[]string{"_auth", "_password"},
			lazy.Regexp(`(?m)(?:^|[\s:])_(?:auth|password)\s*=\s*["']?([^\s"']{4,})`),
			nil,
		},
		{
			"password",
			[]string{"passw", "passphrase"},
			lazy.Regexp(`(?i)\b(?:password|passwd|passphrase)\s+(?:is|` +
				`was)\s+` + quote + `?([^\s"'` + tick + `,;]{6,})`),
			isRandom,
		},
	}
}

func addressRules() []*ownRule {
	const setting = `\b(?:pwd|password|accountkey|sharedaccesskey|sharedsecret)\s*=\s*` +
		`(?:"([^"\r\n]+)"|'([^'\r\n]+)'|([^;"'\r\n]+))`
	return []*ownRule{
		{
			"webhook",
			[]string{"hook", "chat.goo"},
			lazy.Regexp(`(?i)https://(hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/` + inURL +
				`|(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]+|` +
				`[\w.-]+\.webhook\.office\.com/` + inURL +
				`|chat\.googleapis\.com/v1/spaces/` + inURL + `|hooks\.zapier\.com/hooks/` + inURL + `)`),
			nil,
		},
		{
			"password-in-url",
			[]string{"://"},
			lazy.Regexp(`(?i)\b[a-z][a-z0-9+.-]*://(` + userName + `*:[^\s"'<>` + tick + `]+)@`),
			isUserInfo,
		},
		{"password-in-url", []string{"jdbc:"}, lazy.Regexp(`\bjdbc:oracle:\w+:([^\s/@]+/[^\s@]+)@`), nil},
		{"token-in-url", []string{"://"}, lazy.Regexp(`(?i)\bhttps?://(` + userName + `{16,}):?@`), isRandom},
		{
			"signed-url",
			[]string{"sig", "token", "pass", "pwd", "secret", "key"},
			lazy.Regexp(`(?i)[?&;](?:sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature|` +
				`[\w-]*(?:token|password|passwd|pwd|secret|api[_-]?key))=([^&\s"'#<>;]{4,})`),
			nil,
		},
		{"connection-string", []string{";"}, lazy.Regexp(`(?i)` + setting + `;`), nil},
		{"connection-string", []string{";"}, lazy.Regexp(`(?i);\s*` + setting), nil},
	}
}

// namedRules look only at lines with one of nameWords, and those that follow.
var namedRules = sync.OnceValue(func() []*ownRule {
	return []*ownRule{
		{"password", nil, lazy.Regexp(`(?i)<[\w.:-]*` + names + `(?:\s[^<>]*)?>([^<\r\n]{3,})</`), isQuoted},
		{
			"password", // name: DB_PASSWORD, value: x
			nil,
			lazy.Regexp(`(?i)(?:key|name)` +
				`\s*[:=]\s*["']?[\w.:-]*` + names + `["']?,?\s+["']?value["']?\s*[:=]\s*["']?([^\s"']{3,})`),
			isQuoted,
		},
		{"password", nil, lazy.Regexp(`(?i)(?:^|\s)--?[\w-]*` + names + `[ =]+` + word), isQuoted},
		{
			"password",
			nil,
			lazy.Regexp(`(?i)` + names + `\\*` + quote + `?\]?\s*(?::=|=>|[:=])\s*[bru]?` + quoted),
			isQuoted,
		},
		{"password", nil, lazy.Regexp(`(?i)["'][\w-]*` + names + `["']\s*,\s*` + quoted), isArgument}, // Setenv("TOKEN", "x")
		{
			"password", // of YAML, on the next line
			nil,
			lazy.Regexp(`(?i)` + names + `["']?:[ \t]*[|>][+-]?[ \t]*\n[ \t]+(\S[^\r\n]*)`),
			isQuoted,
		},
		{
			"password", // in a sentence or a command
			nil,
			lazy.Regexp(`(?i)` + names + `\s+(?:is\s+|was\s+)?` + quote + `?([A-Za-z0-9+/=~-]{12,})(?:[\s"'` + tick + `.,;)]|$)`),
			isMixed,
		},
	}
})

// assigned finds values without quotes: name, separator, value.
var assigned = lazy.Regexp(`(?i)([\w.-]*` + names + `)["']?([ \t]*(?:=>|[:=]|%3d)[ \t]*)` +
	`([^\s"'` + tick + `=,;(){}\[\]&|<>\\][^\s"'` + tick + `,;(){}\[\]&|<>]{2,})`)
