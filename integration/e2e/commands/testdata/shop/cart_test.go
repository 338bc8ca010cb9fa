package shop

import "testing"

func TestTotal(t *testing.T) {
	c := &Cart{lines: []Line{{SKU: "A", Quantity: 2, Cents: 1000}}}
	if got := c.Total(); got != 2000+deliveryFee {
		t.Errorf("with delivery: %d", got)
	}
	c.coupon = 500
	if got := c.Total(); got != 1500+deliveryFee {
		t.Errorf("with a coupon: %d", got)
	}
	c.lines[0].Quantity = 10
	if got := c.Total(); got != 9500 {
		t.Errorf("without delivery: %d", got)
	}
}

func TestLines(t *testing.T) {
	c, guest := &Cart{}, &Cart{}
	c.AddLine("A", 1, 100)
	guest.AddLine("B", 2, 200)
	c.Merge(guest)
	c.RemoveLine("A")
	if len(c.lines) != 1 || c.lines[0].SKU != "B" {
		t.Errorf("got %v", c.lines)
	}
}

func TestDiscount(t *testing.T) {
	if got := Discount(200, 10); got != 20 {
		t.Errorf("10 %% of 200: %d", got)
	}
}
