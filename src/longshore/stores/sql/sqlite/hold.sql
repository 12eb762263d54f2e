INSERT INTO longshore_docs (kind, key, doc, expires_at) VALUES ('held', :name, :doc, :until)
ON CONFLICT (kind, key) DO UPDATE SET doc = excluded.doc, expires_at = excluded.expires_at
WHERE longshore_docs.doc = excluded.doc OR longshore_docs.expires_at <= :now
RETURNING key
