-- {wanted} of groups.sql where every queue is: each distinct queue, found by skipping from one to the next.
SELECT min(queue) FROM longshore_jobs INDEXED BY longshore_due WHERE state = 'queued'
UNION ALL
SELECT (SELECT min(x.queue) FROM longshore_jobs AS x INDEXED BY longshore_due
        WHERE x.state = 'queued' AND x.queue > wanted.queue)
FROM wanted WHERE wanted.queue IS NOT NULL
