-- What model.claimed says, for the first due jobs. One row at least: the time, when to ask again, and the heads: the first
-- job of each due group, as JSON, unless they are too many to be worth it.
--   live     the first job of each (queue, priority) that is not paused
--   due      those of them that have a job to give
--   ahead    where several groups are due: the best jobs of all, level by level, read but not locked
--   share    how many of them each group gives
--   picked   those of them nobody else is taking, locked
WITH RECURSIVE
{groups},
live AS MATERIALIZED (
  SELECT * FROM groups WHERE queue NOT IN (
    SELECT key FROM {docs} WHERE kind = 'paused' AND (expires_at IS NULL OR expires_at > {now}))
),
due AS MATERIALIZED (SELECT * FROM live WHERE run_at <= {now}),
ahead AS MATERIALIZED (
  SELECT j.queue, j.priority, j.run_at, j.id
  FROM (SELECT DISTINCT priority FROM due ORDER BY priority DESC) AS level
  CROSS JOIN LATERAL (
    SELECT d.queue, d.priority, d.run_at, d.id
    FROM due AS d CROSS JOIN LATERAL (
      SELECT x.run_at, x.id FROM {jobs} AS x
      WHERE x.state = 'queued' AND x.queue = d.queue AND x.priority = d.priority
        AND (x.run_at, x.id) >= (d.run_at, d.id) AND x.run_at <= {now}
      ORDER BY x.run_at, x.id LIMIT %(limit)s) AS x
    WHERE d.priority = level.priority
    ORDER BY x.run_at, x.id LIMIT %(limit)s) AS j
  WHERE (SELECT count(*) FROM due) > 1
  LIMIT %(limit)s
),
share AS MATERIALIZED (
  SELECT queue, priority, run_at, id, count(*) AS size FROM ahead GROUP BY queue, priority, run_at, id
  UNION ALL
  SELECT queue, priority, run_at, id, %(limit)s FROM due WHERE (SELECT count(*) FROM due) = 1
),
picked AS MATERIALIZED (
  SELECT j.place FROM share AS s CROSS JOIN LATERAL (
    SELECT x.ctid AS place FROM {jobs} AS x
    WHERE x.state = 'queued' AND x.queue = s.queue AND x.priority = s.priority
      AND (x.run_at, x.id) >= (s.run_at, s.id) AND x.run_at <= {now}
    ORDER BY x.run_at, x.id LIMIT s.size FOR UPDATE SKIP LOCKED) AS j
),
claimed AS (
  UPDATE {jobs} SET
    state = 'running',
    attempt = attempt + 1,
    worker = %(worker)s,
    lease_until = {now} + %(lease)s,
    started_at = CASE WHEN crashes > 0 THEN NULL ELSE {now} END,
    reason = NULL
  WHERE ctid = ANY (ARRAY(SELECT place FROM picked))
  RETURNING {columns}
)
SELECT answer.now, answer.next_at, CASE WHEN row_number() OVER () = 1 THEN answer.heads END, claimed.*
FROM (
  SELECT {now} AS now, CASE
    WHEN (SELECT count(*) FROM picked) >= %(limit)s THEN NULL
    -- Others were taking some of what we saw: there may be more behind it.
    WHEN (SELECT count(*) FROM picked) < (SELECT count(*) FROM ahead) THEN {now}
    ELSE (
      SELECT min(head.run_at) FROM live AS l CROSS JOIN LATERAL (
        SELECT x.run_at FROM {jobs} AS x
        WHERE x.state = 'queued' AND x.queue = l.queue AND x.priority = l.priority AND x.run_at > {now}
        ORDER BY x.run_at, x.id LIMIT 1) AS head)
    END AS next_at, (
    SELECT CASE WHEN count(*) <= 64 THEN json_agg(json_build_array(queue, priority, run_at, id))::text END
    FROM due) AS heads) AS answer
LEFT JOIN claimed ON true
