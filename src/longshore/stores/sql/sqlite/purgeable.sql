-- Each (state, queue) of finished jobs whose earliest purge_at has come, skipping from group to group.
WITH RECURSIVE
states (state) AS (VALUES ('cancelled'), ('failed'), ('succeeded')),
groups (state, queue) AS (
  SELECT s.state, (
    SELECT min(x.queue) FROM longshore_jobs AS x INDEXED BY longshore_rest
    WHERE x.state NOT IN ('queued', 'running') AND x.state = s.state)
  FROM states AS s
  UNION ALL
  SELECT g.state, (
    SELECT min(x.queue) FROM longshore_jobs AS x INDEXED BY longshore_rest
    WHERE x.state NOT IN ('queued', 'running') AND x.state = g.state AND x.queue > g.queue)
  FROM groups AS g WHERE g.queue IS NOT NULL
)
SELECT state, queue FROM groups WHERE queue IS NOT NULL AND EXISTS (
  SELECT 1 FROM longshore_jobs AS x INDEXED BY longshore_rest
  WHERE x.state NOT IN ('queued', 'running') AND x.state = groups.state AND x.queue = groups.queue AND x.purge_at <= ?)
