DELETE FROM longshore_jobs WHERE seq IN (
  SELECT seq FROM longshore_jobs INDEXED BY longshore_rest
  WHERE state NOT IN ('queued', 'running') AND state = ? AND queue = ? AND purge_at <= ?
  ORDER BY purge_at LIMIT ?)
