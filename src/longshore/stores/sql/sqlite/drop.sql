-- The comparison is made by the caller: 3.40 gives NULL for an expression in RETURNING of a table without rowid.
DELETE FROM longshore_docs WHERE kind = :kind AND key = :key
RETURNING expires_at
