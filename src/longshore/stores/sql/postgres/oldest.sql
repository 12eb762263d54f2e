WITH RECURSIVE
{groups}
SELECT queue, min(run_at) FROM groups WHERE run_at <= {now} GROUP BY queue
