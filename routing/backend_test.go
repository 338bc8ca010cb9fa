package routing_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// echo is a backend as an exercise: it answers with the last message. All that
// a new one needs is in this type.
type echo struct {
	tier           policy.Tier
	address, model string
	host           string // where the server says that the model runs
	replyHost      string // where a reply says that it ran
	paid           bool
	hang           bool         // never answers
	cold           bool         // an answer loads it
	loading        bool         // does not answer yet
	json           string       // what it answers; "" = the last message
	sent           atomic.Int64 // requests of any kind
	heard          []string
}

func (e *echo) Tier() policy.Tier                 { return e.tier }
func (e *echo) Model() string                     { return e.model }
func (e *echo) Address() string                   { return e.address }
func (e *echo) Paid() bool                        { return e.paid }
func (e *echo) Window() int                       { return 4096 }
func (e *echo) Estimate(routing.Question) float64 { return .01 }

func (e *echo) RemoteModel(context.Context) (place.Host, *routing.Error) {
	return place.Host{Name: e.host}, nil
}

func (e *echo) Probe(context.Context) *routing.Error {
	e.sent.Add(1)
	return nil
}

func (e *echo) Check(context.Context) routing.Check {
	if !place.Loopback(e.address) {
		e.sent.Add(1)
	}
	loaded := !e.cold || e.sent.Load() > 0
	return routing.Check{OK: true, Present: true, Loaded: loaded, URL: e.address, Model: e.model, Remote: e.host}
}

func (e *echo) Ask(ctx context.Context, q routing.Question) (routing.Reply, *routing.Error) {
	e.sent.Add(1)
	if e.loading {
		return routing.Reply{}, routing.Fail(routing.Loading, "model is loading", nil)
	}
	if e.hang {
		<-ctx.Done()
		return routing.Reply{}, routing.Fail(routing.Unavailable, "broken off", ctx.Err())
	}
	text := cmp.Or(e.json, q.Messages[len(q.Messages)-1].Content)
	e.heard = append(e.heard, text)
	return routing.Reply{Text: []byte(text), Model: e.model, Remote: e.replyHost, In: 1, Out: 1}, nil
}

// Preload counts as sending: an empty request loads a model, or wakes a remote
// one.
func (e *echo) Preload(context.Context) *routing.Error {
	e.sent.Add(1)
	return nil
}

func (e *echo) Loading() <-chan struct{} { return nil }

func (e *echo) AskDigest(context.Context) string {
	if !place.Loopback(e.address) {
		e.sent.Add(1)
	}
	return "digest"
}

const here, afar = "http://127.0.0.1:11434", "http://10.0.0.5:11434"

func TestRouter_NewBackend(t *testing.T) {
	b := &echo{tier: policy.Local, address: here, model: "echo"}
	books := &fakeserver.Books{}
	r := routing.New(routing.Config{}, []routing.Backend{b}, books, books)
	a, err := r.Complete(t.Context(), policy.Auto, routing.Request{System: "Repeat.", User: "hello", MaxTokens: 9})
	if err != nil || string(a.Text) != "hello" || a.Tier != policy.Local || a.Remote || len(books.Rows) != 1 {
		t.Errorf("%+v, %v, rows %v", a, err, books.Rows)
	}
	if h := r.Health(t.Context(), false); !h.Ollama.OK || h.Ollama.Remote != "" {
		t.Errorf("%+v", h)
	}
}

// A cold model is as healthy with deep as without: what loads is no failure.
func TestHealth_DeepOnAColdModel(t *testing.T) {
	for _, c := range []struct {
		name    string
		loading bool
	}{{"it answers", false}, {"it is loading", true}} {
		t.Run(c.name, func(t *testing.T) {
			// The shallow look comes first: an answer loads the model.
			b := &echo{tier: policy.Local, address: here, model: "m", cold: true, loading: c.loading, json: `{"ok":"OK"}`}
			books := &fakeserver.Books{}
			r := routing.New(routing.Config{}, []routing.Backend{b}, books, books)
			shallow := r.Health(t.Context(), false).Ollama
			deep := r.Health(t.Context(), true).Ollama
			if !shallow.OK || shallow.Loaded || !deep.OK || deep.Error != "" {
				t.Errorf("shallow %+v, deep %+v", shallow, deep)
			}
			if deep.Loading != c.loading || deep.Loaded == c.loading || (deep.Generated != "") == c.loading {
				t.Errorf("deep %+v", deep)
			}
		})
	}
}

// busy is a local tier whose slots other calls have.
type busy struct{ *echo }

