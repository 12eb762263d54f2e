-- Version 1. Each job is in the unique index of ids and in exactly one of due, leases and rest, so that every change of
-- its state moves one entry. All names carry a prefix: the file may be shared with the user's own tables.
CREATE TABLE longshore_jobs (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  task TEXT NOT NULL,
  queue TEXT NOT NULL,
  args BLOB NOT NULL,
  run_at REAL NOT NULL,
  created_at REAL NOT NULL,
  priority INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'queued',
  attempt INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  expires_at REAL,
  keep REAL,
  "unique" TEXT,
  unique_mode TEXT,
  worker TEXT,
  lease_until REAL,
  started_at REAL,
  finished_at REAL,
  purge_at REAL,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  reason TEXT,
  errors BLOB,
  result BLOB,
  progress BLOB,
  headers BLOB
);
CREATE UNIQUE INDEX longshore_ids ON longshore_jobs (id);
CREATE UNIQUE INDEX longshore_unique ON longshore_jobs ("unique")
  WHERE "unique" IS NOT NULL AND state IN ('queued', 'waiting', 'running');
CREATE INDEX longshore_due ON longshore_jobs (queue, priority, run_at, id) WHERE state = 'queued';
CREATE INDEX longshore_blocked ON longshore_jobs (id) WHERE state = 'queued' AND reason IS NOT NULL;
CREATE INDEX longshore_leases ON longshore_jobs (lease_until) WHERE state = 'running';
CREATE INDEX longshore_rest ON longshore_jobs (state, queue, purge_at) WHERE state NOT IN ('queued', 'running');

CREATE TABLE longshore_docs (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  doc BLOB NOT NULL,
  expires_at REAL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;

CREATE TABLE longshore_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO longshore_meta VALUES ('version', '1');
