SELECT {columns} FROM longshore_jobs WHERE id IN (SELECT value FROM json_each(?))
