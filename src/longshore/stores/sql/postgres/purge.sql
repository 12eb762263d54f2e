DELETE FROM {jobs} WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM {jobs}
  WHERE state IN ('succeeded', 'failed', 'cancelled') AND purge_at IS NOT NULL AND purge_at <= {now}
  ORDER BY purge_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
RETURNING 1
