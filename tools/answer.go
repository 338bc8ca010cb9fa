package tools

import (
	"time"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/prices"
)

// answer says who was asked, in every result.
type answer struct {
	Model    string  `json:"model,omitempty"`
	Remote   bool    `json:"remote,omitempty"` // it does not run on this machine
	FellBack bool    `json:"fell_back"`
	Reason   string  `json:"reason,omitempty"`
	CostUSD  float64 `json:"cost_usd,omitempty"`
	MS       int64   `json:"ms"`
}

// estimatedCost says what cost_usd is where the proxy names no cost.
const estimatedCost = "cost_usd is an estimate from tokens and the list prices of " + prices.Date +
	": the proxy named no cost"

func answerOf(a routing.Answer) *answer {
	return &answer{Model: a.Model, Remote: a.Remote, FellBack: a.FellBack(), Reason: a.Reason(),
		CostUSD: a.CostUSD, MS: a.MS}
}

// inVain is the answer of nobody: what was asked and spent all the same.
func inVain(u *routing.Unanswered, took time.Duration) (a *answer, estimated bool) {
	a = &answer{FellBack: true, Reason: u.Reason(), MS: took.Milliseconds()}
	a.CostUSD, estimated = u.CostUSD()
	return a, estimated
}
