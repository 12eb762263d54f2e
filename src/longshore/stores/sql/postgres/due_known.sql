-- {groups} of claim.sql where the last claim left off: nothing is looked for before these places.
groups (queue, priority, run_at, id) AS (
  SELECT * FROM unnest(%(queues)s::text[], %(priorities)s::int4[], %(ats)s::float8[], %(ids)s::text[])
)
