package secrets

import (
	"slices"
	"strings"
	"testing"
)

// key is a private key that opens nothing.
const key = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n" +
	"MIIEowIBAAKCAQEAvRz3yX0p\nq8Zt4r1mNn\n-----END RSA PRIVATE KEY-----"

// cases are texts with a secret in them: text, the secret, its kind. The
// secrets are made up, and split here so that no scanner takes this file for a
// leak.
var cases = []struct{ name, text, secret, kind string }{
	{"cookie header", "> Cookie: theme=dark; session=s3ss10nvalue", "s3ss10nvalue", "cookie"},
	{"set-cookie header", "< set-cookie: sid=9f86d081884c; Path=/; HttpOnly", "9f86d081884c", "cookie"},
	{"curl user", "curl -sS -u deploy:hunter2hunter2 https://ci.example/job", "hunter2hunter2", "user-password"},
	{"AWS temporary key", "AWS_ACCESS_KEY_ID=ASIA" + "IOSFODNN7EXAMPLE", "ASIA" + "IOSFODNN7EXAMPLE", "token"},
	{"AWS session token", "export AWS_SESSION_TOKEN=IQoJb3JpZ2lu" + "X2VjEOr//////////wEaCXVz", "X2VjEOr", "token"},
	{"AWS secret key", `"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"`, "wJalrXUtnFEMI", "password"},
	{"pwd", "sqlcmd: Server=db;Database=app;pwd=Tr0ub4dor&3;Encrypt=yes", "Tr0ub4dor&3", "connection-string"},
	{"PyPI", "twine: pypi" + "-AgEIcHlwaS5vcmcCJDU3ZTE4", "AgEIcHlwaS5vcmcCJDU3ZTE4", "token"},
	{"SendGrid", "SG" + ".ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr", "ngeVfQFYQlKU0ufo8x5d1A", "token"},
	{"GitLab runner", "gitlab-runner register --token glrt" + "-t1_abcdefghij0123456789", "t1_abcdefghij0123456789", "token"},
	{"GitLab runner, old", "registration GR1348941" + "abcdefghij0123456789", "abcdefghij0123456789", "token"},
	{"password in a URL", "git clone https://bob:s3cr3tpw@git.example/app", "s3cr3tpw", "password-in-url"},
	{"raw @ in a URL's password", "postgres://app:p@ss@w0rd@db.example/prod", "ss@w0rd", "password-in-url"},
	{"split by colour", "token ghp" + "_abcde\x1b[31mfghijklmnop\x1b[0mqrstuvwxyz012345", "qrstuvwxyz012345", "token"},
	{"several words", `passphrase = "correct horse battery staple"`, "battery", "password"},
	{"authorization token", "Authorization: token 0123456789abcdef", "0123456789abcdef", "authorization"},
	{"Slack webhook", "https://hooks.slack.com/" + "services/T00000000/B00000000/XXXXXXXXXXXX", "B00000000", "webhook"},
	{"signature", "GET https://acct.blob.core.windows.net/c/b?sv=2022&sig=Zk3%2Fabc%3D", "Zk3", "signed-url"},
	{"private key", "the key is\n" + key + "\nand more", "MIIEowIBAAKCAQEAvRz3yX0p", "private-key"},

	{"password parameter", "psql 'postgres://db.example/app?user=a&password=hunter2x'", "hunter2x", "signed-url"},
	{"key=value DSN", "host=db user=app password=hunter2x dbname=prod", "hunter2x", "password"},
	{"quoted DSN", "host=db user=app password='two words' dbname=prod", "two words", "password"},
	{"several lines of curl", "curl https://x.example \\\n  -H 'Accept: */*' \\\n  --user 'bob:two words'", "two words", "curl-auth-user"},
	{"curl cookie", "curl -b 'sid=0123abcd' https://x.example", "0123abcd", "cookie"},
	{"key cut off", "-----BEGIN PRIVATE KEY-----\nMIIEvQ and it was cut", "MIIEvQ", "private-key"},
	{"key in JSON", `"private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvAIBADANBgkq\n-----END PRIVATE KEY-----\n"`, "MIIEvAIBADANBgkq", "password"},
	{"PuTTY key", "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nAAAAIBfakefakefake\nPrivate-MAC: 00ff", "AAAAIBfakefakefake", "private-key"},
	{"netrc", "machine api.example login bob password hunter2x", "hunter2x", "password"},
	{"npmrc", "//registry.npmjs.org/:_authToken=0a1b2c3d-aaaa", "0a1b2c3d-aaaa", "password"},
	{"environment", "DB_PASSWORD=hunter2hunter2", "hunter2hunter2", "password"},
	{"letters alone", "export DB_PASSWORD=correcthorse", "correcthorse", "password"},
	{"YAML", "db:\n  password: correcthorse\n", "correcthorse", "password"},
	{"Kubernetes variable", "- name: DB_PASSWORD\n  value: hunter2x", "hunter2x", "password"},
	{"XML", "<server><password>hunter2x</password></server>", "hunter2x", "password"},
	{"app setting", `<add key="ApiToken" value="0123abcd"/>`, "0123abcd", "password"},
	{"flag", "deploy --api-token 0123abcdef", "0123abcdef", "password"},
	{"mysql", "mysqldump -u root -pS3cret app", "S3cret", "password"},
	{"docker login", "docker login -u bob -p S3cret4 r.example", "S3cret4", "password"},
	{"redis-cli", "redis-cli -p 6379 -a S3cret4 ping", "S3cret4", "password"},
	{"basic authorization in code", `h.Set("Authorization", "Basic dXNlcjpwYXNz")`, "dXNlcjpwYXNz", "authorization"},
	{"token as a user", "git push https://0123456789abcdef0123@github.com/a/b", "0123456789abcdef0123", "token-in-url"},
	{"JWT", "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", "eyJzdWIiOiIxMjM0In0", "jwt"},
	{"bcrypt", "admin:$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", "R9h/cIPz0gi", "password-hash"},
	{"split by a zero-width space", "DB_PASSWORD=hunter\u200b2hunter2", "2hunter2", "password"},
	{"split by a hyperlink", "sk-ant-\x1b]8;;https://x\x1b\\api03-abcDEF_123", "abcDEF_123", "token"},
	{"prose", "the password is hunter2hunter", "hunter2hunter", "password"},
	{"JSON", `{"api_key": "0123456789abcdef"}`, "0123456789abcdef", "password"},
	{"Azure", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abcdefghij0123456789==;", "abcdefghij", "connection-string"},
	{"a word for one", "password=supersecret", "supersecret", "password"},
	{"a word for one in an environment", "DB_PASSWORD=my_secret", "my_secret", "password"},
	{"INI", "[db]\npassword = correcthorse\n", "correcthorse", "password"},
	{"bearer without a header", "-H 'X-Auth: Bearer abc123def456'", "abc123def456", "authorization"},
	{"basic without a header", "proxy: Basic Ym9iOmh1bnRlcjI=", "Ym9iOmh1bnRlcjI", "authorization"},
	{"JSON in a log line", `body="{\"user\":\"bob\",\"password\":\"correct horse\",\"id\":1}"`, "correct horse", "password"},
	{"YAML block", "password: |\n  correct horse battery\n", "correct horse", "password"},
	{"set in code", `os.Setenv("API_TOKEN", "abc123def")`, "abc123def", "password"},
	{"percent-encoded", "next=%2F&password%3Dhunter2x", "hunter2x", "password"},
	{"Oracle", "jdbc:oracle:thin:scott/t1ger@db:1521:x", "scott/t1ger", "password-in-url"},
	{"German", "Passwort: geheim123", "geheim123", "password"},
	{"session id", "JSESSIONID=0123ABCD", "0123ABCD", "password"},
	{"seed phrase", `mnemonic = "legal winner thank year wave"`, "winner thank", "password"},
	{"default of a variable", "${DB_PASSWORD:-hunter2x}", "hunter2x", "password"},
	{"command without a separator", "aws configure set aws_secret_access_key abcd/efgh+ijkl1234567890", "efgh+ijkl1234567890", "password"},
	{"token of one letter", "runner glrt-" + "xxxxxxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxxxxxxx", "token"},
	{"old npmrc", "_auth = dXNlcjpwYXNz", "dXNlcjpwYXNz", "password"},
	{"SQL", "ALTER USER app WITH PASSWORD 'secretpw'", "secretpw", "password"},
	{"wireless", `psk="my wifi pass"`, "my wifi pass", "password"},
	{"short", "PGPASSWORD=abc psql", "abc", "password"},
	{"token in prose", "the API token is abc123def456", "abc123def456", "password"},
	{"backspace in it", "password=hun\bter2x", "hunter2x", "password"},
	{"of gitleaks' rules", "databricks dapi" + "0123456789abcdef0123456789abcde4", "0123456789abcdef", "databricks-api-token"},
}

func TestMask_Secrets(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, kinds := Mask("before\n" + c.text + "\n\nafter")
			if strings.Contains(got, c.secret) || !strings.Contains(got, "[secret-"+c.kind+"]") {
				t.Errorf("got %q, want no %q and a marker of %s", got, c.secret, c.kind)
			}
			if !slices.Contains(kinds, c.kind) {
				t.Errorf("kinds %v, want %s", kinds, c.kind)
			}
			if !strings.HasPrefix(got, "before\n") || !strings.HasSuffix(got, "\n\nafter") {
				t.Errorf("text around the secret is gone: %q", got)
			}
			if again, more := Mask(got); again != got {
				t.Errorf("masked again: %q (%v), want %q", again, more, got)
			}
		})
	}
}

