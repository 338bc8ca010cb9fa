// Package drafting takes tickets through the real program with drafts of a local
// model: from the plan to the commit, over a kill, beside other calls. A server
// that imitates Ollama plays a strong model, which no small real one is.
package drafting
