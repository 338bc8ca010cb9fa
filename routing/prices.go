package routing

import (
	"net/http"
	"strconv"
	"strings"
)

// PricesDate is the day of the price table.
const PricesDate = "2026-11-23"

// price is USD per million tokens.
type price struct{ in, out float64 }

// prices are list prices by a part of the model's name; the first match wins.
// They stand in where the proxy names no cost, and an answer says so.
var prices = []struct {
	name string
	price
}{
	{"haiku-5-5", price{0.10, 0.50}},
	{"haiku-4-5", price{1, 5}},
	{"sonnet-5", price{2, 10}},
	{"sonnet-4", price{3, 15}},
	{"haiku", price{1, 5}},
	{"sonnet", price{3, 15}},
	{"opus", price{4, 20}},
}

// tierPrice is what a tier is taken to cost before it has answered.
var tierPrice = map[Tier]price{Cheap: {1, 5}, Balanced: {3, 15}}

// cost is what the proxy says the call cost, else an estimate from the tokens
// used. The header is absent for models whose price the proxy does not know.
func (g group) cost(h http.Header, r reply) (usd float64, estimated bool) {
	if v, err := strconv.ParseFloat(h.Get("x-litellm-response-cost"), 64); err == nil && v > 0 {
		return v, false
	}
	p := tierPrice[g.t]
	for _, known := range prices {
		if strings.Contains(r.model, known.name) {
			p = known.price
			break
		}
	}
	return p.of(r.in, r.out), true
}

func (p price) of(in, out int) float64 {
	return (float64(in)*p.in + float64(out)*p.out) / 1e6
}

// estimateCost is the most a call is likely to cost, for the reservation:
// three bytes a token in, and the whole output limit.
func estimateCost(t Tier, q question) float64 {
	bytes := 0
	for _, m := range q.messages {
		bytes += len(m.Content)
	}
	p, ok := tierPrice[t]
	if !ok {
		p = tierPrice[Balanced]
	}
	return p.of(bytes/3+1, q.MaxTokens)
}
