package decide

import (
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/prices"
)

// Answer says who was asked, in every result.
type Answer struct {
	Model    string  `json:"model,omitempty"`
	Remote   bool    `json:"remote,omitempty"` // it does not run on this machine
	FellBack bool    `json:"fell_back"`
	Reason   string  `json:"reason,omitempty"`
	CostUSD  float64 `json:"cost_usd,omitempty"`
	MS       int64   `json:"ms"`
}

// EstimatedCost says what cost_usd is where the proxy names no cost.
const EstimatedCost = "cost_usd is an estimate from tokens and the list prices of " + prices.Date +
	": the proxy named no cost"

// Paid says what was spent, "" = nothing.
func Paid(usd float64) string {
	if usd <= 0 {
		return ""
	}
	return fmt.Sprintf("; paid $%.4f", usd)
}

// AnswerOf is the answer of a tier.
func AnswerOf(a routing.Answer) *Answer {
	return &Answer{Model: a.Model, Remote: a.Remote, FellBack: a.FellBack(), Reason: a.Reason(),
		CostUSD: a.CostUSD, MS: a.MS}
}

// InVain is the answer of nobody: what was asked and spent all the same.
func InVain(u *routing.Unanswered, took time.Duration) (a *Answer, estimated bool) {
	a = &Answer{FellBack: true, Reason: u.Reason(), MS: took.Milliseconds()}
	a.CostUSD, estimated = u.CostUSD()
	return a, estimated
}
