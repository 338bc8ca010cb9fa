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
// One file for each subject. Beneath: sqldb opens the database and runs the
// transactions, projection writes the state file, project says which project a
// directory is.
package statestore
