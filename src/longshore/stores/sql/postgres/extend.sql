UPDATE {jobs} AS j SET lease_until = {now} + %(lease)s
FROM unnest(%(ids)s::text[], %(attempts)s::int4[]) AS lease (id, attempt)
WHERE j.id = lease.id AND j.attempt = lease.attempt AND j.state = 'running'
RETURNING j.id, j.cancel_requested