func (busy) Ask(context.Context, routing.Question) (routing.Reply, *routing.Error) {
	return routing.Reply{}, routing.Fail(routing.Busy, "no local slot", nil)
}

// A model that works for other calls works.
func TestHealth_DeepOnABusyModel(t *testing.T) {
	books := &fakeserver.Books{}
	b := busy{&echo{tier: policy.Local, address: here, model: "m"}}
	deep := routing.New(routing.Config{}, []routing.Backend{b}, books, books).Health(t.Context(), true).Ollama
	if !deep.OK || deep.Error != "" || deep.Note != "no answer yet: no local slot" {
		t.Errorf("deep %+v", deep)
	}
}

// A local model that will not be through in time is not begun where a paid tier
// may answer, and the reason says how long it would take.
func TestRouter_TooSlow(t *testing.T) {
	took := func(d time.Duration) policy.Timing {
		return policy.Timing{Purpose: "plan", In: 1000, Out: 100, Took: d}
	}
	slow, quick := took(140*time.Second), took(time.Second)
	for name, c := range map[string]struct {
		earlier []policy.Timing
		route   policy.Route
		limit   time.Duration
		asked   bool
	}{
		"slow":             {[]policy.Timing{slow, slow, slow}, policy.Auto, time.Minute, false},
		"quick":            {[]policy.Timing{quick, quick, quick}, policy.Auto, time.Minute, true},
		"not known":        {nil, policy.Auto, time.Minute, true},
		"with enough time": {[]policy.Timing{slow, slow, slow}, policy.Auto, time.Hour, true},
		"nobody else":      {[]policy.Timing{slow, slow, slow}, policy.OnlyLocal, time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			local := &echo{tier: policy.Local, address: here, model: "m"}
			paid := &echo{tier: policy.Cheap, address: here, model: "cheap", paid: true}
			books := &fakeserver.Books{Earlier: c.earlier}
			r := routing.New(routing.Config{CloudAllowed: true}, []routing.Backend{local, paid}, books, books)
			ctx, stop := context.WithTimeout(t.Context(), c.limit)
			defer stop()
			text := strings.Repeat("word ", 600)
			a, err := r.Complete(ctx, c.route, routing.Request{Purpose: "plan", User: text, MaxTokens: 200, Likely: 100})
			if err != nil || (a.Tier == policy.Local) != c.asked {
				t.Fatalf("by %s, %v; local asked: want %t", a.Tier, err, c.asked)
			}
			if why := a.Reason(); !c.asked && !strings.HasPrefix(why, "local: too slow, about 1") {
				t.Errorf("why: %q", why)
			}
		})
	}
}

// Nothing is sent to a tier that a route or LOCALMODEL_CLOUD=never forbids,
// whichever way it is asked.
func TestRouter_NothingLeavesThisMachine(t *testing.T) {
	ask := func(route policy.Route) func(t *testing.T, r *routing.Router) string {
		return func(t *testing.T, r *routing.Router) string {
			_, err := r.Complete(t.Context(), route, routing.Request{User: "secret", MaxTokens: 9})
			none := fakeserver.Unanswered(t, err)
			if len(none.Attempts) != 1 || none.Attempts[0].Kind != routing.Remote || none.Attempts[0].Fix == "" {
				t.Errorf("%+v", none)
			}
			return none.Reason()
		}
	}
	paths := []struct {
		name string
		cfg  routing.Config
		do   func(t *testing.T, r *routing.Router) string
	}{
		{"route local", routing.Config{CloudAllowed: true}, ask(policy.OnlyLocal)},
		{"never", routing.Config{}, ask(policy.Auto)},
		{"never, route local", routing.Config{LocalRemote: true}, ask(policy.OnlyLocal)},
		{"never, preload", routing.Config{}, func(t *testing.T, r *routing.Router) string {
			err := r.Preload(t.Context())
			var fault *routing.Error
			if !errors.As(err, &fault) || fault.Kind != routing.Remote {
				t.Fatalf("preloaded: %v", err)
			}
			return fault.Reason
		}},
		{"never, deep health", routing.Config{}, func(t *testing.T, r *routing.Router) string {
			h := r.Health(t.Context(), true)
			if h.Ollama.OK || h.Ollama.Remote == "" || h.Ollama.Fix == "" || h.Proxy.Used {
				t.Errorf("%+v", h)
			}
			return h.Ollama.Error
		}},
	}
	for place, make := range map[string]func() *echo{
		"other machine": func() *echo { return &echo{tier: policy.Local, address: afar, model: "m"} },
		"cloud by name": func() *echo { return &echo{tier: policy.Local, address: here, model: "gpt-oss:120b-cloud"} },
		"cloud by alias": func() *echo {
			return &echo{tier: policy.Local, address: here, model: "m", host: "https://ollama.com"}
		},
	} {
		for _, path := range paths {
			t.Run(place+", "+path.name, func(t *testing.T) {
				local := make()
				paid := &echo{tier: policy.Cheap, address: afar, model: "cheap", paid: true}
				r := routing.New(path.cfg, []routing.Backend{local, paid}, &fakeserver.Books{}, &fakeserver.Books{})
				reason := path.do(t, r)
				if local.sent.Load()+paid.sent.Load() != 0 {
					t.Errorf("%d requests to the local tier, %d to the paid one", local.sent.Load(), paid.sent.Load())
				}
				if !strings.Contains(reason, "route local") && !strings.Contains(reason, "LOCALMODEL_CLOUD=never") {
					t.Errorf("the reason %q names no rule", reason)
				}
			})
		}
		t.Run(place+", never, digest", func(t *testing.T) {
			local := make()
			r := routing.New(routing.Config{}, []routing.Backend{local}, nil, nil)
			r.Digest(t.Context())
			if local.sent.Load() != 0 {
				t.Error("a server elsewhere was asked for a digest")
			}
		})
	}
}

