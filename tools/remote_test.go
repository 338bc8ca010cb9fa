package tools

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/contract"
)

// remoteAfterLocal is an asker whose first tier on this machine is down and whose second
// is on another: it keeps what each would be sent.
type remoteAfterLocal struct {
	script
	here, there string
}

func newRemoteAfterLocal() *remoteAfterLocal {
	a := &remoteAfterLocal{}
	a.complete = func(_ context.Context, _ policy.Route, req routing.Request) (routing.Answer, error) {
		a.here = req.User
		remote, words := req.Remote()
		a.there = remote
		return routing.Answer{}, &routing.Unanswered{Withheld: words,
			Attempts: []routing.Attempt{{Tier: policy.Cheap, Remote: true, Kind: routing.Unavailable, Reason: "down"}}}
	}
	return a
}

const privateKey = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAvRz3yX0p\nq8Zt4r1mNnabcd\n-----END RSA PRIVATE KEY-----\n"

// A ticket that asks for the user's secrets gets none of them off this machine,
// private keys and git's data not even to the model on it, and the caller hears
// of each.
func TestRemote_SecretsStay(t *testing.T) {
	a := newRemoteAfterLocal()
	b := newBench(t, &a.script)
	b.write("main.go", "package main\n\nconst shown = \"SHOWN\"\nconst password = \"hunter2hunter2\"\n")
	b.write("notes.txt", "the key:\n"+privateKey+"SHOWN-TOO\n")
	b.write(".env", "DB=ENVIRONMENT-VALUE\n")
	b.write("keys/id_rsa", privateKey)
	b.write(".git/config", "[remote]\nurl = GIT-VALUE\n")
	files := "main.go, notes.txt, .env, keys/id_rsa, .git/config"
	if runtime.GOOS != "windows" {
		for link, target := range map[string]string{"innocent.txt": ".env", "harmless.txt": "keys/id_rsa"} {
			if err := os.Symlink(filepath.Join(b.Root, target), filepath.Join(b.Root, link)); err != nil {
				t.Fatal(err)
			}
			files += ", " + link
		}
	}
	r := b.run("plan_ticket", args{"route": "cloud", "ticket": "---\nid: BUG-1\ntype: bug\ncomplexity: low\naffected_files: [" + files + "]\n---\n" +
		"# Log in\n\nRun `curl -u bob:TICKET-S3CRET https://ci.example` first.\n"})
	for _, text := range []string{"MIIEowIBAAKCAQEAvRz3yX0p", "GIT-VALUE"} {
		if strings.Contains(a.here, text) || strings.Contains(a.there, text) {
			t.Errorf("%s is shown to a model:\n%s", text, a.here)
		}
	}
	for _, text := range []string{"ENVIRONMENT-VALUE", "hunter2hunter2", "TICKET-S3CRET"} {
		if !strings.Contains(a.here, text) {
			t.Errorf("the model on this machine does not see %s", text)
		}
		if strings.Contains(a.there, text) {
			t.Errorf("%s leaves this machine:\n%s", text, a.there)
		}
	}
	for _, text := range []string{"SHOWN", "SHOWN-TOO", "[secret-password]", "[secret-private-key]", "BUG-1", "main.go", ".env"} {
		if !strings.Contains(a.there, text) {
			t.Errorf("%q is missing in what is sent:\n%s", text, a.there)
		}
	}
	warnings := r.Get("warnings").Raw
	for _, text := range []string{".env", "password in main.go", "in the ticket", "keys/id_rsa was not shown", ".git/config is not part of the plan",
		"notes.txt was shown without the private key"} {
		if !strings.Contains(warnings, text) {
			t.Errorf("%q is not in the warnings %s", text, warnings)
		}
	}
	outsideFences(t, a.there)
}

func TestRemote_ClassifyIsMasked(t *testing.T) {
	a := newRemoteAfterLocal()
	b := newBench(t, &a.script)
	r := b.run("classify_ticket", args{"ticket": "# Log in\n\nThe password is hunter2hunter2 and fails.\n"})
	if strings.Contains(a.there, "hunter2hunter2") || !strings.Contains(a.here, "hunter2hunter2") || !strings.Contains(a.there, "and fails") {
		t.Errorf("here:\n%s\nthere:\n%s", a.here, a.there)
	}
	if w := r.Get("warnings").Raw; !strings.Contains(w, "secrets masked") || !strings.Contains(w, "password in the ticket") {
		t.Errorf("warnings %s", w)
	}
}

// What is withheld comes before other warnings, of which a ticket can make many.
func TestRemote_WarningsAreNotCrowdedOut(t *testing.T) {
	a := newRemoteAfterLocal()
	b := newBench(t, &a.script)
	b.write(".env", "A=1\n")
	files := ".env"
	for _, name := range strings.Fields("a b c d e f g h i j k l m n o p") {
		files += ", missing-" + name + ".go"
	}
	r := b.run("plan_ticket", args{"route": "cloud", "ticket": "---\nid: BUG-1\ncomplexity: low\naffected_files: [" + files + "]\n---\n# Log in\n\nText.\n"})
	if w := r.Get("warnings.0").Str; !strings.Contains(w, ".env") {
		t.Errorf("the first warning is %q", w)
	}
}

// A store of credentials is no ticket, and its content is not quoted.
func TestReadTicket_CredentialStore(t *testing.T) {
	b := newBench(t, &newObedient().script)
	b.write(".env", "PASSWORD=hunter2hunter2\n")
	if e := b.refuses(t.Context(), "plan_ticket", args{"ticket_path": ".env"}, contract.CodeInvalid); strings.Contains(e.Error(), "hunter2") {
		t.Errorf("got %v", e)
	}
}

// A plan that a remote tier makes is judged by what that tier was shown.
func TestRemote_PlanIsJudgedByWhatWasSent(t *testing.T) {
	s := &script{}
	s.complete = func(_ context.Context, _ policy.Route, req routing.Request) (routing.Answer, error) {
		reply := []byte(`{"files":{".env":{"action":"modify","where":"NO_SUCH_NAME","what":"Raise the connection pool limit to twenty workers","approach":"edit the value"}},"tests":[],"risk":"none known"}`)
		if req.Accept(reply) == nil {
			t.Error("accepted although the place is not in the file that was shown")
		}
		_, words := req.Remote()
		if err := req.Accept(reply); err != nil {
			t.Errorf("judged by a file that was not shown: %v", err)
		}
		return routing.Answer{Text: reply, Tier: policy.Cheap, Remote: true, Withheld: words, Attempts: []routing.Attempt{{Tier: policy.Cheap}}}, nil
	}
	b := newBench(t, s)
	b.write(".env", "POOL=1\n")
	r := b.run("plan_ticket", args{"route": "cloud", "ticket": "---\nid: BUG-1\ncomplexity: low\naffected_files: [.env]\n---\n# Raise the pool\n\nText.\n"})
	if r.Get("by").Str != "cheap" || !strings.Contains(r.Get("warnings.0").Str, ".env") {
		t.Errorf("got %s", r.Raw)
	}
}
