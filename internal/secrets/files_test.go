package secrets

import (
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit"
)

func TestKindOf(t *testing.T) {
	for kind, files := range map[FileKind][]string{
		Private: {".git/config", "sub/.git/HEAD", ".GIT/config", `.git\hooks\pre-commit`, ".git", ".git./config", ".git /config", "git~1/config",
			".git::$INDEX_ALLOCATION/config", "keys/id_rsa", "id_ed25519", "ID_RSA.bak", "tls/server.key", "a.ppk", ".ssh/config", ".gnupg/trustdb.gpg",
			"id_r\u017fa", ".\u017fsh/config", ".\u00dfh/x", "server.\u212aey"},
		Credentials: {".env", ".env.local", "app/.ENV", ".envrc", "prod.env", ".netrc", ".npmrc", ".pypirc", "kubeconfig", "deploy/kubeconfig.yaml",
			".aws/credentials", ".aws/config", "tls/cert.pem", "a.pfx", "vault.kdbx", "terraform.tfstate", "terraform.tfstate.backup", "prod.tfvars",
			"credentials.json", "secrets.yaml", "config/credentials.yml.enc", ".docker/config.json", ".git-credentials", ".bash_history",
			"client_secret_123.json", "wp-config.php", ".pgpass", "service-account-x.json", `a\.env`, ".env.", ".env::$DATA"},
		Ordinary: {"main.go", "id_rsa.pub", "environment.ts", "src/env.go", "git/config", ".gitignore", ".github/workflows/ci.yml", "keys.go",
			"secrets.go", "internal/secrets/secrets.go", "tools/credentials.md", "config.json", "package-lock.json", "monkey.go", "", "/"},
	} {
		for _, file := range files {
			if got := KindOf(file); got != kind {
				t.Errorf("%q: got %s, want %s", file, got, kind)
			}
		}
	}
}

func TestMaskKeys_OnlyKeys(t *testing.T) {
	text := "const password = \"hunter2hunter2\"\n" + key + "\nend"
	got, found := MaskKeys(text)
	if !found || strings.Contains(got, "MIIE") || !strings.Contains(got, "hunter2hunter2") || !strings.HasSuffix(got, "\nend") {
		t.Errorf("got %q", got)
	}
	if got, found := MaskKeys("no key"); found || got != "no key" {
		t.Errorf("got %q, %t", got, found)
	}
}

// A text that is made to take long, with each rule's keywords on one line, is
// scanned within a bound that no machine under load misses, and one over
// MaxBytes not at all.
func TestMask_HostileLength(t *testing.T) {
	text := hostile(1)
	start := time.Now()
	Mask(text)
	if took := time.Since(start); took > 2*time.Minute {
		t.Errorf("%d bytes took %s", len(text), took)
	}
	if got, kinds := Mask(strings.Repeat("x", MaxBytes+1)); got != "[secret-too-long-to-scan]" || len(kinds) != 1 {
		t.Errorf("got %.40q %v", got, kinds)
	}
}

// hostile is one line that has the keywords of all rules n times.
func hostile(n int) string {
	var words []string
	for _, r := range rules().Rules {
		words = append(words, r.Keywords...)
	}
	return strings.Repeat(strings.Join(words, ` = "a1b2c3d4e5f6a7b8c9d0" `), n)
}

// Eight times the text takes no more than twice eight times as long.
func TestMeasureMask_HostileLength(t *testing.T) {
	testkit.Measure(t)
	Mask(hostile(1)) // compiles the rules
	took := func(n int) time.Duration {
		start := time.Now()
		Mask(hostile(n))
		return time.Since(start)
	}
	one, eight := took(1), took(8)
	t.Logf("%d bytes: %s; eight times that: %s", len(hostile(1)), one, eight)
	if eight > 16*one {
		t.Errorf("%s for eight times what takes %s", eight, one)
	}
}

// Keys without an end do not each look through all that follows.
func TestMaskKeys_ManyBegun(t *testing.T) {
	text := strings.Repeat("-----BEGIN PRIVATE KEY-----\n", MaxBytes/28) + "\n\nend"
	start := time.Now()
	got, found := MaskKeys(text)
	if took := time.Since(start); took > 2*time.Minute {
		t.Errorf("took %s", took)
	}
	if !found || strings.Contains(got, "BEGIN") || !strings.HasSuffix(got, "\n\nend") {
		t.Errorf("got %t, %d bytes", found, len(got))
	}
}

func FuzzMask(f *testing.F) {
	for _, c := range cases {
		f.Add(c.text)
	}
	for _, text := range innocent {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, kinds := Mask(text)
		if len(kinds) == 0 && got != Visible(text) {
			t.Errorf("changed without a kind: %q became %q", text, got)
		}
		if len(got) > len(text)*20+100 {
			t.Errorf("%d bytes became %d", len(text), len(got))
		}
	})
}
