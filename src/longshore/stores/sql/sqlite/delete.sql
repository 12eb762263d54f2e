DELETE FROM longshore_jobs
WHERE id IN (SELECT value FROM json_each(?)) AND state IN ('succeeded', 'failed', 'cancelled', 'held')
RETURNING id
