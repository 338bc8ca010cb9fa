package secrets

import (
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	const pw = "s3cr3t"
	for state, want := range map[string]string{
		"postgres://db.example/app":                                       "postgres://db.example/app",
		"postgresql://app:" + pw + "@db.example:5432/app?sslmode=require": "postgresql://db.example:5432/app",
		"POSTGRES://app:" + pw + "@db/app":                                "postgres://db/app",
		"postgres://app:p@" + pw + "@db/app":                              "postgres://db/app",
		"postgres://app:p/" + pw + "#x@db/app":                            "postgres://db/app",
		"postgres://app:p?" + pw + "@db/app":                              "postgres://" + hiddenAddress,
		"postgres://app:p@a?" + pw + "@db/app":                            "postgres://" + hiddenAddress,
		"postgres://db/app?password=" + pw:                                "postgres://db/app",
		"postgres://db/app?password=x@" + pw:                              "postgres://" + hiddenAddress,
		"postgres://app:" + pw + "/app":                                   "postgres://" + hiddenAddress,
		"postgres://app:" + pw + "@db:notaport/app":                       "postgres://" + hiddenAddress,
		"postgres://app:" + pw + "@[::1]:5432/app":                        "postgres://[::1]:5432/app",
		"postgres://app:" + pw + "@a:1,b:2/app":                           "postgres://a:1,b:2/app",
		"postgres://app:" + pw + "@/app?host=/run":                        "postgres:///app",
		"postgres://app:" + pw + "@db/a/" + pw:                            "postgres://" + hiddenAddress,
		"postgres:app:" + pw + "@db/app":                                  hiddenAddress,
		"host=db port=5433 user=app password=" + pw + " dbname=prod":      "postgres://db:5433/prod",
		"host=db password='two " + pw + "' dbname=prod":                   "postgres://db/prod",
		"host=db password = '" + pw + "\\' host=" + pw + "' dbname=p":     "postgres://db/p",
		"password=" + pw:                                                  "postgres:///",
		"host=db' password=" + pw + " dbname=p":                           "postgres://db/p",
		"/home/u/.local/state/journal.db":                                 "/home/u/.local/state/journal.db",
		`C:\Users\u\journal.db`:                                           `C:\Users\u\journal.db`,
		"a\nb":                                                            "a b",
		"":                                                                "",
	} {
		got := Address(state)
		if got != want || strings.Contains(got, pw) {
			t.Errorf("%q: got %q, want %q", state, got, want)
		}
	}
}

func TestWithoutAddress(t *testing.T) {
	const state = "postgres://app:p@s3cr3t@db/app"
	for text, want := range map[string]string{
		"cannot parse `" + state + "`: x":                                           "cannot parse `postgres://db/app`: x",
		"failed to connect to `user=app database=app`: 10.0.0.5:5432 (db): refused": "failed to connect to postgres://db/app: 10.0.0.5:5432 (db): refused",
		"parse \"postgres://app:p%40s3cr3t@db\":\n bad":                             "parse \"db\": bad",
		"lookup s3cr3t@db: no such host":                                            "lookup db: no such host",
		"no address":                                                                "no address",
	} {
		if got := WithoutAddress(text, state); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("app", "p@/?#:s", "db:1/app")
	f.Fuzz(func(t *testing.T, user, before, where string) {
		const secret = "Zq9SECRETx7K"
		for _, state := range []string{
			"postgres://" + user + ":" + before + secret + "@" + where,
			"postgres://" + where + "?password=" + before + secret,
			"host=" + where + " user=" + user + " password='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(before+secret) + "'",
		} {
			if got := Address(state); strings.Contains(got, secret) {
				t.Errorf("%q: got %q", state, got)
			}
		}
	})
}
