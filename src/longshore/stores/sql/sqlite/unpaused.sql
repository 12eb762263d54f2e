-- The end of groups.sql for claims: paused queues are left out.
WHERE queue NOT IN (
  SELECT key FROM longshore_docs WHERE kind = 'paused' AND (expires_at IS NULL OR expires_at > ?))
