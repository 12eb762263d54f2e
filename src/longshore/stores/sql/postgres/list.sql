SELECT key, doc FROM {docs} WHERE kind = %(kind)s AND (expires_at IS NULL OR expires_at > {now})
