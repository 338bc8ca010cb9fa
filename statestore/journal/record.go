package journal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Record writes one outcome: the row, the attempt, the counters, the guard
// (through step, called exactly when a local attempt closes, with the guard's
// state under the attempt's key) and the key with its answer.
func Record(ctx context.Context, tx sqldb.Q, o Outcome, now time.Time, step Step) (Recorded, error) {
	return (&recording{ctx: ctx, tx: tx, o: o, now: now, step: step}).run()
}

// recording is one transaction of Record.
type recording struct {
	ctx  context.Context //nolint:containedctx // lives for one transaction
	tx   sqldb.Q
	o    Outcome
	now  time.Time
	step Step
}

func (t *recording) exec(query string, args ...any) error {
	return t.tx.Exec(t.ctx, query, args...)
}

func (t *recording) row(query string, args ...any) *sql.Row {
	return t.tx.Row(t.ctx, query, args...)
}

func (t *recording) insert(query string, args ...any) (id int64, err error) {
	return t.tx.Insert(t.ctx, query, args...)
}

// Key is what makes the outcome one and the same; "" = every call counts.
func (o Outcome) Key() string {
	switch {
	case o.EventID != "":
		return "event:" + o.EventID
	case o.ToolUseID != "":
		return "use:" + o.ToolUseID
	}
	return ""
}

// Payload is a digest of what an outcome says.
func (o Outcome) Payload() string {
	quality := "-"
	if o.Quality != nil {
		quality = fmt.Sprint(*o.Quality)
	}
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s\x00%t\x00%s\x00%s\x00%s", o.Gate, o.Pass, o.Route, quality, o.Evidence)))
	return hex.EncodeToString(sum[:])
}

func (t *recording) run() (Recorded, error) {
	state, err := t.ticket()
	if err != nil {
		return Recorded{}, err
	}
	if key := t.o.Key(); key != "" {
		r, found, err := t.repeated(key, state)
		if found || err != nil {
			return r, err
		}
	}
	return t.first(state)
}

func (t *recording) ticket() (ticketState, error) {
	state := ticketState{runs: map[string]int{}}
	var runs string
	err := t.row(`SELECT attempt, escalated, runs FROM tickets WHERE ticket = ?`, t.o.TicketID).Scan(&state.attempt, &state.escalated, &runs)
	if errors.Is(err, sql.ErrNoRows) {
		return state, nil
	}
	if err != nil {
		return state, err
	}
	return state, json.Unmarshal([]byte(runs), &state.runs)
}

// repeated answers an outcome that is there already.
func (t *recording) repeated(key string, state ticketState) (r Recorded, found bool, err error) {
	var payload, reply string
	var outcome, attempt int64
	err = t.row(`SELECT payload, outcome, attempt, reply FROM keys WHERE ticket = ? AND event = ?`, t.o.TicketID, key).
		Scan(&payload, &outcome, &attempt, &reply)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	if payload != t.o.Payload() {
		return r, true, fmt.Errorf("%w (ticket %s)", ErrConflict, t.o.TicketID)
	}
	if err := json.Unmarshal([]byte(reply), &r); err != nil {
		return r, true, fmt.Errorf("stored reply: %w", err)
	}
	r.Repeated = true
	if attempt != 0 {
		if r.Attempt, err = ReadAttempt(t.ctx, t.tx, attempt, outcome); err != nil {
			return r, true, err
		}
	}
	r.NextEventID, err = t.nextEventID(state, t.o.Gate)
	return r, true, err
}

// NextEventID is the key to record a gate's next outcome under.
func NextEventID(ctx context.Context, q sqldb.Q, ticketID, gate string) (string, error) {
	t := &recording{ctx: ctx, tx: q, o: Outcome{TicketID: ticketID}}
	state, err := t.ticket()
	if err != nil {
		return "", err
	}
	return t.nextEventID(state, gate)
}

// nextEventID is the next key of a gate that is not used yet.
func (t *recording) nextEventID(state ticketState, gate string) (string, error) {
	for n := state.runs[gate] + 1; ; n++ {
		id := fmt.Sprintf("%s:%s:%d", t.o.TicketID, gate, n)
		var one int
		err := t.row(`SELECT 1 FROM keys WHERE ticket = ? AND event = ?`, t.o.TicketID, "event:"+id).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return id, nil
		}
		if err != nil {
			return "", err
		}
	}
}

