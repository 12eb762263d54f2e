-- {groups} of claim.sql for every queue: the first job of each (queue, priority), from one group straight to the next.
groups (queue, priority, run_at, id) AS (
  (SELECT queue, priority, run_at, id FROM {jobs} WHERE state = 'queued'
   ORDER BY queue, priority, run_at, id LIMIT 1)
  UNION ALL
  SELECT n.queue, n.priority, n.run_at, n.id FROM groups AS g CROSS JOIN LATERAL (
    SELECT queue, priority, run_at, id FROM {jobs}
    WHERE state = 'queued' AND (queue, priority) > (g.queue, g.priority)
    ORDER BY queue, priority, run_at, id LIMIT 1) AS n
)
