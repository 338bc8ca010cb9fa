package shop

import (
	"errors"
	"strings"
	"testing"
)

// bank is a Gateway that counts its calls.
type bank struct{ charges, refunds int }

func (b *bank) Charge(order, cents int) error { b.charges++; return nil }
func (b *bank) Refund(order, cents int) error { b.refunds++; return nil }

func TestCharge(t *testing.T) {
	b := &bank{}
	till := NewTill(b)
	if err := till.Charge(1, 400); err != nil {
		t.Fatal(err)
	}
	if err := till.Refund(1, 100); err != nil || till.paid[1] != 300 || b.charges != 1 || b.refunds != 1 {
		t.Errorf("%v, paid %d, %+v", err, till.paid[1], b)
	}
}

func TestReceipt(t *testing.T) {
	till := NewTill(&bank{})
	till.lines[1] = []Line{{SKU: "A", Quantity: 2, Cents: 105}}
	if got := till.Receipt(1); !strings.HasSuffix(got, "Order 1: 2.10\n") {
		t.Errorf("got %q", got)
	}
}

func TestRetry(t *testing.T) {
	calls := 0
	err := Retry(func() error {
		if calls++; calls < 2 {
			return errors.New("busy")
		}
		return nil
	})
	if err != nil || calls != 2 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestMethods(t *testing.T) {
	if got := Methods("NL"); len(got) != 4 {
		t.Errorf("got %q", got)
	}
}
