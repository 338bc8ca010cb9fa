package secrets

import (
	"cmp"
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/internal/plain"
)

// Address returns a database's address as scheme, host and database, nothing
// else: "postgres://db.example:5432/app". It takes URLs, whatever their
// password holds, and libpq's "host=db password=x". Where it does not know what
// is the host, it shows the scheme alone. A text that is neither, such as a
// path, is returned as one line.
func Address(state string) string {
	state = strings.TrimSpace(state)
	if scheme, rest, found := strings.Cut(state, "://"); found {
		scheme = strings.ToLower(scheme)
		if !schemeName().MatchString(scheme) {
			return hiddenAddress
		}
		if at, ok := hostAndDatabase(rest); ok {
			return scheme + "://" + plain.Line(at)
		}
		return scheme + "://" + hiddenAddress
	}
	if pairs := dsnPair().FindAllStringSubmatch(state, -1); pairs != nil {
		return dsnAddress(pairs)
	}
	if schemeStart().MatchString(state) {
		return hiddenAddress
	}
	return plain.Line(state)
}

// WithoutAddress returns an error's text with the address in it as Address
// shows it, in one line, without what is before an @ and other secrets.
func WithoutAddress(text, state string) string {
	if state != "" {
		text = strings.ReplaceAll(text, state, Address(state))
	}
	text = userDatabase().ReplaceAllLiteralString(text, Address(state))
	text = beforeAt().ReplaceAllLiteralString(text, "")
	text, _ = Mask(text)
	return plain.Line(strings.Join(strings.Fields(text), " "))
}

// hiddenAddress replaces what may be a password.
const hiddenAddress = "(address not shown: it cannot be read without doubt)"

const hosts = `(?:[\w.%-]*|\[[0-9A-Fa-f:.%]+\])(?::\d{0,5})?`

var (
	schemeName   = lazy.Regexp(`^[a-z][a-z0-9+.-]{0,30}$`)
	schemeStart  = lazy.Regexp(`(?i)^(?:postgres(?:ql)?|mysql|mongodb|redis):`)
	whereAfterAt = lazy.Regexp(`^(` + hosts + `(?:,` + hosts + `)*)(/[^/?#@]*)?(?:[?#].*)?$`)
	// beforeAt may be a part of a password: a driver may take its end for the host.
	beforeAt     = lazy.Regexp(`[^\s"'(,` + tick + `]*@`)
	userDatabase = lazy.Regexp("`(?:host|user|database)=[^`]*`")
	dsnPair      = lazy.Regexp(`(?i)(?:^|\s)(host|hostaddr|port|dbname|database|user|password|passfile|` +
		`sslmode|service|connect_timeout|application_name)\s*=\s*` +
		`('(?:[^'\\]|\\.)*'?|\S*)`)
)

// hostAndDatabase finds the host in what follows a scheme. A raw password may
// hold any character, so that only the last @ can end it; one behind a question
// mark may as well be of a parameter, and decides nothing.
func hostAndDatabase(rest string) (string, bool) {
	if mark := strings.IndexByte(rest, '?'); mark >= 0 && strings.Contains(rest[mark:], "@") {
		return "", false
	}
	m := whereAfterAt().FindStringSubmatch(rest[strings.LastIndexByte(rest, '@')+1:])
	if m == nil {
		return "", false
	}
	return m[1] + m[2], true
}

func dsnAddress(pairs [][]string) string {
	values := map[string]string{}
	for _, p := range pairs {
		values[strings.ToLower(p[1])] = strings.Trim(p[2], "'")
	}
	host, database := cmp.Or(values["host"], values["hostaddr"]), cmp.Or(values["dbname"], values["database"])
	if port := values["port"]; port != "" {
		host += ":" + port
	}
	if !dsnName().MatchString(host + "/" + database) {
		return "postgres://" + hiddenAddress
	}
	return "postgres://" + host + "/" + database
}

var dsnName = lazy.Regexp(`^[\w./:,%\[\]-]*$`)
