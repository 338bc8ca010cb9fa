BEGIN TRANSACTION;
CREATE TABLE attempts (id INTEGER PRIMARY KEY, ticket TEXT NOT NULL, class TEXT NOT NULL, digest TEXT NOT NULL, opened BIGINT NOT NULL,
  closed BIGINT NOT NULL, state TEXT NOT NULL, plan TEXT NOT NULL, model TEXT NOT NULL, fails TEXT NOT NULL, quality REAL);
INSERT INTO "attempts" VALUES(1,'A','low','d1',1795500060000,1795500300000,'done','the plan','qwen3-coder:30b','{"lint":1}',80.0);
INSERT INTO "attempts" VALUES(2,'B','medium','',1795500360000,1795500420000,'escalated','','','{"lint":2}',NULL);
INSERT INTO "attempts" VALUES(3,'C','medium','',1795500480000,0,'open','','','{}',NULL);
CREATE TABLE calls (id INTEGER PRIMARY KEY, at BIGINT NOT NULL, purpose TEXT NOT NULL, ticket TEXT NOT NULL, tier TEXT NOT NULL,
  model TEXT NOT NULL, digest TEXT NOT NULL, prompt TEXT NOT NULL, tokens_in BIGINT NOT NULL, tokens_out BIGINT NOT NULL,
  cost REAL NOT NULL, estimated INTEGER NOT NULL, paid INTEGER NOT NULL, ms BIGINT NOT NULL, result TEXT NOT NULL);
INSERT INTO "calls" VALUES(1,1795500540000,'plan','A','cheap','haiku','','1',100,20,0.01,0,1,900,'ok');
INSERT INTO "calls" VALUES(2,1795500540000,'classify','A','local','qwen3-coder:30b','sha256:1','',10,2,0.0,0,0,90,'ok');
CREATE TABLE daily (day TEXT NOT NULL, class TEXT NOT NULL, digest TEXT NOT NULL, done BIGINT NOT NULL, escalated BIGINT NOT NULL,
  PRIMARY KEY (day, class, digest));
CREATE TABLE decisions (hash TEXT NOT NULL, ticket TEXT NOT NULL, category TEXT NOT NULL, complexity TEXT NOT NULL,
  decided_by TEXT NOT NULL, why TEXT NOT NULL, local INTEGER NOT NULL, wave TEXT NOT NULL, wave_known INTEGER NOT NULL,
  digest TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (hash, ticket));
INSERT INTO "decisions" VALUES('h1','A','BUG','low','rules','1 file',1,'["A","B"]',1,'d1',1795500000000);
CREATE TABLE guard (class TEXT NOT NULL, digest TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (class, digest));
INSERT INTO "guard" VALUES('low','d1','{"n":1}');
INSERT INTO "guard" VALUES('medium','','{"n":1}');
INSERT INTO "guard" VALUES('medium','d1','{"open":true}');
CREATE TABLE guard_memo (ticket TEXT NOT NULL, class TEXT NOT NULL, digest TEXT NOT NULL, memo TEXT NOT NULL,
  PRIMARY KEY (ticket, class, digest));
INSERT INTO "guard_memo" VALUES('E','medium','d1','{"m":1}');
CREATE TABLE keys (ticket TEXT NOT NULL, event TEXT NOT NULL, payload TEXT NOT NULL, outcome BIGINT NOT NULL,
  attempt BIGINT NOT NULL, reply TEXT NOT NULL, PRIMARY KEY (ticket, event));
