// Package statestore remembers what happened: gate outcomes, attempts, model
// calls, decisions and money, in a journal that is the truth, and a projection
// of the plan's counters into .claude/implementer-state.json.
//
// The journal is one SQLite database of the user's, or Postgres for a team.
// Every row belongs to its project. An outcome is on disk before Record
// returns.
//
// An outcome is counted once. Its key is the event id, else the client's
// tool-use id, else none: then every call counts. A key is unique per ticket.
// The same key with the same payload (gate, outcome, route, quality, evidence)
// gives the first reply again, marked Repeated; with another payload it is
// ErrConflict and changes nothing.
//
// This package is the way of a ticket: its state, its attempts and its outcomes,
// recorded here or kept while a server is away. Each other subject has a package
// beneath, whose methods a Store has: money, guard, drafts, decisions, calls. All
// of them write through journal, which has the tables, the projects with their
// counters, and the state file.
package statestore