// Under auto a remote local tier is asked, and the answer says so.
func TestRouter_AnswerSaysRemote(t *testing.T) {
	for name, b := range map[string]*echo{
		"other machine": {tier: policy.Local, address: afar, model: "m"},
		"cloud model":   {tier: policy.Local, address: here, model: "m", host: "https://ollama.com"},
		"only by reply": {tier: policy.Local, address: here, model: "m", replyHost: "https://ollama.com"},
		"own machine":   {tier: policy.Local, address: afar, model: "m"},
	} {
		route := policy.Auto
		if name == "own machine" {
			route = policy.OnlyLocal
		}
		r := routing.New(routing.Config{CloudAllowed: true, LocalRemote: true}, []routing.Backend{b}, &fakeserver.Books{}, nil)
		a, err := r.Complete(t.Context(), route, routing.Request{User: "x", MaxTokens: 9})
		if err != nil || !a.Remote || !a.Attempts[0].Remote {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

// A reply that turns out to come from elsewhere where that is forbidden is
// thrown away, and the reason says that the question has left.
func TestRouter_RemoteReplyIsThrownAway(t *testing.T) {
	b := &echo{tier: policy.Local, address: here, model: "m", replyHost: "https://ollama.com"}
	r := routing.New(routing.Config{}, []routing.Backend{b}, &fakeserver.Books{}, nil)
	_, err := r.Complete(t.Context(), policy.Auto, routing.Request{User: "x", MaxTokens: 9})
	none := fakeserver.Unanswered(t, err)
	if none.Attempts[0].Kind != routing.Remote || !strings.Contains(none.Reason(), "thrown away") {
		t.Errorf("%+v", none)
	}
}

// Remote tiers get the text that the caller lets leave, made once.
func TestRequest_Remote(t *testing.T) {
	local := &echo{tier: policy.Local, address: here, model: "m"}
	cheap := &echo{tier: policy.Cheap, address: afar, model: "cheap", paid: true}
	balanced := &echo{tier: policy.Balanced, address: afar, model: "balanced", paid: true}
	r := routing.New(routing.Config{CloudAllowed: true}, []routing.Backend{local, cheap, balanced},
		&fakeserver.Books{}, &fakeserver.Books{})
	calls := 0
	req := routing.Request{User: "with a secret", MaxTokens: 9,
		Remote: func() (string, []string) { calls++; return "without", []string{".env"} },
		Accept: func(text []byte) error {
			if len(balanced.heard) == 0 {
				return errors.New("not yet")
			}
			return nil
		},
	}
	a, err := r.Complete(t.Context(), policy.Auto, req)
	if err != nil || a.Tier != policy.Balanced || calls != 1 || !slices.Equal(a.Withheld, []string{".env"}) {
		t.Fatalf("%+v, %v, made %d times", a, err, calls)
	}
	if !slices.Equal(local.heard, []string{"with a secret"}) || !slices.Equal(cheap.heard, []string{"without"}) ||
		!slices.Equal(balanced.heard, []string{"without"}) {
		t.Errorf("local heard %q, cheap %q, balanced %q", local.heard, cheap.heard, balanced.heard)
	}
	calls = 0
	if _, err := r.Complete(t.Context(), policy.OnlyLocal, req); err != nil || calls != 0 {
		t.Errorf("%v; made %d times for a tier on this machine", err, calls)
	}
}
