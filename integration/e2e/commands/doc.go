// Package commands holds the tests of doctor and eval against the real thing: a
// real Ollama, a real LiteLLM proxy, and a backlog of sixty labelled tickets.
package commands
