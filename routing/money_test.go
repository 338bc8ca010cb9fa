package routing_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// toll is a paid tier whose calls cost what the test says.
type toll struct {
	echo
	reply routing.Reply
	fault *routing.Error
}

func (p *toll) Ask(context.Context, routing.Question) (routing.Reply, *routing.Error) {
	return p.reply, p.fault
}

func newToll(t policy.Tier, reply routing.Reply, fault *routing.Error) *toll {
	p := &toll{reply: reply, fault: fault}
	p.tier, p.paid, p.model, p.address = t, true, string(t), "http://"+string(t)+".example"
	return p
}

func answerCosting(usd float64, state routing.CostState) routing.Reply {
	return routing.Reply{Text: []byte("OK"), CostUSD: usd, Cost: state, In: 10, Out: 1}
}

// A server is believed within bounds: what it states that cannot be true stays
// at the reservation of 1 cent.
func TestMoney_SettledWithinBounds(t *testing.T) {
	failed := &routing.Error{Kind: routing.Unavailable, Reason: "x"}
	for _, c := range []struct {
		name  string
		reply routing.Reply
		fault *routing.Error
		want  float64
	}{
		{"stated", answerCosting(0.002, routing.CostStated), nil, 0.002},
		{"estimated", answerCosting(0.002, routing.CostEstimated), nil, 0.002},
		{"nothing known", answerCosting(0, routing.CostUnknown), nil, 0.01},
		{"never sent", answerCosting(0, routing.CostNone), failed, 0},
		{"infinite", answerCosting(math.Inf(1), routing.CostStated), nil, 0.01},
		{"absurd", answerCosting(1e308, routing.CostStated), nil, 0.01},
		{"not a number", answerCosting(math.NaN(), routing.CostStated), nil, 0.01},
		{"negative", answerCosting(-4e7, routing.CostStated), nil, 0.01},
		{"failed, stated", answerCosting(0.002, routing.CostStated), failed, 0.002},
		{"failed, nothing known", answerCosting(0, routing.CostUnknown), failed, 0.01},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &fakeserver.Books{}
			backends := []routing.Backend{newToll(policy.Cheap, c.reply, c.fault)}
			r := routing.New(routing.Config{CloudAllowed: true}, backends, b, b)
			_, _ = r.Complete(t.Context(), policy.OnlyCloud, routing.Request{MaxTokens: 5}) // the row is looked at
			if len(b.Settled) != 1 || b.Settled[0] != c.want || b.Rows[0].CostUSD != c.want {
				t.Errorf("settled %v, recorded %+v, want $%g", b.Settled, b.Rows, c.want)
			}
		})
	}
}

// What was paid before nobody answered is said.
func TestMoney_SpentInVain(t *testing.T) {
	cut := &routing.Error{Kind: routing.InvalidOutput, Reason: "cut"}
	b := &fakeserver.Books{}
	backends := []routing.Backend{
		newToll(policy.Cheap, answerCosting(0.25, routing.CostStated), cut),
		newToll(policy.Balanced, answerCosting(0, routing.CostUnknown), cut),
	}
	r := routing.New(routing.Config{CloudAllowed: true}, backends, b, b)
	_, err := r.Complete(t.Context(), policy.OnlyCloud, routing.Request{MaxTokens: 5})
	none := fakeserver.Unanswered(t, err)
	if usd, estimated := none.CostUSD(); usd != 0.26 || !estimated {
		t.Errorf("got $%g, estimated %v, want $0.26, true", usd, estimated)
	}
	// A refused reply and its repair both cost.
	refusing := routing.Request{MaxTokens: 5, Accept: func([]byte) error { return context.Canceled },
		Repair: func([]byte, error) string { return "again" }}
	backends = []routing.Backend{newToll(policy.Cheap, answerCosting(0.25, routing.CostStated), nil)}
	_, err = routing.New(routing.Config{CloudAllowed: true}, backends, b, b).Complete(t.Context(), policy.OnlyCloud, refusing)
	if usd, estimated := fakeserver.Unanswered(t, err).CostUSD(); usd != 0.5 || estimated {
		t.Errorf("with a repair: got $%g, estimated %v, want $0.5, false", usd, estimated)
	}
}

// A model that costs more than its estimate is reserved at more from then on,
// and another model is not.
func TestMoney_EstimatesRise(t *testing.T) {
	b := &fakeserver.Books{}
	expensive := newToll(policy.Cheap, answerCosting(0.5, routing.CostStated), nil)
	r := routing.New(routing.Config{CloudAllowed: true}, []routing.Backend{expensive}, b, b)
	ask := func() {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if _, err := r.Complete(ctx, policy.OnlyCloud, routing.Request{MaxTokens: 5}); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	ask()
	if b.Reserved[0] != 0.01 || math.Abs(b.Reserved[1]-0.5) > 1e-9 {
		t.Errorf("reserved %v, want 0.01, then 0.5", b.Reserved)
	}
	expensive.reply.CostUSD = 0.01
	for range 200 {
		ask()
	}
	if last := b.Reserved[len(b.Reserved)-1]; last != 0.01 {
		t.Errorf("after 200 calls at the estimate %g is reserved, want 0.01", last)
	}
}