// first counts an outcome not seen before.
func (t *recording) first(state ticketState) (Recorded, error) {
	fails, key, err := t.openAttempt(state.attempt)
	if err != nil {
		return Recorded{}, err
	}
	v := judge(state, fails, t.o)
	if v.opens {
		if key, err = t.begin(&state); err != nil {
			return Recorded{}, err
		}
	}
	late, err := t.clockWentBack()
	if err != nil {
		return Recorded{}, err
	}
	attempt := int64(0)
	if v.route == "local" {
		attempt = state.attempt
	}
	outcome, err := t.insert(`INSERT INTO outcomes (ticket, attempt, gate, pass, quality, evidence, route, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		t.o.TicketID, attempt, t.o.Gate, flag(t.o.Pass), t.o.Quality, t.o.Evidence, v.route, t.now.UnixMilli())
	if err != nil {
		return Recorded{}, err
	}
	if attempt != 0 {
		if err := t.advance(attempt, fails, v); err != nil {
			return Recorded{}, err
		}
	}
	stats, err := t.count(attempt, key, v)
	if err != nil {
		return Recorded{}, err
	}
	r := Recorded{Action: v.action, EscalateTo: v.escalateTo, Message: v.message, Route: v.route, Stats: stats}
	for _, text := range []string{v.warning, late} {
		if text != "" {
			r.Warnings = append(r.Warnings, text)
		}
	}
	if attempt != 0 && v.escalates {
		if r.Attempt, err = ReadAttempt(t.ctx, t.tx, attempt, outcome); err != nil {
			return Recorded{}, err
		}
	}
	return r, t.finish(&r, state, v, outcome, attempt)
}

// openAttempt reads the failures so far, and whose record the attempt is.
func (t *recording) openAttempt(id int64) (fails map[string]int, key GuardKey, err error) {
	fails = map[string]int{}
	if id == 0 {
		return fails, key, nil
	}
	var text string
	if err := t.row(`SELECT fails, class, digest FROM attempts WHERE id = ?`, id).Scan(&text, &key.Class, &key.Digest); err != nil {
		return nil, key, err
	}
	return fails, key, json.Unmarshal([]byte(text), &fails)
}

// clockWentBack notes that the clock stands before the last outcome. Nothing
// depends on it, outcomes are in the order of their recording; a person reads
// the times, though.
func (t *recording) clockWentBack() (warning string, err error) {
	var last int64
	err = t.row(`SELECT at FROM outcomes ORDER BY id DESC LIMIT 1`).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if back := time.UnixMilli(last).Sub(t.now); err == nil && back > time.Minute {
		warning = fmt.Sprintf("the clock stands %s before the last recorded outcome; it was recorded in order, but look at the clock (date)", back.Round(time.Second))
	}
	return warning, err
}

// begin opens an attempt for a ticket whose outcome says that it is local's,
// under the class it was last classified as.
func (t *recording) begin(state *ticketState) (GuardKey, error) {
	key := t.o.Default
	if key.Class == "" {
		key.Class = "medium"
	}
	err := t.row(`SELECT complexity, digest FROM decisions WHERE ticket = ? ORDER BY at DESC LIMIT 1`, t.o.TicketID).Scan(&key.Class, &key.Digest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return key, err
	}
	state.attempt, err = t.insert(`INSERT INTO attempts (ticket, class, digest, opened, closed, state, plan, model, fails) VALUES (?, ?, ?, ?, 0, 'open', '', '', '{}')`,
		t.o.TicketID, key.Class, key.Digest, t.now.UnixMilli())
	return key, err
}

// advance writes the outcome into its attempt.
func (t *recording) advance(id int64, fails map[string]int, v verdict) error {
	if !t.o.Pass {
		fails[t.o.Gate]++
	}
	text, err := json.Marshal(fails)
	if err != nil {
		return err
	}
	state, closed := "open", int64(0)
	if v.closes {
		state, closed = "done", max(t.now.UnixMilli(), 1)
		if v.escalates {
			state = "escalated"
		}
	}
	return t.exec(`UPDATE attempts SET fails = ?, state = ?, closed = ?, quality = COALESCE(?, quality) WHERE id = ?`,
		string(text), state, closed, t.o.Quality, id)
}

// count moves the counters and the guard when the attempt closes.
func (t *recording) count(attempt int64, key GuardKey, v verdict) (Stats, error) {
	c, err := ReadTotals(t.ctx, t.tx)
	if err != nil || !v.closes {
		return c.Stats(), err
	}
	var quality sql.NullFloat64
	if err := t.row(`SELECT quality FROM attempts WHERE id = ?`, attempt).Scan(&quality); err != nil {
		return Stats{}, err
	}
	if quality.Valid {
		c.qualitySum, c.qualityN = c.qualitySum+quality.Float64, c.qualityN+1
	}
	if v.escalates {
		c.escalated++
		c.failures[t.o.Gate]++
	} else {
		c.success++
	}
	if err := writeTotals(t.ctx, t.tx, c); err != nil {
		return Stats{}, err
	}
	if err := t.settleGuard(key, v.escalates); err != nil {
		return Stats{}, err
	}
	return c.Stats(), nil
}

func (t *recording) settleGuard(key GuardKey, escalated bool) error {
	var state string
	err := t.row(`SELECT state FROM guard WHERE class = ? AND digest = ?`, key.Class, key.Digest).Scan(&state)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if t.step != nil {
		next, err := t.step([]byte(state), Closed{TicketID: t.o.TicketID, Escalated: escalated})
		if err != nil {
			return fmt.Errorf("guard: %w", err)
		}
		if err := t.exec(upsertGuard, key.Class, key.Digest, string(next)); err != nil {
			return err
		}
	}
	return t.exec(`DELETE FROM guard_memo WHERE ticket = ?`, t.o.TicketID)
}

// finish writes where the ticket stands now, and the key with its answer.
func (t *recording) finish(r *Recorded, state ticketState, v verdict, outcome, attempt int64) error {
	state.runs[t.o.Gate]++
	switch {
	case v.escalates:
		state.attempt, state.escalated = 0, t.o.Gate
	case v.closes:
		state.attempt = 0
	}
	if v.action == "complete" {
		state.escalated = ""
	}
	runs, err := json.Marshal(state.runs)
	if err != nil {
		return err
	}
	if err := t.exec(`INSERT INTO tickets (ticket, attempt, escalated, runs) VALUES (?, ?, ?, ?)
ON CONFLICT (ticket) DO UPDATE SET attempt = excluded.attempt, escalated = excluded.escalated, runs = excluded.runs`,
		t.o.TicketID, state.attempt, state.escalated, string(runs)); err != nil {
		return err
	}
	if key := t.o.Key(); key != "" {
		reply, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := t.exec(`INSERT INTO keys (ticket, event, payload, outcome, attempt, reply) VALUES (?, ?, ?, ?, ?, ?)`,
			t.o.TicketID, key, t.o.Payload(), outcome, attempt, string(reply)); err != nil {
			return err
		}
	}
	r.NextEventID, err = t.nextEventID(state, NextGate(t.o.Gate, t.o.Pass))
	return err
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
