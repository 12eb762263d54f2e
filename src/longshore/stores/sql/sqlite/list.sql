SELECT key, doc FROM longshore_docs WHERE kind = ? AND (expires_at IS NULL OR expires_at > ?)
