// Package tinygguf writes tiny language models, under 1 MB, that a real Ollama
// server loads and runs in milliseconds. Their weights are random, or steered
// so that the model says a given text.
//
// One token is one byte (but for "th", since a tokenizer needs a merge), so
// counts of tokens are predictable.
//
// A slice is not tiny: it has one block as large as a real model's, and knows
// words, so that what takes time in it takes time in the same proportions.
package tinygguf

import (
	"fmt"
	"io"
	"math"
	"math/rand"
)

// Architectures: Ollama runs each with another of its two engines.
const (
	Llama = "llama"
	Qwen3 = "qwen3"
)

// Start and End mark in a Text how an answer begins and that it ends. A chat
// prompt ends in a line break, which is what the first byte follows.
const (
	Start = "\n"
	End   = "\x00"
)

// Options say what model is written. The zero value is a random llama.
type Options struct {
	Arch    string // Llama or Qwen3; "" = Llama
	Seed    int64  // of the random weights
	Context int    // context length the model claims, tokens; 0 = 131072
	// Say steers the model: after a byte of a text it prefers the next byte of
	// that text. It knows only its last byte, so where a byte is followed by
	// several the strongest wins, or, under a reply schema, the strongest that
	// the schema allows. Empty = random weights.
	Say []Text
	// Heads and Blocks are the attention of a steered model, 32 channels a head.
	// They add nothing to what it says and are what a server spends its time on
	// over a long prompt. 0 = 1.
	Heads, Blocks int
	// Slice makes one block of a real model's size, with random weights; Words
	// are texts whose words are then a token each, or few. Not with Say.
	Slice Slice
	Words string
}

// Slice is the size of a block.
type Slice struct{ Width, Heads, KVHeads, Head, FeedForward int }

// Qwen3Of8B is a block of qwen3:8b, one of its 36, in its Q4_K: 193 million
// weights, 109 MB.
var Qwen3Of8B = Slice{Width: 4096, Heads: 32, KVHeads: 8, Head: 128, FeedForward: 12288}

// Text is something a steered model says.
type Text struct {
	Text string
	// Boost is the logit of each step. Choices that must hold need a distance
	// of a few points and of more than a tenth, since a server's repeat
	// penalty divides. Without a text the printable bytes have 0 to 2.
	Boost float64
}

const (
	blocks      = 2
	feedForward = 128
	vocabulary  = 288 // a multiple of 32; of a slice more
	tokenTH     = 256
	tokenText   = 257 // <|endoftext|>
	tokenStart  = 258 // <|im_start|>
	tokenEnd    = 259 // <|im_end|>, which ends an answer
)

// Write writes a model as a GGUF file.
func Write(w io.Writer, o Options) error {
	if o.Arch == "" {
		o.Arch = Llama
	}
	if o.Arch != Llama && o.Arch != Qwen3 {
		return fmt.Errorf("tinygguf: no architecture %q", o.Arch)
	}
	if o.Context == 0 {
		o.Context = 131072
	}
	m := model{Options: o, width: 64, heads: 4, kvHeads: 2, head: 16, blocks: blocks, feedForward: feedForward,
		rng: rand.New(rand.NewSource(o.Seed))} //nolint:gosec // repeatable on purpose
	switch s := o.Slice; {
	case s != Slice{}:
		m.width, m.heads, m.kvHeads, m.head, m.blocks, m.feedForward = s.Width, s.Heads, s.KVHeads, s.Head, 1, s.FeedForward
	case len(o.Say) > 0:
		heads := max(o.Heads, 1)
		m.width, m.heads, m.kvHeads, m.head, m.blocks = vocabulary, heads, heads, 32, max(o.Blocks, 1) // one channel per token
	}
	m.metadata()
	m.tokenizer()
	if o.Slice != (Slice{}) {
		m.sliceWeights()
	} else {
		m.weights()
	}
	return m.writeTo(w)
}

type model struct {
	Options
	file

	width, heads, kvHeads, head, blocks, feedForward int
	vocabulary                                       int // set by tokenizer
	rng                                              *rand.Rand
}

