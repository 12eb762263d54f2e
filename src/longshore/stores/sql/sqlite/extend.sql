UPDATE longshore_jobs INDEXED BY longshore_ids SET lease_until = :until
FROM (
  SELECT json_extract(value, '$[0]') AS lease_id, json_extract(value, '$[1]') AS lease_attempt
  FROM json_each(:leases)) AS lease
WHERE longshore_jobs.id = lease_id AND attempt = lease_attempt AND state = 'running'
RETURNING id, cancel_requested
