package routing

import "github.com/fjbelchi/localmodel/routing/policy"

// ListPrice is what a tier takes by its list price, USD per million tokens in
// and out, on PricesDate. The local tier is free.
func ListPrice(t policy.Tier) (in, out float64) {
	p := tierPrice[t]
	return p.in, p.out
}
