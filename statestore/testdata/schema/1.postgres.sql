CREATE TABLE attempts (
    id bigint NOT NULL,
    ticket text NOT NULL,
    class text NOT NULL,
    digest text NOT NULL,
    opened bigint NOT NULL,
    closed bigint NOT NULL,
    state text NOT NULL,
    plan text NOT NULL,
    model text NOT NULL,
    fails text NOT NULL,
    quality double precision
);
CREATE SEQUENCE attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE attempts_id_seq OWNED BY attempts.id;
CREATE TABLE calls (
    id bigint NOT NULL,
    at bigint NOT NULL,
    purpose text NOT NULL,
    ticket text NOT NULL,
    tier text NOT NULL,
    model text NOT NULL,
    digest text NOT NULL,
    prompt text NOT NULL,
    tokens_in bigint NOT NULL,
    tokens_out bigint NOT NULL,
    cost double precision NOT NULL,
    estimated integer NOT NULL,
    paid integer NOT NULL,
    ms bigint NOT NULL,
    result text NOT NULL
);
CREATE SEQUENCE calls_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE calls_id_seq OWNED BY calls.id;
CREATE TABLE daily (
    day text NOT NULL,
    class text NOT NULL,
    digest text NOT NULL,
    done bigint NOT NULL,
    escalated bigint NOT NULL
);
CREATE TABLE decisions (
    hash text NOT NULL,
    ticket text NOT NULL,
    category text NOT NULL,
    complexity text NOT NULL,
    decided_by text NOT NULL,
    why text NOT NULL,
    local integer NOT NULL,
    wave text NOT NULL,
    wave_known integer NOT NULL,
    digest text NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE guard (
    class text NOT NULL,
    digest text NOT NULL,
    state text NOT NULL
);
CREATE TABLE guard_memo (
    ticket text NOT NULL,
    class text NOT NULL,
    digest text NOT NULL,
    memo text NOT NULL
);
CREATE TABLE keys (
    ticket text NOT NULL,
    event text NOT NULL,
    payload text NOT NULL,
    outcome bigint NOT NULL,
    attempt bigint NOT NULL,
    reply text NOT NULL
);
CREATE TABLE meta (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE models (
    model text NOT NULL,
    digest text NOT NULL
);
CREATE TABLE outcomes (
    id bigint NOT NULL,
    ticket text NOT NULL,
    attempt bigint NOT NULL,
    gate text NOT NULL,
    pass integer NOT NULL,
    quality double precision,
    evidence text NOT NULL,
    route text NOT NULL,
    at bigint NOT NULL
);
CREATE SEQUENCE outcomes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE outcomes_id_seq OWNED BY outcomes.id;
CREATE TABLE reservations (
    id bigint NOT NULL,
    day text NOT NULL,
    tier text NOT NULL,
    estimate double precision NOT NULL,
    actual double precision,
    at bigint NOT NULL
);
CREATE SEQUENCE reservations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE reservations_id_seq OWNED BY reservations.id;
CREATE TABLE spend (
    day text NOT NULL,
    usd double precision NOT NULL
);
CREATE TABLE tickets (
    ticket text NOT NULL,
    attempt bigint NOT NULL,
    escalated text NOT NULL,
    runs text NOT NULL
);
CREATE TABLE totals (
    one integer NOT NULL,
    success bigint NOT NULL,
    escalated bigint NOT NULL,
    quality_sum double precision NOT NULL,
    quality_n bigint NOT NULL,
    failures text NOT NULL
);
ALTER TABLE ONLY attempts ALTER COLUMN id SET DEFAULT nextval('attempts_id_seq'::regclass);
ALTER TABLE ONLY calls ALTER COLUMN id SET DEFAULT nextval('calls_id_seq'::regclass);
ALTER TABLE ONLY outcomes ALTER COLUMN id SET DEFAULT nextval('outcomes_id_seq'::regclass);
ALTER TABLE ONLY reservations ALTER COLUMN id SET DEFAULT nextval('reservations_id_seq'::regclass);
INSERT INTO attempts VALUES (1, 'A', 'low', 'd1', 1795500060000, 1795500300000, 'done', 'the plan', 'qwen3-coder:30b', '{"lint":1}', 80);
INSERT INTO attempts VALUES (2, 'B', 'medium', '', 1795500360000, 1795500420000, 'escalated', '', '', '{"lint":2}', NULL);
INSERT INTO attempts VALUES (3, 'C', 'medium', '', 1795500480000, 0, 'open', '', '', '{}', NULL);
INSERT INTO calls VALUES (1, 1795500540000, 'plan', 'A', 'cheap', 'haiku', '', '1', 100, 20, 0.01, 0, 1, 900, 'ok');
INSERT INTO calls VALUES (2, 1795500540000, 'classify', 'A', 'local', 'qwen3-coder:30b', 'sha256:1', '', 10, 2, 0, 0, 0, 90, 'ok');
INSERT INTO decisions VALUES ('h1', 'A', 'BUG', 'low', 'rules', '1 file', 1, '["A","B"]', 1, 'd1', 1795500000000);
INSERT INTO guard VALUES ('low', 'd1', '{"n":1}');
INSERT INTO guard VALUES ('medium', '', '{"n":1}');
INSERT INTO guard VALUES ('medium', 'd1', '{"open":true}');
INSERT INTO guard_memo VALUES ('E', 'medium', 'd1', '{"m":1}');
INSERT INTO keys VALUES ('A', 'event:A:plan:1', 'a9af8c7acba11e196369071801ca643949a9da3a810158fdf1ae4f17cea4f262', 1, 1, '{"action":"continue","route":"local","stats":{"totalAttempts":5,"successCount":3,"escalatedToCloud":2,"failuresByType":{"lint":2},"avgQualityScore":70}}');
INSERT INTO keys VALUES ('A', 'event:A:lint:1', '4c90ed2545f92bac7f4c2f37d7b817bb455db5b420cec65a4d708cd4c8e84489', 2, 1, '{"action":"retry","route":"local","stats":{"totalAttempts":5,"successCount":3,"escalatedToCloud":2,"failuresByType":{"lint":2},"avgQualityScore":70}}');
INSERT INTO keys VALUES ('A', 'event:A:commit:1', '115315bccbd7d38458ae71c57d68a4baff77bab5a747ea5954e2c31fcc1f9369', 4, 1, '{"action":"complete","route":"local","stats":{"totalAttempts":6,"successCount":4,"escalatedToCloud":2,"failuresByType":{"lint":2},"avgQualityScore":71.67}}');
INSERT INTO keys VALUES ('B', 'event:B:lint:1', '2849d0718dd4b3ef2d23f4ceffada8789ceffd4dc872b90f3aad68e8805b3d7e', 5, 2, '{"action":"retry","route":"local","stats":{"totalAttempts":6,"successCount":4,"escalatedToCloud":2,"failuresByType":{"lint":2},"avgQualityScore":71.67}}');
INSERT INTO keys VALUES ('B', 'use:toolu_1', 'd4e66ecc55a6d6e60b5923c43f77713fc96f8c5b8262fa673332b0c106fb35a2', 6, 2, '{"action":"escalate","escalate_to":"sonnet","message":"Local failed on B at lint. Escalated.","route":"local","stats":{"totalAttempts":7,"successCount":4,"escalatedToCloud":3,"failuresByType":{"lint":3},"avgQualityScore":71.67}}');
INSERT INTO keys VALUES ('C', 'event:C:plan:1', '54d5addb724948ab7bafd0b363d7495bd7355e393d25a921b3cf37c2b65b98d9', 7, 3, '{"action":"continue","route":"local","stats":{"totalAttempts":7,"successCount":4,"escalatedToCloud":3,"failuresByType":{"lint":3},"avgQualityScore":71.67}}');
INSERT INTO meta VALUES ('schema', '1');
INSERT INTO models VALUES ('qwen3-coder:30b', 'sha256:1');
INSERT INTO outcomes VALUES (1, 'A', 1, 'plan', 1, NULL, '', 'local', 1795500120000);
INSERT INTO outcomes VALUES (2, 'A', 1, 'lint', 0, NULL, 'unused variable', 'local', 1795500180000);
INSERT INTO outcomes VALUES (3, 'A', 1, 'review', 1, 80, '', 'local', 1795500240000);
INSERT INTO outcomes VALUES (4, 'A', 1, 'commit', 1, NULL, '', 'local', 1795500300000);
INSERT INTO outcomes VALUES (5, 'B', 2, 'lint', 0, NULL, '', 'local', 1795500360000);
INSERT INTO outcomes VALUES (6, 'B', 2, 'lint', 0, NULL, 'it''s broken', 'local', 1795500420000);
INSERT INTO outcomes VALUES (7, 'C', 3, 'plan', 1, NULL, '', 'local', 1795500480000);
INSERT INTO outcomes VALUES (8, 'D', 0, 'commit', 1, NULL, '', 'cloud', 1795500540000);
INSERT INTO reservations VALUES (1, '2026-11-24', 'cheap', 0.5, 0.25, 1795500600000);
INSERT INTO reservations VALUES (2, '2026-11-24', 'cheap', 0.5, NULL, 1795500660000);
INSERT INTO spend VALUES ('2026-11-24', 0.75);
INSERT INTO tickets VALUES ('A', 0, '', '{"commit":1,"lint":1,"plan":1,"review":1}');
INSERT INTO tickets VALUES ('B', 0, 'lint', '{"lint":2}');
INSERT INTO tickets VALUES ('C', 3, '', '{"plan":1}');
INSERT INTO tickets VALUES ('D', 0, '', '{"commit":1}');
INSERT INTO totals VALUES (1, 4, 3, 430, 6, '{"lint":3}');
SELECT pg_catalog.setval('attempts_id_seq', 3, true);
SELECT pg_catalog.setval('calls_id_seq', 2, true);
SELECT pg_catalog.setval('outcomes_id_seq', 8, true);
SELECT pg_catalog.setval('reservations_id_seq', 2, true);
ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (id);
ALTER TABLE ONLY daily
    ADD CONSTRAINT daily_pkey PRIMARY KEY (day, class, digest);
ALTER TABLE ONLY decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (hash, ticket);
ALTER TABLE ONLY guard_memo
    ADD CONSTRAINT guard_memo_pkey PRIMARY KEY (ticket, class, digest);
ALTER TABLE ONLY guard
    ADD CONSTRAINT guard_pkey PRIMARY KEY (class, digest);
ALTER TABLE ONLY keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (ticket, event);
ALTER TABLE ONLY meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (name);
ALTER TABLE ONLY models
    ADD CONSTRAINT models_pkey PRIMARY KEY (model);
ALTER TABLE ONLY outcomes
    ADD CONSTRAINT outcomes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY reservations
    ADD CONSTRAINT reservations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY spend
    ADD CONSTRAINT spend_pkey PRIMARY KEY (day);
ALTER TABLE ONLY tickets
    ADD CONSTRAINT tickets_pkey PRIMARY KEY (ticket);
ALTER TABLE ONLY totals
    ADD CONSTRAINT totals_pkey PRIMARY KEY (one);
CREATE INDEX attempts_closed ON attempts USING btree (closed);
CREATE INDEX calls_at ON calls USING btree (at);
CREATE INDEX decisions_ticket ON decisions USING btree (ticket, at);
CREATE INDEX outcomes_attempt ON outcomes USING btree (attempt);