func (m *model) metadata() {
	head := m.head
	m.set("general.architecture", m.Arch)
	m.set("general.name", "tiny")
	m.set("general.file_type", uint32(0))
	for _, e := range []entry{
		{"block_count", uint32(m.blocks)},              //nolint:gosec // small
		{"context_length", uint32(m.Context)},          //nolint:gosec // a test's own number
		{"embedding_length", uint32(m.width)},          //nolint:gosec // small
		{"feed_forward_length", uint32(m.feedForward)}, //nolint:gosec // small
		{"attention.head_count", uint32(m.heads)},      //nolint:gosec // small
		{"attention.head_count_kv", uint32(m.kvHeads)}, //nolint:gosec // small
		{"attention.key_length", uint32(head)},         //nolint:gosec // small
		{"attention.value_length", uint32(head)},       //nolint:gosec // small
		{"attention.layer_norm_rms_epsilon", float32(1e-5)},
		{"rope.dimension_count", uint32(head)}, //nolint:gosec // small
		{"rope.freq_base", float32(10000)},
	} {
		m.set(m.Arch+"."+e.key, e.value)
	}
}

func (m *model) weights() {
	d, head := m.width, m.head
	embed, output, spread := m.randomTable()
	if len(m.Say) > 0 {
		embed, output = m.steeredTable()
		spread = 0 // the blocks add nothing: the answer hangs on the last token only
	}
	m.add("token_embd.weight", embed, d, vocabulary)
	for i := range m.blocks {
		p := fmt.Sprintf("blk.%d.", i)
		m.add(p+"attn_norm.weight", ones(d), d)
		m.add(p+"attn_q.weight", m.normal(d*m.heads*head, spread), d, m.heads*head)
		m.add(p+"attn_k.weight", m.normal(d*m.kvHeads*head, spread), d, m.kvHeads*head)
		m.add(p+"attn_v.weight", m.normal(d*m.kvHeads*head, spread), d, m.kvHeads*head)
		m.add(p+"attn_output.weight", m.normal(m.heads*head*d, spread), m.heads*head, d)
		if m.Arch == Qwen3 {
			m.add(p+"attn_q_norm.weight", ones(head), head)
			m.add(p+"attn_k_norm.weight", ones(head), head)
		}
		m.add(p+"ffn_norm.weight", ones(d), d)
		m.add(p+"ffn_gate.weight", m.normal(d*feedForward, spread), d, feedForward)
		m.add(p+"ffn_up.weight", m.normal(d*feedForward, spread), d, feedForward)
		m.add(p+"ffn_down.weight", m.normal(feedForward*d, spread), feedForward, d)
	}
	m.add("output_norm.weight", ones(d), d)
	m.add("output.weight", output, d, vocabulary)
}

// randomTable makes random weights, with channel 0 constant: through it each
// token has a bias that keeps the text printable.
func (m *model) randomTable() (embed, output []float32, spread float64) {
	scale := math.Sqrt(float64(m.width))
	embed = m.normal(vocabulary*m.width, 1)
	output = m.normal(vocabulary*m.width, 2/scale)
	for t := range vocabulary {
		embed[t*m.width] = float32(scale)
		output[t*m.width] = float32(bias(t) / scale * 1.5)
	}
	return embed, output, 0.5 / scale
}

// steeredTable gives each token a channel of its own, so that the output
// weights are a table: for each last token, the logit of each next one.
func (m *model) steeredTable() (embed, output []float32) {
	d := m.width
	embed, output = make([]float32, vocabulary*d), make([]float32, vocabulary*d)
	scale := math.Sqrt(float64(d)) // what the norm makes of a one
	for t := range vocabulary {
		embed[t*d+t] = 1
		for last := range vocabulary {
			output[t*d+last] = float32(bias(t) / scale)
		}
	}
	for _, say := range m.Say {
		for i := 1; i < len(say.Text); i++ {
			last, next := int(say.Text[i-1]), int(say.Text[i])
			if say.Text[i] == End[0] {
				next = tokenEnd
			}
			at := next*d + last
			output[at] = max(output[at], float32(say.Boost/scale))
		}
	}
	return embed, output
}

// bias is how much a model likes a token when nothing speaks for another.
func bias(token int) float64 {
	switch {
	case token == tokenEnd:
		return -2
	case token >= 'a' && token <= 'z', token == ' ':
		return 2
	case token >= ' ' && token <= '~', token == tokenTH:
		return 0
	default:
		return -12
	}
}

func (m *model) normal(n int, spread float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(m.rng.NormFloat64() * spread)
	}
	return x
}

func ones(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	return x
}
