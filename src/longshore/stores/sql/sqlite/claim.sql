-- What model.claimed says, for the first jobs of one group.
UPDATE longshore_jobs SET
  state = 'running',
  attempt = attempt + 1,
  worker = :worker,
  lease_until = :lease_until,
  started_at = CASE WHEN crashes THEN NULL ELSE :now END,
  reason = NULL
WHERE seq IN (
  SELECT seq FROM longshore_jobs INDEXED BY longshore_due
  WHERE state = 'queued' AND queue = :queue AND priority = :priority AND run_at <= :now
  ORDER BY run_at, id LIMIT :limit)
RETURNING {claimed}
