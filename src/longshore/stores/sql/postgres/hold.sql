INSERT INTO {docs} AS held (kind, key, doc, expires_at) VALUES ('held', %(key)s, %(doc)s, {now} + %(seconds)s)
ON CONFLICT (kind, key) DO UPDATE SET doc = excluded.doc, expires_at = excluded.expires_at
WHERE held.doc = excluded.doc OR held.expires_at <= {now}
RETURNING true
