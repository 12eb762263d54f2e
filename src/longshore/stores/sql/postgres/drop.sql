DELETE FROM {docs} WHERE kind = %(kind)s AND key = %(key)s
RETURNING expires_at IS NULL OR expires_at > {now}
