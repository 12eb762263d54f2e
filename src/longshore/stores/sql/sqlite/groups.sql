-- The first job of each (queue, priority) that has queued jobs, without visiting any other: from one group the next is
-- one step in the index. {wanted} gives the queues.
WITH RECURSIVE
wanted (queue) AS ({wanted}),
groups (queue, priority, run_at) AS (
  SELECT j.queue, j.priority, j.run_at
  FROM wanted AS w CROSS JOIN longshore_jobs AS j ON j.seq = (
    SELECT x.seq FROM longshore_jobs AS x INDEXED BY longshore_due
    WHERE x.state = 'queued' AND x.queue = w.queue
    ORDER BY x.priority, x.run_at, x.id LIMIT 1)
  UNION ALL
  SELECT j.queue, j.priority, j.run_at
  FROM groups AS g CROSS JOIN longshore_jobs AS j ON j.seq = (
    SELECT x.seq FROM longshore_jobs AS x INDEXED BY longshore_due
    WHERE x.state = 'queued' AND x.queue = g.queue AND x.priority > g.priority
    ORDER BY x.priority, x.run_at, x.id LIMIT 1)
)
SELECT queue, priority, run_at FROM groups
