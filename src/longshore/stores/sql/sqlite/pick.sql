-- The due jobs of one group in claim order; read lazily, beside the same of other queues.
SELECT run_at, id, seq FROM longshore_jobs INDEXED BY longshore_due
WHERE state = 'queued' AND queue = ? AND priority = ? AND run_at <= ?
ORDER BY run_at, id LIMIT ?
