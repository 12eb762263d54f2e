DELETE FROM longshore_docs WHERE kind = :kind AND key = :key
RETURNING expires_at IS NULL OR expires_at > :now
