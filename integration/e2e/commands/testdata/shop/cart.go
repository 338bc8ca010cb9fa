// Package shop sells things: carts, taxes, mails, stock, accounts, search, dates
// and payments of a small mail order business. All sums are cents.
package shop

import "math"

const (
	deliveryFee  = 490  // of one order
	freeDelivery = 5000 // from this sum on delivery costs nothing
)

// Line is an article in a cart or an order.
type Line struct {
	SKU      string
	Quantity int
	Cents    int // of one piece
}

// Cart is what a customer is about to order.
type Cart struct {
	lines  []Line
	coupon int // taken off the order
}

// Total returns what the customer pays, coupon and delivery included.
func (c *Cart) Total() int {
	sum := -c.coupon
	for _, l := range c.lines {
		sum += l.Cents * l.Quantity
	}
	if sum < freeDelivery {
		sum += deliveryFee
	}
	return sum
}

// AddLine puts n pieces of an article into the cart.
func (c *Cart) AddLine(sku string, n, cents int) {
	c.lines = append(c.lines, Line{SKU: sku, Quantity: n, Cents: cents})
}

// RemoveLine takes an article out of the cart.
func (c *Cart) RemoveLine(sku string) {
	i := c.find(sku)
	c.lines = append(c.lines[:i], c.lines[i+1:]...)
}

// find returns the place of an article in the cart, -1 where it is not in it.
func (c *Cart) find(sku string) int {
	for i, l := range c.lines {
		if l.SKU == sku {
			return i
		}
	}
	return -1
}

// Discount returns how much percent of a sum is.
func Discount(cents, percent int) int {
	return int(math.Round(float64(cents) * float64(percent) / 100))
}

// Merge adds the lines of another cart, that of a guest who has signed in.
func (c *Cart) Merge(other *Cart) {
	for i := range other.lines {
		i := i
		c.lines = append(c.lines, other.lines[i])
	}
}
