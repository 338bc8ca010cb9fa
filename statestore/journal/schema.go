package journal

// Migrations bring a journal from one version to the next, forward only; the
// index is the version before. {id} and {real} differ between the stores. What
// is here is in people's journals: a change is a new one, appended.
var Migrations = []string{`
CREATE TABLE totals (one INTEGER PRIMARY KEY, success BIGINT NOT NULL, escalated BIGINT NOT NULL,
  quality_sum {real} NOT NULL, quality_n BIGINT NOT NULL, failures TEXT NOT NULL);
INSERT INTO totals VALUES (1, 0, 0, 0, 0, '{}');
CREATE TABLE tickets (ticket TEXT PRIMARY KEY, attempt BIGINT NOT NULL, escalated TEXT NOT NULL, runs TEXT NOT NULL);
CREATE TABLE attempts (id {id}, ticket TEXT NOT NULL, class TEXT NOT NULL, digest TEXT NOT NULL, opened BIGINT NOT NULL,
  closed BIGINT NOT NULL, state TEXT NOT NULL, plan TEXT NOT NULL, model TEXT NOT NULL, fails TEXT NOT NULL, quality {real});
CREATE INDEX attempts_closed ON attempts (closed);
CREATE TABLE outcomes (id {id}, ticket TEXT NOT NULL, attempt BIGINT NOT NULL, gate TEXT NOT NULL, pass INTEGER NOT NULL,
  quality {real}, evidence TEXT NOT NULL, route TEXT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX outcomes_attempt ON outcomes (attempt);
CREATE TABLE keys (ticket TEXT NOT NULL, event TEXT NOT NULL, payload TEXT NOT NULL, outcome BIGINT NOT NULL,
  attempt BIGINT NOT NULL, reply TEXT NOT NULL, PRIMARY KEY (ticket, event));
CREATE TABLE guard (class TEXT NOT NULL, digest TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (class, digest));
CREATE TABLE guard_memo (ticket TEXT NOT NULL, class TEXT NOT NULL, digest TEXT NOT NULL, memo TEXT NOT NULL,
  PRIMARY KEY (ticket, class, digest));
CREATE TABLE decisions (hash TEXT NOT NULL, ticket TEXT NOT NULL, category TEXT NOT NULL, complexity TEXT NOT NULL,
  decided_by TEXT NOT NULL, why TEXT NOT NULL, local INTEGER NOT NULL, wave TEXT NOT NULL, wave_known INTEGER NOT NULL,
  digest TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (hash, ticket));
CREATE INDEX decisions_ticket ON decisions (ticket, at);
CREATE TABLE calls (id {id}, at BIGINT NOT NULL, purpose TEXT NOT NULL, ticket TEXT NOT NULL, tier TEXT NOT NULL,
  model TEXT NOT NULL, digest TEXT NOT NULL, prompt TEXT NOT NULL, tokens_in BIGINT NOT NULL, tokens_out BIGINT NOT NULL,
  cost {real} NOT NULL, estimated INTEGER NOT NULL, paid INTEGER NOT NULL, ms BIGINT NOT NULL, result TEXT NOT NULL);
CREATE INDEX calls_at ON calls (at);
CREATE TABLE models (model TEXT PRIMARY KEY, digest TEXT NOT NULL);
CREATE TABLE spend (day TEXT PRIMARY KEY, usd {real} NOT NULL);
CREATE TABLE reservations (id {id}, day TEXT NOT NULL, tier TEXT NOT NULL, estimate {real} NOT NULL, actual {real}, at BIGINT NOT NULL);
CREATE TABLE daily (day TEXT NOT NULL, class TEXT NOT NULL, digest TEXT NOT NULL, done BIGINT NOT NULL, escalated BIGINT NOT NULL,
  PRIMARY KEY (day, class, digest));
`, `
DROP TABLE daily;
CREATE TABLE daily (day TEXT NOT NULL, class TEXT NOT NULL, digest TEXT NOT NULL, model TEXT NOT NULL,
  done BIGINT NOT NULL, escalated BIGINT NOT NULL, quality_sum {real} NOT NULL, quality_n BIGINT NOT NULL,
  by_gate TEXT NOT NULL, passed TEXT NOT NULL, failed TEXT NOT NULL,
  PRIMARY KEY (day, class, digest, model));
CREATE TABLE calibration (model TEXT PRIMARY KEY, bytes_per_token {real} NOT NULL);
DROP INDEX outcomes_attempt;
CREATE INDEX outcomes_attempt ON outcomes (attempt, id);
CREATE INDEX decisions_hash ON decisions (hash, at);
CREATE TABLE pending (id {id}, delivery TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, ticket TEXT NOT NULL, event TEXT NOT NULL,
  payload TEXT NOT NULL, body TEXT NOT NULL, at BIGINT NOT NULL, refused TEXT NOT NULL);
CREATE INDEX pending_event ON pending (ticket, event);
CREATE TABLE deliveries (delivery TEXT PRIMARY KEY, at BIGINT NOT NULL);
CREATE INDEX deliveries_at ON deliveries (at);
INSERT INTO meta SELECT 'baseline', CASE WHEN EXISTS (SELECT 1 FROM outcomes) OR (SELECT success + escalated FROM totals) > 0
  THEN 'done' ELSE 'open' END;
`}
