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
	"slices"
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
	m.weights()
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
	m.set("general.architecture", m.Arch)
	m.set("general.name", "tiny")
	m.set("general.file_type", uint32(0))
	for _, e := range []struct {
		key   string
		value int
	}{
		{"block_count", m.blocks},
		{"context_length", m.Context},
		{"embedding_length", m.width},
		{"feed_forward_length", m.feedForward},
		{"attention.head_count", m.heads},
		{"attention.head_count_kv", m.kvHeads},
		{"attention.key_length", m.head},
		{"attention.value_length", m.head},
		{"rope.dimension_count", m.head},
	} {
		m.set(m.Arch+"."+e.key, uint32(e.value)) //nolint:gosec // small, or a test's own number
	}
	m.set(m.Arch+".attention.layer_norm_rms_epsilon", float32(1e-5))
	m.set(m.Arch+".rope.freq_base", float32(10000))
}

func (m *model) weights() {
	d, q, kv, ff := m.width, m.heads*m.head, m.kvHeads*m.head, m.feedForward
	matrix, output := m.noise, []float32(nil)
	if m.Slice == (Slice{}) {
		var embed []float32
		var spread float64 // 0: the blocks add nothing, and the answer hangs on the last token only
		if len(m.Say) > 0 {
			embed, output = m.steeredTable()
		} else {
			embed, output, spread = m.randomTable()
		}
		m.add("token_embd.weight", embed, d, vocabulary)
		matrix = func(name string, in, out int) { m.add(name, m.normal(in*out, spread), in, out) }
	} else {
		m.noise("token_embd.weight", d, m.vocabulary)
	}
	for i := range m.blocks {
		p := fmt.Sprintf("blk.%d.", i)
		m.add(p+"attn_norm.weight", ones(d), d)
		matrix(p+"attn_q.weight", d, q)
		matrix(p+"attn_k.weight", d, kv)
		matrix(p+"attn_v.weight", d, kv)
		matrix(p+"attn_output.weight", q, d)
		if m.Arch == Qwen3 {
			m.add(p+"attn_q_norm.weight", ones(m.head), m.head)
			m.add(p+"attn_k_norm.weight", ones(m.head), m.head)
		}
		m.add(p+"ffn_norm.weight", ones(d), d)
		matrix(p+"ffn_gate.weight", d, ff)
		matrix(p+"ffn_up.weight", d, ff)
		matrix(p+"ffn_down.weight", ff, d)
	}
	m.add("output_norm.weight", ones(d), d)
	if output != nil {
		m.add("output.weight", output, d, vocabulary)
	} else {
		m.noise("output.weight", d, m.vocabulary)
	}
}

// noise adds a tensor of random weights up to about .05 in Q4_K, as most models
// are served: of each block two scales, half floats, twelve bytes of finer scales,
// and half a byte a weight. Its weights are bytes: what they are worth changes
// nothing in what they cost.
func (m *model) noise(name string, in, out int) {
	const scale, least, size = 0x0219, 0x0c6c, 2 + 2 + 12 + blockQ4K/2 // 3.2e-5 and 2.7e-4
	data := make([]byte, in/blockQ4K*out*size)
	m.rng.Read(data) // never fails
	for i := 0; i < len(data); i += size {
		data[i], data[i+1], data[i+2], data[i+3] = scale&0xff, scale>>8, least&0xff, least>>8
	}
	m.tensors = append(m.tensors, tensor{name, []int{in, out}, typeQ4K, data, len(data)})
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
	return slices.Repeat([]float32{1}, n)
}
