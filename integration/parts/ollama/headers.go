//go:build headers

// Package ollama pins the Ollama server that the tests run, apart from the
// product's own module: go.mod names the server as a tool.
package ollama

// malgo ships miniaudio.h, which Ollama's sources include and its module zip
// lacks (module zips drop every directory named vendor).
import _ "github.com/gen2brain/malgo"
