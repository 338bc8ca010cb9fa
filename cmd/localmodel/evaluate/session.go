package evaluate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/ledger"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
)

// Session is one comparison at a terminal.
type Session struct {
	Plan
	In       io.Reader
	Out      io.Writer // where it asks and shows progress
	Yes      bool      // do not ask before paid calls
	DailyUSD float64   // the user's cap for a day, which does not bound a session

	wallet ledger.Wallet
}

// Errors of a session that a caller distinguishes.
var (
	ErrNobody   = errors.New("not a terminal: pass --yes to allow paid calls")
	ErrDeclined = errors.New("nothing was asked, nothing paid")
)

// AddModels makes a router for each name, comma between, and looks whether the
// model is there. base is the user's
// configuration, and backend makes the tier of a name.
func (s *Session) AddModels(ctx context.Context, names string, base routing.Config, backend func(name string) routing.Backend) error {
	for _, name := range strings.Split(names, ",") {
		name = strings.TrimSpace(name)
		known := slices.ContainsFunc(s.Models, func(m *Model) bool { return m.Name == name })
		if name == "" || name == Rules || known {
			continue
		}
		m, err := s.model(name, base, backend)
		if err == nil {
			err = m.Ready(ctx)
		}
		if err != nil {
			return err
		}
		s.Models = append(s.Models, m)
	}
	if len(s.Models) == 0 {
		return errors.New("--models names no model")
	}
	return nil
}

func (s *Session) model(name string, c routing.Config, backend func(name string) routing.Backend) (*Model, error) {
	c.MinConfidence = 0 // every answer is looked at, however unsure
	m := &Model{Name: name, Tier: policy.Local, Route: policy.Auto, Group: name == "free"}
	if tier := policy.Tier(name); tier == policy.Cheap || tier == policy.Balanced {
		if !c.CloudAllowed {
			return nil, fmt.Errorf("%s is a paid tier, and LOCALMODEL_CLOUD=never forbids it", name)
		}
		m.Tier, m.Route, m.Group = tier, policy.OnlyCloud, true
	}
	m.Asker = routing.New(c, []routing.Backend{backend(name)}, ledger.Unrecorded{}, &s.wallet)
	return m, nil
}

// Go asks what is left, after agreement to what it may cost. On an error done
// says how much of it all is done, 0 to 1.
func (s *Session) Go(ctx context.Context, results *Results) (got []Result, done float64, err error) {
	if err := s.agree(ctx, results); err != nil {
		return nil, 0, err
	}
	var bar *term.Bar
	got, err = s.Run(ctx, results, func(d, t float64, label string) {
		if bar == nil {
			bar = term.NewBar(s.Out, d)
		}
		done = d / t
		bar.Set(d, t, label)
	})
	if bar != nil {
		bar.Clear()
	}
	return got, done, err
}

// agree shows what the paid calls may cost and asks.
func (s *Session) agree(ctx context.Context, results *Results) error {
	quote, err := s.Quote(ctx, results)
	if err != nil || len(quote.Calls) == 0 {
		return err
	}
	s.wallet.Fill(quote.MostUSD)
	var calls []string
	for _, name := range slices.Sorted(maps.Keys(quote.Calls)) {
		calls = append(calls, fmt.Sprintf("%d by %s", quote.Calls[name], name))
	}
	text := fmt.Sprintf("Paid calls: %s, at most $%.2f at the list prices of %s.", strings.Join(calls, ", "), quote.MostUSD, prices.Date)
	if quote.MostUSD > s.DailyUSD {
		text += fmt.Sprintf(" That is more than a day's LOCALMODEL_CLOUD_DAILY_USD ($%g), which does not bound eval.", s.DailyUSD)
	}
	term.Print(s.Out, "", text)
	switch {
	case s.Yes:
		return nil
	case !term.Is(s.In):
		return ErrNobody
	case !term.Ask(s.In, s.Out, "Go on?"):
		return ErrDeclined
	}
	return nil
}
