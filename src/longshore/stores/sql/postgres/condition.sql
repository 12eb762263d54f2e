-- What `longshore doctor` looks at, as names and texts. A role that may not see the sessions of others sees nothing of them.
WITH holders AS (
  SELECT xact_start AS since,
    'session ' || pid || ' of ' || coalesce(usename, '?') || ' (' || concat_ws(', ', nullif(application_name, ''), state) || ')' AS who,
    'SELECT pg_terminate_backend(' || pid || ')' AS remedy
  FROM pg_stat_activity
  WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  UNION ALL
  SELECT prepared, 'the prepared transaction ' || quote_literal(gid), 'ROLLBACK PREPARED ' || quote_literal(gid)
  FROM pg_prepared_xacts
  ORDER BY 1 LIMIT 1
), slots AS (
  SELECT slot_name FROM pg_replication_slots WHERE NOT active AND (xmin IS NOT NULL OR restart_lsn IS NOT NULL) LIMIT 1
), tables AS (
  SELECT * FROM pg_stat_user_tables WHERE relid = to_regclass(%(table)s)
)
SELECT name, value FROM (VALUES
  ('version', current_setting('server_version')),
  ('number', current_setting('server_version_num')),
  ('synchronous_commit', current_setting('synchronous_commit')),
  ('synchronous_standby_names', current_setting('synchronous_standby_names')),
  ('fsync', current_setting('fsync')),
  ('full_page_writes', current_setting('full_page_writes')),
  ('autovacuum', current_setting('autovacuum')),
  ('max_connections', current_setting('max_connections')),
  ('reserved', current_setting('superuser_reserved_connections')),
  ('connections', (SELECT count(*)::text FROM pg_stat_activity WHERE backend_type = 'client backend')),
  ('ours', (SELECT count(*)::text FROM pg_stat_activity WHERE application_name LIKE 'longshore%%')),
  ('clock', extract(epoch FROM clock_timestamp())::text),
  ('bytes', pg_total_relation_size(to_regclass(%(table)s))::text),
  ('live', (SELECT n_live_tup::text FROM tables)),
  ('dead', (SELECT n_dead_tup::text FROM tables)),
  ('vacuumed', (SELECT greatest(last_vacuum, last_autovacuum)::text FROM tables)),
  ('holder', (SELECT who FROM holders)),
  ('holder_remedy', (SELECT remedy FROM holders)),
  ('holder_seconds', (SELECT extract(epoch FROM clock_timestamp() - since)::text FROM holders)),
  ('slot', (SELECT slot_name::text FROM slots)),
  ('indexes', (SELECT string_agg(c.relname, ' ') FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
               WHERE i.indrelid = to_regclass(%(table)s) AND i.indisvalid AND i.indisready)),
  ('broken', (SELECT string_agg(c.relname, ' ') FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
              WHERE i.indrelid = to_regclass(%(table)s) AND NOT (i.indisvalid AND i.indisready)))
) AS found (name, value) WHERE value IS NOT NULL
