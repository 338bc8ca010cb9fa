// Package statestore remembers what happened: gate outcomes, attempts, model
// calls, decisions and money, in a journal that is the truth, and a projection
// of the plan's counters into .claude/implementer-state.json.
//
// The journal is SQLite in .claude/localmodel/journal.db, or Postgres for a
// team. An outcome is on disk before Record returns.
//
// An outcome is counted once. Its key is the event id, else the client's
// tool-use id, else none: then every call counts. A key is unique per ticket
// and outlives retention. The same key with the same payload (gate, outcome,
// route, quality, evidence) gives the first answer again, marked Repeated; with
// another payload it is ErrConflict and changes nothing.
//
// Beneath it: journal says what a record means, inside a transaction; sqldb
// opens the database and runs the transactions; projection writes the state
// file. Here they are put together, with what goes on beside the calls: the
// file follows, what a server could not take is delivered, what is old is
// folded.
package statestore
