package shop

import (
	"fmt"
	"time"
)

// Gateway is the bank's side of a payment.
type Gateway interface {
	Charge(order, cents int) error
	Refund(order, cents int) error
}

// Till takes payments and gives them back.
type Till struct {
	Gateway Gateway

	paid  map[int]int    // cents, by order
	lines map[int][]Line // the articles of an order
}

// NewTill returns a till without payments.
func NewTill(g Gateway) *Till {
	return &Till{Gateway: g, paid: map[int]int{}, lines: map[int][]Line{}}
}

// Charge takes the payment of an order.
func (t *Till) Charge(order, cents int) error {
	if err := t.Gateway.Charge(order, cents); err != nil {
		return fmt.Errorf("charge %d cents: %w", cents, err)
	}
	t.paid[order] += cents
	return nil
}

// Refund gives back a part of what was paid for an order.
func (t *Till) Refund(order, cents int) error {
	if err := t.Gateway.Refund(order, cents); err != nil {
		return fmt.Errorf("refund %d cents: %w", cents, err)
	}
	t.paid[order] -= cents
	return nil
}

// Receipt returns the receipt of an order as text.
func (t *Till) Receipt(order int) string {
	sum := 0
	for _, l := range t.lines[order] {
		sum += l.Quantity * l.Cents
	}
	return fmt.Sprintf("Order %d: %d.%02d\n", order, sum/100, sum%100)
}

// pause is how long Retry waits between two tries.
var pause = 10 * time.Millisecond

// Retry calls the gateway until it answers.
func Retry(call func() error) error {
	for {
		err := call()
		if err == nil {
			return nil
		}
		time.Sleep(pause)
	}
}

// Methods lists how customers of a country can pay.
func Methods(country string) []string {
	methods := []string{"PayPal", "Card", "Invoice"}
	if country == "NL" {
		methods = append(methods, "iDEAL")
	}
	return methods
}
