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
	// ok judges a match by what it has before the secret; nil = always.
	ok func(before, secret string) bool
}

// own makes a rule. Its expression is compiled when it is first used.
func own(kind string, ok func(before, secret string) bool, expression string, keywords ...string) *ownRule {
	return &ownRule{kind: kind, keywords: keywords, regex: lazy.Regexp(expression), ok: ok}
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

// nameWords are in lower case; one is in each line that names a secret.
var nameWords = []string{
	"pass", "pw", "psk", "secret", "token", "key", "_auth", "connection", "kennwort", "contrase", "senha", "mnemonic",
	"seed", "sess",
	"connect.sid",
}

// ownRules look at whole texts; each is compiled at the first of its keywords.
var ownRules = sync.OnceValue(func() []*ownRule {
	return slices.Concat(tokenRules(), headerRules(), shellRules(), addressRules())
})

func headerRules() []*ownRule {
	return []*ownRule{
		own("authorization", isCredentials,
			`(?i)\bauthorization["']?\s*[:=,]\s*`+quote+`?([^"'`+tick+`\r\n]{6,})`, "authorization"),
		own("authorization", isRandom, `(?i)\bbearer\s+([\w.~+/=-]{8,})`, "bearer"),
		own("authorization", isBasic, `(?i)\bbasic\s+([A-Za-z0-9+/]{8,}={0,2})`, "basic"),
		own("cookie", nil,
			`(?i)\b(?:set-)?cookie2?["']?\s*:\s*`+quote+`?([^\s=;,"'`+tick+`]+=[^"'`+tick+`\r\n]+)`, "cookie"),
	}
}

func shellRules() []*ownRule {
	const login = `(?:mysql\w*|mariadb\w*|sshpass|(?:docker|podman|helm)[ \w]* login)`
	return []*ownRule{
		own("cookie", nil, `\bcurl`+command+`(?:-b|--cookie)[ =]*["']?([^\s"']+=[^"'\r\n]+)`, "curl"),
		own("user-password", isUserPassword,
			`\b(?:curl|wget|https?|xh)`+command+`(?:-[uUa]|--user|--proxy-user|--auth)\s*=?\s*`+
				`(?:"([^"\r\n:]*:[^"\r\n]+)"|'([^'\r\n:]*:[^'\r\n]+)'|([^\s"':]*:[^\s"']+))`,
			"-u", "-a", "--user", "--proxy-user"),
		own("password", nil,
			`\b(?:`+login+command+`-p|redis-cli`+command+`-a|ldap\w+`+command+`-w|smbclient`+command+`-U)\s?`+word,
			"mysql", "mariadb", "sshpass", "redis-cli", "login", "ldap", "smbclient"),
		own("password", nil, `\blogin\s+\S+\s+password\s+(\S+)`, "login"), // .netrc
		own("password-hash", nil,
			`(\$(?:apr1|2[abxy]|[156y]|sha1|argon2\w*|scrypt|pbkdf2[\w-]*)\$[\w./$,=+-]{12,})`, "$"),
		// SQL
		own("password", nil, `(?i)\b(?:identified\s+by|password)\s+'([^'\r\n]{3,})'`, "identified", "password"),
		// an old .npmrc
		own("password", nil, `(?m)(?:^|[\s:])_(?:auth|password)\s*=\s*["']?([^\s"']{4,})`, "_auth", "_password"),
		own("password", isRandom,
			`(?i)\b(?:password|passwd|passphrase)\s+(?:is|was)\s+`+quote+`?([^\s"'`+tick+`,;]{6,})`, "passw", "passphrase"),
	}
}

func addressRules() []*ownRule {
	const setting = `\b(?:pwd|password|accountkey|sharedaccesskey|sharedsecret)\s*=\s*` +
		`(?:"([^"\r\n]+)"|'([^'\r\n]+)'|([^;"'\r\n]+))`
	return []*ownRule{
		own("webhook", nil,
			`(?i)https://(hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/`+inURL+
				`|(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]+|`+
				`[\w.-]+\.webhook\.office\.com/`+inURL+
				`|chat\.googleapis\.com/v1/spaces/`+inURL+`|hooks\.zapier\.com/hooks/`+inURL+`)`,
			"hook", "chat.goo"),
		own("password-in-url", isUserInfo,
			`(?i)\b[a-z][a-z0-9+.-]*://(`+userName+`*:[^\s"'<>`+tick+`]+)@`, "://"),
		own("password-in-url", nil, `\bjdbc:oracle:\w+:([^\s/@]+/[^\s@]+)@`, "jdbc:"),
		own("token-in-url", isRandom, `(?i)\bhttps?://(`+userName+`{16,}):?@`, "://"),
		own("signed-url", nil,
			`(?i)[?&;](?:sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature|`+
				`[\w-]*(?:token|password|passwd|pwd|secret|api[_-]?key))=([^&\s"'#<>;]{4,})`,
			"sig", "token", "pass", "pwd", "secret", "key"),
		own("connection-string", nil, `(?i)`+setting+`;`, ";"),
		own("connection-string", nil, `(?i);\s*`+setting, ";"),
	}
}

// namedRules look only at lines with one of nameWords, and those that follow.
var namedRules = sync.OnceValue(func() []*ownRule {
	return []*ownRule{
		own("password", isQuoted, `(?i)<[\w.:-]*`+names+`(?:\s[^<>]*)?>([^<\r\n]{3,})</`),
		// name: DB_PASSWORD, value: x
		own("password", isQuoted, `(?i)(?:key|name)\s*[:=]\s*["']?[\w.:-]*`+names+
			`["']?,?\s+["']?value["']?\s*[:=]\s*["']?([^\s"']{3,})`),
		own("password", isQuoted, `(?i)(?:^|\s)--?[\w-]*`+names+`[ =]+`+word),
		own("password", isQuoted, `(?i)`+names+`\\*`+quote+`?\]?\s*(?::=|=>|[:=])\s*[bru]?`+quoted),
		own("password", isArgument, `(?i)["'][\w-]*`+names+`["']\s*,\s*`+quoted), // Setenv("TOKEN", "x")
		// YAML, on the next line
		own("password", isQuoted, `(?i)`+names+`["']?:[ \t]*[|>][+-]?[ \t]*\n[ \t]+(\S[^\r\n]*)`),
		// a sentence or a command
		own("password", isMixed,
			`(?i)`+names+`\s+(?:is\s+|was\s+)?`+quote+`?([A-Za-z0-9+/=~-]{12,})(?:[\s"'`+tick+`.,;)]|$)`),
	}
})

// assigned finds values without quotes: name, separator, value.
var assigned = lazy.Regexp(`(?i)([\w.-]*` + names + `)["']?([ \t]*(?:=>|[:=]|%3d)[ \t]*)` +
	`([^\s"'` + tick + `=,;(){}\[\]&|<>\\][^\s"'` + tick + `,;(){}\[\]&|<>]{2,})`)
