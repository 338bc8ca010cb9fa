package tinygguf

import (
	"fmt"
	"regexp"
)

func (m *model) tokenizer() {
	const normal, control, unused = 1, 3, 5
	tokens := byteTokens()
	merges := []string{tokens['t'] + " " + tokens['h']}
	tokens = append(tokens, tokens['t']+tokens['h'], "<|endoftext|>", "<|im_start|>", "<|im_end|>")
	tokens, merges = learn(tokens, merges, m.Words)
	types := make([]int32, max(vocabulary, (len(tokens)+31)/32*32))
	for i := range types {
		types[i] = normal
	}
	for i := tokenText; i <= tokenEnd; i++ {
		types[i] = control
	}
	for i := len(tokens); i < len(types); i++ {
		tokens, types[i] = append(tokens, fmt.Sprintf("[PAD%d]", i)), unused
	}
	m.vocabulary = len(tokens)
	m.set(m.Arch+".vocab_size", uint32(len(tokens))) //nolint:gosec // small
	m.set("tokenizer.ggml.model", "gpt2")
	m.set("tokenizer.ggml.pre", "qwen2")
	m.set("tokenizer.ggml.tokens", tokens)
	m.set("tokenizer.ggml.token_type", types)
	m.set("tokenizer.ggml.merges", merges)
	m.set("tokenizer.ggml.bos_token_id", uint32(tokenText))
	m.set("tokenizer.ggml.eos_token_id", uint32(tokenEnd))
	m.set("tokenizer.ggml.padding_token_id", uint32(tokenText))
	m.set("tokenizer.ggml.add_bos_token", false)
}

// word is what the tokenizer looks at by itself, roughly.
var word = regexp.MustCompile(` ?\pL+| ?[^\s\pL\pN]+`)

// learn adds the words of a text, each through its beginnings: of the first two
// bytes one token is made, of that and the third the next.
func learn(tokens, merges []string, text string) (_, _ []string) {
	known := map[string]bool{}
	for _, t := range tokens {
		known[t] = true
	}
	for _, w := range word.FindAllString(text, -1) {
		begun := tokens[w[0]]
		for _, b := range []byte(w[1:]) {
			next := begun + tokens[b]
			if !known[next] {
				known[next] = true
				tokens, merges = append(tokens, next), append(merges, begun+" "+tokens[b])
			}
			begun = next
		}
	}
	return tokens, merges
}

// byteTokens is GPT-2's printable name of each byte.
func byteTokens() []string {
	out := make([]string, 256, vocabulary)
	unprintable := 0
	for b := range out {
		if (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE {
			out[b] = string(rune(b))
			continue
		}
		out[b] = string(rune(256 + unprintable))
		unprintable++
	}
	return out
}
