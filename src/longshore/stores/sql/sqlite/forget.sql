DELETE FROM longshore_docs WHERE expires_at <= ?