// innocent texts stay as they are.
var innocent = []string{
	"commit 9c37a5d1b2e3f4a5968778695a4b3c2d1e0f9a8b",
	"fixes 0b5a7c1e-6f3d-4c2b-9a8e-7d6c5b4a3f2e",
	"github.com/gofrs/flock v0.12.1 h1:MTLVXXHf8ekldpJk3AKicLij9MdwOWkZ+a/jHHZby9E=",
	`"integrity": "sha512-3Wg0y8tFFCqSUPVBMXQ0L6lR3PzJCfPpmUc5z2TLkBPSW1aGnXrdJhRTiQzj1i2kOOxFHA3XbQQkTuJr/TkRzg=="`,
	`checksum = "fb9ffe9fb5e2d3a1d3fdaa2f5d9b3cc2a4f5e6d7c8b9aabbccddeeff00112233"`,
	"image: redis@sha256:3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550fdab836ed",
	`want := "aGVsbG8gd29ybGQsIHRoaXMgaXMgdGVzdCBkYXRh"`,
	"cache-key: 3f786850e387550fdab836ed7e6dc881de23001b",
	"etag: \"5d8c72a5edda8d6a\"",
	"max_tokens: 1600", "main.go:12: token expected", "see https://example.com:8080/a@b", "sk-", "the password was wrong",
	"token := parser.next()", "password: string", "password: string;", "Password string `json:\"password\"`",
	"const secret = process.env.APP_SECRET;", "password = os.Getenv(\"DB_PASSWORD\")", "login(user, password=password)",
	"DB_PASSWORD=${DB_PASSWORD}", "token: ${{ secrets.GITHUB_TOKEN }}", "password: <your password>", "PWD=/home/user/project",
	`if token != "" && secret == nil {`, "the Authorization: required header", `headers["Authorization"] = "Bearer " + token`,
	"curl -u $USER:$TOKEN https://x.example", "postgres://app:${DB_PASSWORD}@db/app", "git@github.com:owner/repo.git",
	"compass: north123", "risk-assessment-2024", "secret: /run/secrets/db", "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIE\n-----END CERTIFICATE-----",
	`<input type="password" name="password">`, "grant_type=password&username=a", `"password": "Password"`, "author: someone1234@example.com",
	"Cookie: the browser sends it", "return fmt.Errorf(\"invalid token: %w\", err)", "expires_in=3600", "password: Optional[str] = None",
}

