-- Whoever puts something also takes away what has expired.
WITH gone AS (
  DELETE FROM {docs} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {docs} WHERE expires_at <= {now} AND (kind, key) <> (%(kind)s, %(key)s)
    FOR UPDATE SKIP LOCKED))
)
INSERT INTO {docs} (kind, key, doc, expires_at) VALUES (%(kind)s, %(key)s, %(doc)s, {now} + %(expires)s)
ON CONFLICT (kind, key) DO UPDATE SET doc = excluded.doc, expires_at = excluded.expires_at
