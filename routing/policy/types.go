// Package policy holds the pure decisions of the product: what a ticket is,
// whether the local model may have it, and what a gate's outcome leads to. It
// does no I/O, reads no clock and imports nothing of the project
// but the guess of a category beneath it.
package policy

import (
	"fmt"
	"strings"
	"unicode"
)

// Tier is one level of models: the free local one, then two paid ones.
type Tier string

// The tiers, cheapest first.
const (
	Local    Tier = "local"
	Cheap    Tier = "cheap"
	Balanced Tier = "balanced"
)

// Route says which tiers a caller allows.
type Route string

// Auto asks every tier in order, OnlyLocal asks only tiers on this machine and
// OnlyCloud skips the local tier.
const (
	Auto      Route = "auto"
	OnlyLocal Route = "local"
	OnlyCloud Route = "cloud"
)

// Complexity is how hard a ticket is.
type Complexity string

// The complexities, easiest first.
const (
	Low    Complexity = "low"
	Medium Complexity = "medium"
	High   Complexity = "high"
)

// Owner is whose ticket it is: the local model's or the cloud's.
type Owner string

// The owners.
const (
	OwnerLocal Owner = "local"
	OwnerCloud Owner = "cloud"
)

// Outcome is what a gate said.
type Outcome string

// The outcomes.
const (
	Pass Outcome = "pass"
	Fail Outcome = "fail"
)

// Action is what the caller does next.
type Action string

// The actions. Stop means: show the user what was tried and do not retry.
const (
	Continue Action = "continue"
	Retry    Action = "retry"
	Escalate Action = "escalate"
	Stop     Action = "stop"
	Complete Action = "complete"
)

// Shorten makes foreign text fit for a reason: ASCII, one line, at most n
// bytes.
func Shorten(text string, n int) string {
	if len(text) > 8*n { // what is cut need not be looked at
		text = text[:8*n]
	}
	text = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.Join(strings.Fields(text), " "))
	if len(text) > n {
		return text[:n-3] + "..."
	}
	return text
}

// TwoDigits writes a share as ".41".
func TwoDigits(v float64) string {
	return strings.TrimPrefix(fmt.Sprintf("%.2f", v), "0")
}
