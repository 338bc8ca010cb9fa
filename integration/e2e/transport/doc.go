// Package transport proves the stdio transport on the binary itself, spawned as
// a client spawns it, in both protocol eras: the handshake of 2025-11-25
// (initialize) and the stateless form of 2026-07-28 (server/discover, then
// every request with its own _meta and no initialize).
//
// It proves: what is no message, no method, no tool or no argument is answered
// in words and the session goes on; a line that is too long costs no memory; a
// hundred calls run side by side; progress comes before its result; a cancel
// finds its call wherever that is; the end of input leaves no call without
// its answer; a signal ends the process with exit 0 at once and loses nothing
// that was acknowledged; standard output carries nothing but JSON-RPC.
//
// Where a call has to be slow or to hang, a small HTTP server imitates an
// Ollama with a slow model: a real one cannot be told when to answer.
package transport
