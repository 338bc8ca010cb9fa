package secrets

import (
	"path"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/plain"
)

// FileKind says what a file holds, by its name.
type FileKind int

// Kinds of files, from what may be shown to what never is.
const (
	Ordinary    FileKind = iota
	Credentials          // a store of passwords or keys: not for a tier off this machine
	Private              // a private key, or git's own data: for no model at all
)

func (k FileKind) String() string {
	switch k {
	case Credentials:
		return "a store of credentials"
	case Private:
		return "a private key or git's own data"
	}
	return "ordinary"
}

// KindOf names the kind of a file by its path, in any case, with either slash,
// and with what Windows ignores at the end of a name. Only names are looked at:
// the file need not exist.
func KindOf(file string) FileKind {
	kind := Ordinary
	parts := strings.Split(strings.ReplaceAll(plain.FoldName(file), `\`, "/"), "/")
	for i, part := range parts {
		part, _, _ = strings.Cut(part, ":") // an alternate data stream
		part = strings.TrimRight(part, ". ")
		parts[i] = part
		last := i == len(parts)-1
		switch {
		case part == ".git", part == "git~1", !last && privateDirs[part]:
			return Private
		case last && isPrivateName(part):
			return Private
		case !last && credentialDirs[part], last && isCredentialName(part):
			kind = Credentials
		}
	}
	whole := "/" + strings.Join(parts, "/")
	if slices.ContainsFunc(credentialPaths, func(p string) bool { return strings.HasSuffix(whole, "/"+p) }) {
		kind = Credentials
	}
	return kind
}

var (
	privateDirs    = map[string]bool{".ssh": true, ".gnupg": true}
	credentialDirs = map[string]bool{
		".aws": true, ".azure": true, ".kube": true, ".gcloud": true, ".password-store": true,
	}
	// keyNames are private keys; their public halves end in .pub.
	keyNames = []string{
		"id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "ssh_host_*_key", "secring.*",
	}
	keyExts = []string{".key", ".ppk", ".p8", ".pvk"}

	credentialNames = []string{
		".env*", "*.env", "env.local", ".netrc*", "_netrc", ".npmrc", ".yarnrc*", ".pypirc",
		".git-credentials", ".gitcookies",
		".dockercfg", ".dockerconfigjson", "kubeconfig*", ".htpasswd", "htpasswd", ".pgpass", "pgpass.conf",
		".my.cnf", ".mylogin.cnf", ".s3cfg", ".boto",
		".vault-token", ".vault_pass*", "*_history", ".terraformrc", "terraform.rc", "*.tfstate*", "*.tfvars",
		"*.tfvars.json",
		"credentials", "credentials.*", "credentials-*", "*-credentials.json", "*_credentials.json",
		"secrets.*", ".secrets*", "secret.*",
		"client_secret*", "service-account*.json", "service_account*.json", "*serviceaccount*.json",
		"application_default_credentials.json", ".databrickscfg", ".rclone.conf", "rclone.conf", "auth.json",
		"wp-config.php",
		"settings-security.xml", "passwords.*", "passwd", "shadow", "logins.json", "key4.db", ".sops.*",
		"*.agekey",
	}
	credentialExts = []string{
		".pem", ".pfx", ".p12", ".jks", ".keystore", ".kdbx", ".kdb", ".ovpn", ".keytab", ".gpg", ".pgp",
		".asc",
	}
	// credentialPaths end in more than a name.
	credentialPaths = []string{
		".docker/config.json", ".config/gh/hosts.yml", ".cargo/credentials.toml", ".gem/credentials",
		".m2/settings.xml", ".composer/auth.json", "gcloud/credentials.db", ".config/hub",
	}
)

func isPrivateName(name string) bool {
	if strings.HasSuffix(name, ".pub") {
		return false
	}
	return matchesAny(name, keyNames) || slices.Contains(keyExts, path.Ext(name))
}

func isCredentialName(name string) bool {
	ext := path.Ext(name)
	stores := []string{"secrets", "secret", "credentials", "passwords"}
	if slices.Contains(stores, strings.TrimSuffix(name, ext)) && slices.Contains(sourceExts, ext) {
		return false // secrets.go is a program about secrets
	}
	return matchesAny(name, credentialNames) || slices.Contains(credentialExts, ext)
}

var sourceExts = strings.Fields(`.go .rs .py .js .mjs .cjs .jsx .ts .tsx .java .kt .kts .scala .swift .c .h .cc .cpp
	.hpp .cs .rb .ex .exs .erl .hs .ml .php .lua .vue .svelte .css .html .md .rst`)

func matchesAny(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name) // the patterns are constants, and well formed
		return ok
	})
}
