package routing

import (
	"math"
	"net/http"
	"strconv"
	"strings"
)

// PricesDate is the day of the price table.
const PricesDate = "2026-11-23"

// price is USD per million tokens.
type price struct{ in, out float64 }

// modelPrice is a model's list price, and what it costs where the prompt has
// more than longPrompt tokens; a zero long price = the same.
type modelPrice struct {
	name string // a part of the model's name
	price
	long price
}

const longPrompt = 100_000

// prices are Anthropic's list prices; the first name that fits wins. They stand
// in where the proxy names no cost, and an answer says so. A saving counted
// with them must name the model and PricesDate: between Haiku 4.5 and 5.5 lies
// a factor of ten.
var prices = []modelPrice{
	{name: "haiku-5-5", price: price{0.10, 0.50}, long: price{0.50, 2.50}},
	{name: "haiku-4-5", price: price{1, 5}},
	{name: "sonnet-5", price: price{2, 10}},
	{name: "sonnet-4", price: price{3, 15}},
	{name: "opus-5", price: price{4, 20}},
	{name: "opus-4", price: price{5, 25}},
}

// bedrockRegional is what Bedrock's regional profiles (us.anthropic.…) cost
// more.
const bedrockRegional = 1.10

// tierPrice is what a tier is taken to cost before it has answered, and where
// its model is not in the table.
var tierPrice = map[Tier]price{Local: {}, Cheap: {1, 5}, Balanced: {3, 15}}

// cost is what the proxy says the call cost, else an estimate from the tokens
// used. The header is absent for models whose price the proxy does not know.
func (g group) cost(h http.Header, r reply) (usd float64, estimated bool) {
	if v, err := strconv.ParseFloat(h.Get("x-litellm-response-cost"), 64); err == nil && v > 0 {
		return dollars(v), false
	}
	p := priceOf(r.model, r.in, usual(g.t))
	return p.of(r.in, r.out), p != price{}
}

// dollars cuts what arithmetic adds to a sum: a billionth is far below a token.
func dollars(v float64) float64 { return math.Round(v*1e9) / 1e9 }

// priceOf is the price of a model for a prompt of in tokens.
func priceOf(model string, in int, unknown price) price {
	model = strings.ReplaceAll(strings.ToLower(model), ".", "-")
	for _, m := range prices {
		if !strings.Contains(model, m.name) {
			continue
		}
		p := m.price
		if in > longPrompt && m.long != (price{}) {
			p = m.long
		}
		if strings.Contains(model, "us-anthropic-") {
			p.in, p.out = p.in*bedrockRegional, p.out*bedrockRegional
		}
		return p
	}
	return unknown
}

func (p price) of(in, out int) float64 {
	return dollars((float64(in)*p.in + float64(out)*p.out) / 1e6)
}

// framing is what a provider adds to a prompt, tokens: the instructions around
// a reply schema or a tool.
const framing = 500

// estimateCost is the most a call is likely to cost, for the reservation: two
// bytes a token in (English has four, code and other scripts less), and the
// whole output limit.
func estimateCost(t Tier, q question) float64 {
	bytes := len(q.Schema)
	for _, m := range q.messages {
		bytes += len(m.Content)
	}
	return usual(t).of(bytes/2+framing, q.MaxTokens)
}

// usual is the price of a tier as it is configured here.
func usual(t Tier) price {
	if p, ok := tierPrice[t]; ok {
		return p
	}
	return tierPrice[Balanced]
}
