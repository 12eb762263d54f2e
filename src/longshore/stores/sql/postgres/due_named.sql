-- {groups} of claim.sql for the queues of an array.
groups (queue, priority, run_at, id) AS (
  SELECT n.queue, n.priority, n.run_at, n.id
  FROM unnest(%(queues)s::text[]) AS w (queue) CROSS JOIN LATERAL (
    SELECT queue, priority, run_at, id FROM {jobs}
    WHERE state = 'queued' AND queue = w.queue
    ORDER BY priority, run_at, id LIMIT 1) AS n
  UNION ALL
  SELECT n.queue, n.priority, n.run_at, n.id FROM groups AS g CROSS JOIN LATERAL (
    SELECT queue, priority, run_at, id FROM {jobs}
    WHERE state = 'queued' AND queue = g.queue AND priority > g.priority
    ORDER BY priority, run_at, id LIMIT 1) AS n
)
