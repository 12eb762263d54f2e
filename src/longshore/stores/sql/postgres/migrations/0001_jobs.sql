-- Each job is in the primary key and in at most one of due, running and purgeable. No index holds lease_until, started_at or
-- progress, so that renewing a lease rewrites one row in its page (HOT) and no index. COLLATE "C": order by bytes.
CREATE TABLE {schema}.jobs (
  id text COLLATE "C" PRIMARY KEY,
  task text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  args bytea NOT NULL,
  run_at float8 NOT NULL,
  created_at float8 NOT NULL,
  priority int4 NOT NULL DEFAULT 0,
  state text COLLATE "C" NOT NULL DEFAULT 'queued',
  attempt int4 NOT NULL DEFAULT 0,
  failures int4 NOT NULL DEFAULT 0,
  crashes int4 NOT NULL DEFAULT 0,
  expires_at float8,
  keep float8,
  "unique" text COLLATE "C",
  unique_mode text COLLATE "C",
  worker text COLLATE "C",
  lease_until float8,
  started_at float8,
  finished_at float8,
  purge_at float8,
  cancel_requested bool NOT NULL DEFAULT false,
  reason text COLLATE "C",
  errors bytea,
  result bytea,
  progress bytea,
  headers bytea
) WITH (
  fillfactor = 60,
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
  autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 1000
);
CREATE UNIQUE INDEX jobs_unique ON {schema}.jobs ("unique")
  WHERE "unique" IS NOT NULL AND state IN ('queued', 'waiting', 'running');
CREATE INDEX jobs_due ON {schema}.jobs (queue, priority, run_at, id) WHERE state = 'queued';
CREATE INDEX jobs_blocked ON {schema}.jobs (id) WHERE state = 'queued' AND reason IS NOT NULL;
CREATE INDEX jobs_running ON {schema}.jobs (id) WHERE state = 'running';
CREATE INDEX jobs_purgeable ON {schema}.jobs (purge_at)
  WHERE state IN ('succeeded', 'failed', 'cancelled') AND purge_at IS NOT NULL;
CREATE INDEX jobs_rest ON {schema}.jobs (state, id) WHERE state IN ('waiting', 'failed', 'cancelled', 'held');

CREATE TABLE {schema}.docs (
  kind text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  doc bytea NOT NULL,
  expires_at float8,
  PRIMARY KEY (kind, key)
);

CREATE TABLE {schema}.meta (key text PRIMARY KEY, value text NOT NULL);
-- How a caller's connection is known to lead to this very place.
INSERT INTO {schema}.meta VALUES ('place', gen_random_uuid()::text);
