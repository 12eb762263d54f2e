SELECT {columns} FROM longshore_jobs
WHERE "unique" = ? AND "unique" IS NOT NULL AND state IN ('queued', 'waiting', 'running')
