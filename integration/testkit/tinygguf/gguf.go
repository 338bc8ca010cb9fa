package tinygguf

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Value types of GGUF metadata.
const (
	typeUint32  = 4
	typeInt32   = 5
	typeFloat32 = 6
	typeBool    = 7
	typeString  = 8
	typeArray   = 9
)

const (
	version   = 3
	alignment = 32 // GGUF's default
	typeF32   = 0  // tensor types
	typeQ4K   = 12 // Q4_K, blocks of blockQ4K weights
	blockQ4K  = 256
)

type entry struct {
	key   string
	value any // uint32, float32, bool, string, []string or []int32
}

// tensor has its dimensions in GGUF's order: the first varies fastest.
type tensor struct {
	name string
	dims []int
	kind uint32
	data any // []float32 or, of Q4_K, its bytes
	size int // of data, bytes
}

// file is a GGUF file in memory.
type file struct {
	entries []entry
	tensors []tensor
}

func (f *file) set(key string, value any) { f.entries = append(f.entries, entry{key, value}) }

func (f *file) add(name string, data []float32, dims ...int) {
	f.tensors = append(f.tensors, tensor{name, dims, typeF32, data, 4 * len(data)})
}

// writeTo writes the header, the table of tensors and their data, each through a
// buffer, which cannot fail. Each is padded, so each begins where it must.
func (f *file) writeTo(w io.Writer) error {
	var e encoder
	e.WriteString("GGUF")
	e.put(uint32(version), uint64(len(f.tensors)), uint64(len(f.entries)))
	for _, kv := range f.entries {
		e.string(kv.key)
		e.value(kv.value)
	}
	offset := 0
	for _, t := range f.tensors {
		e.string(t.name)
		e.put(uint32(len(t.dims)))
		for _, n := range t.dims {
			e.put(uint64(n))
		}
		e.put(t.kind, uint64(offset))
		offset += t.size
		offset += padding(offset)
	}
	e.pad()
	for _, t := range f.tensors {
		if _, err := e.WriteTo(w); err != nil { // what comes before it; a slice is large
			return err
		}
		if raw, ok := t.data.([]byte); ok {
			e.Write(raw)
		} else {
			e.put(t.data)
		}
		e.pad()
	}
	_, err := e.WriteTo(w)
	return err
}

type encoder struct{ bytes.Buffer }

// put writes fixed-size values, little-endian.
func (e *encoder) put(values ...any) {
	for _, v := range values {
		if err := binary.Write(&e.Buffer, binary.LittleEndian, v); err != nil {
			panic(err) // a value of no fixed size: a mistake in this package
		}
	}
}

func (e *encoder) string(s string) {
	e.put(uint64(len(s)))
	e.WriteString(s)
}

func (e *encoder) value(v any) {
	switch v := v.(type) {
	case uint32:
		e.put(uint32(typeUint32), v)
	case float32:
		e.put(uint32(typeFloat32), v)
	case bool:
		e.put(uint32(typeBool), v)
	case string:
		e.put(uint32(typeString))
		e.string(v)
	case []string:
		e.put(uint32(typeArray), uint32(typeString), uint64(len(v)))
		for _, s := range v {
			e.string(s)
		}
	case []int32:
		e.put(uint32(typeArray), uint32(typeInt32), uint64(len(v)), v)
	}
}

func (e *encoder) pad() { e.Write(make([]byte, padding(e.Len()))) }

func padding(n int) int { return (alignment - n%alignment) % alignment }
