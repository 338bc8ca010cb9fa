// Package eval holds the tests of `localmodel eval` against the real thing: a
// real Ollama, a real LiteLLM proxy, and a backlog of sixty labelled tickets.
package eval
