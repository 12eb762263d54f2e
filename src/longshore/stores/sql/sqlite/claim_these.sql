-- What model.claimed says, for jobs picked from several queues of one priority.
UPDATE longshore_jobs SET
  state = 'running',
  attempt = attempt + 1,
  worker = :worker,
  lease_until = :lease_until,
  started_at = CASE WHEN crashes THEN NULL ELSE :now END,
  reason = NULL
WHERE seq IN (SELECT value FROM json_each(:seqs))
RETURNING {claimed}
