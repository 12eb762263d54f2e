DELETE FROM {jobs}
WHERE id = ANY (%(ids)s::text[]) AND state IN ('succeeded', 'failed', 'cancelled', 'held')
RETURNING id
