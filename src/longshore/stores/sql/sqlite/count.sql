-- Three index scans; no row is read but those of running jobs.
SELECT queue, 'queued', count(*) FROM longshore_jobs INDEXED BY longshore_due
WHERE state = 'queued' GROUP BY queue
UNION ALL
SELECT queue, 'running', count(*) FROM longshore_jobs INDEXED BY longshore_leases
WHERE state = 'running' GROUP BY queue
UNION ALL
SELECT queue, state, count(*) FROM longshore_jobs INDEXED BY longshore_rest
WHERE state NOT IN ('queued', 'running') GROUP BY state, queue
