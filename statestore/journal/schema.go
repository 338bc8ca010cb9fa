package journal

import "github.com/fjbelchi/localmodel/statestore/outbox"

// schemaVersion is the version of schema.
const schemaVersion = 3

// schema is the journal's tables. {id}, {int}, {real}, {table} and {keyed}
// differ between the databases. The checks keep out what would break a reader.
// A statement about one ticket sorts by +at or +id: SQLite would otherwise take
// an index of the whole project for the order.
const schema = `
CREATE TABLE projects (id {id}, name TEXT NOT NULL UNIQUE, used {int} NOT NULL, seq {int} NOT NULL, last_at {int} NOT NULL,
  lost {int} NOT NULL, imported {int} NOT NULL, success {int} NOT NULL CHECK (success >= 0),
  escalated {int} NOT NULL CHECK (escalated >= 0), quality_sum {real} NOT NULL CHECK (quality_sum >= 0 AND quality_sum < 1e15),
  quality_n {int} NOT NULL CHECK (quality_n >= 0), failures TEXT NOT NULL) {table};
CREATE TABLE tickets (project {int} NOT NULL, ticket TEXT NOT NULL, phase TEXT NOT NULL, escalated_at TEXT NOT NULL,
  failures TEXT NOT NULL, retries TEXT NOT NULL, runs TEXT NOT NULL, pruned {int} NOT NULL, attempt {int} NOT NULL,
  class TEXT NOT NULL, category TEXT NOT NULL, digest TEXT NOT NULL, quality {real} CHECK (quality >= 0 AND quality <= 100),
  PRIMARY KEY (project, ticket)) {keyed};
CREATE TABLE attempts (id {id}, project {int} NOT NULL, ticket TEXT NOT NULL, class TEXT NOT NULL, category TEXT NOT NULL,
  digest TEXT NOT NULL, opened {int} NOT NULL, closed {int} NOT NULL, state TEXT NOT NULL, plan TEXT NOT NULL,
  planner TEXT NOT NULL, model TEXT NOT NULL, quality {real} CHECK (quality >= 0 AND quality <= 100)) {table};
CREATE INDEX attempts_ticket ON attempts (project, ticket);
CREATE INDEX attempts_open ON attempts (project) WHERE closed = 0;
CREATE INDEX attempts_closed ON attempts (closed) WHERE closed > 0;
CREATE TABLE outcomes (id {id}, project {int} NOT NULL, ticket TEXT NOT NULL, event TEXT, attempt {int} NOT NULL,
  gate TEXT NOT NULL, pass {int} NOT NULL, quality {real} CHECK (quality >= 0 AND quality <= 100), evidence TEXT NOT NULL,
  route TEXT NOT NULL, at {int} NOT NULL, payload TEXT NOT NULL, reply TEXT NOT NULL) {table};
CREATE UNIQUE INDEX outcomes_ticket ON outcomes (project, ticket, event);
CREATE TABLE figures (project {int} NOT NULL, hour {int} NOT NULL, class TEXT NOT NULL, category TEXT NOT NULL, model TEXT NOT NULL,
  gate TEXT NOT NULL, n {int} NOT NULL CHECK (n >= 0), quality_sum {real} NOT NULL CHECK (quality_sum >= 0 AND quality_sum < 1e15),
  quality_n {int} NOT NULL, chars {int} NOT NULL, PRIMARY KEY (project, hour, class, category, model, gate)) {keyed};
CREATE TABLE guard (project {int} NOT NULL, cell TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (project, cell)) {keyed};
CREATE TABLE guard_memo (project {int} NOT NULL, ticket TEXT NOT NULL, cell TEXT NOT NULL, memo TEXT NOT NULL, at {int} NOT NULL,
  PRIMARY KEY (project, ticket, cell)) {keyed};
CREATE INDEX guard_memo_at ON guard_memo (at);
CREATE TABLE decisions (project {int} NOT NULL, ticket TEXT NOT NULL, hash TEXT NOT NULL, source TEXT NOT NULL,
  category TEXT NOT NULL, complexity TEXT NOT NULL, decided_by TEXT NOT NULL, why TEXT NOT NULL, local {int} NOT NULL,
  refused TEXT NOT NULL, wave TEXT NOT NULL, wave_known {int} NOT NULL, digest TEXT NOT NULL, at {int} NOT NULL,
  PRIMARY KEY (project, ticket, hash, source)) {keyed};
CREATE INDEX decisions_at ON decisions (at);
CREATE INDEX decisions_project ON decisions (project, at);
CREATE TABLE calls (id {id}, project {int} NOT NULL, at {int} NOT NULL, purpose TEXT NOT NULL, ticket TEXT NOT NULL,
  tier TEXT NOT NULL, model TEXT NOT NULL, digest TEXT NOT NULL, prompt TEXT NOT NULL,
  tokens_in {int} NOT NULL CHECK (tokens_in >= 0), tokens_out {int} NOT NULL CHECK (tokens_out >= 0),
  cost {real} NOT NULL CHECK (cost >= 0 AND cost < 1e9), estimated {int} NOT NULL, paid {int} NOT NULL,
  ms {int} NOT NULL, result TEXT NOT NULL) {table};
CREATE INDEX calls_project ON calls (project, at, id);
CREATE INDEX calls_at ON calls (at);
CREATE TABLE usage (project {int} NOT NULL, hour {int} NOT NULL, kind TEXT NOT NULL, n {int} NOT NULL, tokens_in {int} NOT NULL,
  tokens_out {int} NOT NULL, usd {real} NOT NULL CHECK (usd >= 0 AND usd < 1e12), PRIMARY KEY (project, hour, kind)) {keyed};
CREATE TABLE answers (id {id}, project {int} NOT NULL, ticket TEXT NOT NULL, purpose TEXT NOT NULL, at {int} NOT NULL,
  tokens_in {int} NOT NULL, tokens_out {int} NOT NULL) {table};
CREATE INDEX answers_question ON answers (project, ticket, purpose);
CREATE INDEX answers_at ON answers (at);
CREATE TABLE drafts (project {int} NOT NULL, ticket TEXT NOT NULL, draft TEXT NOT NULL, class TEXT NOT NULL,
  category TEXT NOT NULL, digest TEXT NOT NULL, tokens {int} NOT NULL CHECK (tokens >= 0), used TEXT NOT NULL, at {int} NOT NULL,
  PRIMARY KEY (project, ticket)) {keyed};
CREATE INDEX drafts_at ON drafts (at);
CREATE TABLE models (project {int} NOT NULL, model TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (project, model)) {keyed};
CREATE TABLE spend (usr TEXT NOT NULL, day TEXT NOT NULL, usd {real} NOT NULL CHECK (usd >= 0 AND usd < 1e9),
  PRIMARY KEY (usr, day)) {keyed};
CREATE TABLE reservations (id {id}, usr TEXT NOT NULL, project {int} NOT NULL, day TEXT NOT NULL, tier TEXT NOT NULL,
  estimate {real} NOT NULL CHECK (estimate >= 0 AND estimate < 1e9), actual {real} CHECK (actual >= 0 AND actual < 1e9),
  at {int} NOT NULL) {table};
CREATE INDEX reservations_at ON reservations (at);
CREATE TABLE deliveries (delivery TEXT PRIMARY KEY, at {int} NOT NULL) {keyed};
CREATE INDEX deliveries_at ON deliveries (at);
` + outbox.Schema