func TestMask_InnocentText(t *testing.T) {
	for _, text := range innocent {
		if got, kinds := Mask(text); got != text || kinds != nil {
			t.Errorf("got %q %v, want it unchanged: %q", got, kinds, text)
		}
	}
}

func TestFind(t *testing.T) {
	got := Find("DB_PASSWORD=hunter2x\ncurl -u bob:s3cr3tpw https://x\nDB_PASSWORD=hunter2x\n")
	slices.Sort(got)
	if want := []string{"bob:s3cr3tpw", "hunter2x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A secret that one text gives away is taken out of all, also where it is
// alone; a word that people write is not.
func TestMaskAll_SecretsStandAlone(t *testing.T) {
	got, kinds := MaskAll([]string{
		"DB_PASSWORD=hunter2hunter2\npassword: correcthorse\ncurl -u bob:s3cr3tpw9 https://x",
		"It says hunter2hunter2 is wrong for the correcthorse, and so is s3cr3tpw9.",
		"innocent",
	})
	want := "It says [secret-password] is wrong for the correcthorse, and so is [secret-user-password]."
	if got[1] != want || got[2] != "innocent" || kinds[2] != nil || len(kinds[1]) != 2 {
		t.Errorf("got %q %v, want %q", got[1], kinds, want)
	}
}

// A text with the keywords of all rules on each line is withheld, and so is what
// comes after it: unscanned text may hold a secret.
func TestMaskAll_BoundsItsEffort(t *testing.T) {
	words := slices.Clone(nameWords)
	for _, r := range ownRules() {
		words = append(words, r.keywords...)
	}
	for _, r := range rules().Rules {
		words = append(words, r.Keywords...)
	}
	line := strings.Join(words, " ") + "\n"
	hostile := strings.Repeat(line, 4)
	got, kinds := maskAll([]string{"before", hostile, "DB_PASSWORD=hunter2x"}, maxEffort/MaxBytes*len(hostile))
	if got[0] != "before" || kinds[0] != nil {
		t.Errorf("the text before: %q %v, want it unchanged", got[0], kinds[0])
	}
	for i := 1; i < len(got); i++ {
		if got[i] != "[secret-too-long-to-scan]" || !slices.Equal(kinds[i], []string{unscanned}) {
			t.Errorf("text %d: %d bytes, kinds %v, want it withheld", i, len(got[i]), kinds[i])
		}
	}
}
