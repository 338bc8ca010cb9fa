package project

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// originURL finds the first address of the remote origin in a git configuration,
// "" where there is none. Files that it includes are not read.
func originURL(config string) string {
	inOrigin := false
	for line := range strings.SplitSeq(config, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			head, rest, closed := strings.Cut(line[1:], "]")
			section, name, _ := strings.Cut(strings.TrimSpace(head), " ")
			inOrigin = closed && strings.EqualFold(section, "remote") && strings.TrimSpace(name) == `"origin"`
			line = strings.TrimSpace(rest)
		}
		key, value, found := strings.Cut(line, "=")
		if inOrigin && found && strings.EqualFold(strings.TrimSpace(key), "url") {
			return configValue(value)
		}
	}
	return ""
}

// configValue takes off comments and quotes. An address has no escapes.
func configValue(text string) string {
	text = strings.TrimSpace(text)
	if inside, quoted := strings.CutPrefix(text, `"`); quoted {
		inside, _, _ = strings.Cut(inside, `"`)
		return inside
	}
	if i := strings.IndexAny(text, "#;"); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSpace(text)
}

// defaultPorts are left out of a name.
var defaultPorts = map[string]string{"ssh": "22", "https": "443", "http": "80", "git": "9418"}

// normalize makes the same name of every way to write one repository's address:
// host and path, without credentials, scheme, default port and .git.
func normalize(address string) (string, error) {
	scheme, host, repo, ok := splitAddress(address)
	if !ok {
		return "", ErrNoRemote
	}
	name, port, _ := strings.Cut(host, ":")
	if strings.HasPrefix(host, "[") { // IPv6
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return "", ErrNoRemote
		}
		name, port = host[:end+1], strings.TrimPrefix(host[end+1:], ":")
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if !isHost(name) || strings.ContainsFunc(port, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", ErrNoRemote
	}
	if port != "" && port != defaultPorts[scheme] {
		name += ":" + port
	}
	repo = strings.TrimSuffix(path.Clean("/"+repo), ".git")
	if repo == "/" || strings.HasSuffix(repo, "/") {
		return "", ErrNoRemote
	}
	full := name + repo
	if len(full) > maxName || !utf8.ValidString(full) ||
		strings.ContainsFunc(full, func(r rune) bool { return unprintable(r) || unicode.IsSpace(r) }) {
		return "", fmt.Errorf("its address cannot be a name: %w", ErrNoRemote)
	}
	return full, nil
}

// isHost reports whether a name can be a host's.
func isHost(name string) bool {
	if inside, ok := strings.CutPrefix(name, "["); ok {
		inside, ok = strings.CutSuffix(inside, "]")
		return ok && net.ParseIP(inside) != nil
	}
	legal := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-._", r) }
	return name != "" && name[0] != '.' && name[0] != '-' && !strings.Contains(name, "..") &&
		!strings.ContainsFunc(name, func(r rune) bool { return !legal(r) })
}

// splitAddress reads scheme://[user@]host[:port]/path and [user@]host:path. A
// path of this machine is no address.
func splitAddress(address string) (scheme, host, repo string, ok bool) {
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return "", "", "", false
		}
		scheme = strings.TrimPrefix(strings.ToLower(u.Scheme), "git+")
		_, known := defaultPorts[scheme]
		return scheme, u.Host, u.Path, known
	}
	host, repo, found := strings.Cut(address, ":")
	if !found || strings.ContainsAny(host, `/\`) || len(host) < 2 {
		return "", "", "", false // a path, or a drive
	}
	if strings.Contains(host, "[") { // user@[::1]:path
		i := strings.Index(address, "]:")
		if i < 0 {
			return "", "", "", false
		}
		host, repo = address[:i+1], address[i+2:]
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	return "ssh", host, repo, host != ""
}
