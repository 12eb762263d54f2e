-- Who stands in the way: the jobs of these ids, and those that hold these keys.
SELECT {columns} FROM {jobs} WHERE id = ANY (%(ids)s::text[])
UNION ALL
SELECT {columns} FROM {jobs}
WHERE "unique" = ANY (%(keys)s::text[]) AND "unique" IS NOT NULL AND state IN ('queued', 'waiting', 'running')
  AND id <> ALL (%(ids)s::text[])