INSERT INTO "keys" VALUES('A','event:A:plan:1','a9af8c7acba11e196369071801ca643949a9da3a810158fdf1ae4f17cea4f262',1,1,'{"action":"continue","route":"local","stats":{"totalAttempts":5,"successCount":3,"escalatedToCloud":2,"failuresByType":{"lint":2},"avgQualityScore":70}}');
INSERT INTO "keys" VALUES('A','event:A:lint:1','4c90ed2545f92bac7f4c2f37d7b817bb455db5b420cec65a4d708cd4c8e84489',2,1,'{"action":"retry","route":"local","stats":{"totalAttempts":5,"successCount":3,"escalatedToCloud":2,"failuresByType":{"lint":2},"avgQualityScore":70}}');
INSERT INTO "keys" VALUES('A','event:A:commit:1','115315bccbd7d38458ae71c57d68a4baff77bab5a747ea5954e2c31fcc1f9369',4,1,'{"action":"complete","route":"local","stats":{"totalAttempts":6,"successCount":4,"escalatedToCloud":2,"failuresByType":{"lint":2},"avgQualityScore":71.67}}');
INSERT INTO "keys" VALUES('B','event:B:lint:1','2849d0718dd4b3ef2d23f4ceffada8789ceffd4dc872b90f3aad68e8805b3d7e',5,2,'{"action":"retry","route":"local","stats":{"totalAttempts":6,"successCount":4,"escalatedToCloud":2,"failuresByType":{"lint":2},"avgQualityScore":71.67}}');
INSERT INTO "keys" VALUES('B','use:toolu_1','d4e66ecc55a6d6e60b5923c43f77713fc96f8c5b8262fa673332b0c106fb35a2',6,2,'{"action":"escalate","escalate_to":"sonnet","message":"Local failed on B at lint. Escalated.","route":"local","stats":{"totalAttempts":7,"successCount":4,"escalatedToCloud":3,"failuresByType":{"lint":3},"avgQualityScore":71.67}}');
INSERT INTO "keys" VALUES('C','event:C:plan:1','54d5addb724948ab7bafd0b363d7495bd7355e393d25a921b3cf37c2b65b98d9',7,3,'{"action":"continue","route":"local","stats":{"totalAttempts":7,"successCount":4,"escalatedToCloud":3,"failuresByType":{"lint":3},"avgQualityScore":71.67}}');
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "meta" VALUES('schema','1');
CREATE TABLE models (model TEXT PRIMARY KEY, digest TEXT NOT NULL);
INSERT INTO "models" VALUES('qwen3-coder:30b','sha256:1');
CREATE TABLE outcomes (id INTEGER PRIMARY KEY, ticket TEXT NOT NULL, attempt BIGINT NOT NULL, gate TEXT NOT NULL, pass INTEGER NOT NULL,
  quality REAL, evidence TEXT NOT NULL, route TEXT NOT NULL, at BIGINT NOT NULL);
INSERT INTO "outcomes" VALUES(1,'A',1,'plan',1,NULL,'','local',1795500120000);
INSERT INTO "outcomes" VALUES(2,'A',1,'lint',0,NULL,'unused variable','local',1795500180000);
INSERT INTO "outcomes" VALUES(3,'A',1,'review',1,80.0,'','local',1795500240000);
INSERT INTO "outcomes" VALUES(4,'A',1,'commit',1,NULL,'','local',1795500300000);
INSERT INTO "outcomes" VALUES(5,'B',2,'lint',0,NULL,'','local',1795500360000);
INSERT INTO "outcomes" VALUES(6,'B',2,'lint',0,NULL,'it''s broken','local',1795500420000);
INSERT INTO "outcomes" VALUES(7,'C',3,'plan',1,NULL,'','local',1795500480000);
INSERT INTO "outcomes" VALUES(8,'D',0,'commit',1,NULL,'','cloud',1795500540000);
CREATE TABLE reservations (id INTEGER PRIMARY KEY, day TEXT NOT NULL, tier TEXT NOT NULL, estimate REAL NOT NULL, actual REAL, at BIGINT NOT NULL);
INSERT INTO "reservations" VALUES(1,'2026-11-24','cheap',0.5,0.25,1795500600000);
INSERT INTO "reservations" VALUES(2,'2026-11-24','cheap',0.5,NULL,1795500660000);
CREATE TABLE spend (day TEXT PRIMARY KEY, usd REAL NOT NULL);
INSERT INTO "spend" VALUES('2026-11-24',0.75);
CREATE TABLE tickets (ticket TEXT PRIMARY KEY, attempt BIGINT NOT NULL, escalated TEXT NOT NULL, runs TEXT NOT NULL);
INSERT INTO "tickets" VALUES('A',0,'','{"commit":1,"lint":1,"plan":1,"review":1}');
INSERT INTO "tickets" VALUES('B',0,'lint','{"lint":2}');
INSERT INTO "tickets" VALUES('C',3,'','{"plan":1}');
INSERT INTO "tickets" VALUES('D',0,'','{"commit":1}');
CREATE TABLE totals (one INTEGER PRIMARY KEY, success BIGINT NOT NULL, escalated BIGINT NOT NULL,
  quality_sum REAL NOT NULL, quality_n BIGINT NOT NULL, failures TEXT NOT NULL);
INSERT INTO "totals" VALUES(1,4,3,430.0,6,'{"lint":3}');
CREATE INDEX attempts_closed ON attempts (closed);
CREATE INDEX outcomes_attempt ON outcomes (attempt);
CREATE INDEX decisions_ticket ON decisions (ticket, at);
CREATE INDEX calls_at ON calls (at);
COMMIT;
