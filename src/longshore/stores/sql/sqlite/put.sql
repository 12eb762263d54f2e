INSERT INTO longshore_docs (kind, key, doc, expires_at) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET doc = excluded.doc, expires_at = excluded.expires_at
