package tinygguf

// sliceWeights makes one block of a real size. Its weights are bytes: what they
// are worth changes nothing in what they cost.
func (m *model) sliceWeights() {
	d, q, kv, ff := m.width, m.heads*m.head, m.kvHeads*m.head, m.feedForward
	m.noise("token_embd.weight", d, m.vocabulary)
	m.add("blk.0.attn_norm.weight", ones(d), d)
	m.noise("blk.0.attn_q.weight", d, q)
	m.noise("blk.0.attn_k.weight", d, kv)
	m.noise("blk.0.attn_v.weight", d, kv)
	m.noise("blk.0.attn_output.weight", q, d)
	if m.Arch == Qwen3 {
		m.add("blk.0.attn_q_norm.weight", ones(m.head), m.head)
		m.add("blk.0.attn_k_norm.weight", ones(m.head), m.head)
	}
	m.add("blk.0.ffn_norm.weight", ones(d), d)
	m.noise("blk.0.ffn_gate.weight", d, ff)
	m.noise("blk.0.ffn_up.weight", d, ff)
	m.noise("blk.0.ffn_down.weight", ff, d)
	m.add("output_norm.weight", ones(d), d)
	m.noise("output.weight", d, m.vocabulary)
}

// noise adds a tensor of random weights up to about .05 in Q4_K, as most models
// are served: of each block two scales, half floats, twelve bytes of finer scales,
// and half a byte a weight.
func (m *model) noise(name string, in, out int) {
	const scale, least, size = 0x0219, 0x0c6c, 2 + 2 + 12 + blockQ4K/2 // 3.2e-5 and 2.7e-4
	data := make([]byte, in/blockQ4K*out*size)
	m.rng.Read(data) // never fails
	for i := 0; i < len(data); i += size {
		data[i], data[i+1], data[i+2], data[i+3] = scale&0xff, scale>>8, least&0xff, least>>8
	}
	m.addQ4K(name, data, in, out)
}
