package prices

import (
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
)

func TestPrices(t *testing.T) {
	for _, c := range []struct {
		model string
		in    int
		want  price
	}{
		{"claude-haiku-4-5-20251001", 10, price{1, 5}},
		{"anthropic/claude-haiku-4.5", 10, price{1, 5}},
		{"claude-haiku-5-5", 100_000, price{0.10, 0.50}},
		{"claude-haiku-5-5", 100_001, price{0.50, 2.50}},
		{"claude-sonnet-4-6", 10, price{3, 15}},
		{"claude-sonnet-5-5", 10, price{2, 10}},
		{"claude-opus-5-5", 10, price{4, 20}},
		{"gpt-9", 10, price{7, 7}},
	} {
		if got := priceOf(c.model, c.in, price{7, 7}); got != c.want {
			t.Errorf("%s, %d tokens: %v, want %v", c.model, c.in, got, c.want)
		}
	}
	if got := priceOf("bedrock/us.anthropic.claude-haiku-4-5-v1:0", 1, price{}).of(1e6, 0); got != 1.1 {
		t.Errorf("Bedrock's regional profile: $%g", got)
	}
	if _, err := time.Parse(time.DateOnly, Date); err != nil {
		t.Error(err)
	}
}

// The reservation must hold for prompts that need many tokens a byte, and for
// what a schema adds.
func TestEstimateIsOnTheSafeSide(t *testing.T) {
	for _, text := range []string{"", strings.Repeat("word ", 2000), strings.Repeat("字", 3000), strings.Repeat("{}[]();\n", 500)} {
		tokens := len([]rune(text)) // more than any tokenizer makes of words or ideographs
		if strings.HasPrefix(text, "word") {
			tokens = 2000
		}
		if strings.HasPrefix(text, "{") {
			tokens = len(text) / 2
		}
		if least, got := tierPrice[policy.Cheap].of(tokens, 100), Estimate(policy.Cheap, len(text), 100); got < least {
			t.Errorf("%d bytes: $%f reserved, may cost $%f", len(text), got, least)
		}
	}
}
