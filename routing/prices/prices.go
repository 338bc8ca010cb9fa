// Package prices is the list prices used where a proxy names no cost.
package prices

import (
	"math"
	"strings"

	"github.com/fjbelchi/localmodel/routing/policy"
)

// Date is the day of the price table.
const Date = "2026-11-23"

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

// listed are Anthropic's list prices; the first name that fits wins. They are
// used where the proxy names no cost, and an answer says so. A saving counted
// with them must name the model and Date: between Haiku 4.5 and 5.5 lies
// a factor of ten.
var listed = []modelPrice{
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
var tierPrice = map[policy.Tier]price{policy.Local: {}, policy.Cheap: {1, 5}, policy.Balanced: {3, 15}}

// Round cuts what arithmetic adds to a sum: a billionth is far below a token.
func Round(v float64) float64 { return math.Round(v*1e9) / 1e9 }

func priceOf(model string, in int, unknown price) price {
	model = strings.ReplaceAll(strings.ToLower(model), ".", "-")
	for _, m := range listed {
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
	return Round((float64(in)*p.in + float64(out)*p.out) / 1e6)
}

// framing is what a provider adds to a prompt, tokens: the instructions around
// a reply schema or a tool.
const framing = 500

// Estimate is the most a call is likely to cost, in US dollars, for the
// reservation: two bytes a token in (English has four, code and other scripts
// less), and the whole output limit. bytes is of the prompt and its schema.
func Estimate(t policy.Tier, bytes, maxTokens int) float64 {
	return defaultPrice(t).of(bytes/2+framing, maxTokens)
}

// Of is what a call of so many tokens costs by the list price of the model
// that answered, else by the tier's usual one, in US dollars. known is false
// for a tier without a price.
func Of(t policy.Tier, model string, in, out int) (usd float64, known bool) {
	p := priceOf(model, in, defaultPrice(t))
	return p.of(in, out), p != price{}
}

func defaultPrice(t policy.Tier) price {
	if p, ok := tierPrice[t]; ok {
		return p
	}
	return tierPrice[policy.Balanced]
}

// List is what a tier takes by its list price, USD per million tokens in
// and out, on Date. The local tier is free.
func List(t policy.Tier) (in, out float64) {
	p := tierPrice[t]
	return p.in, p.out
}
