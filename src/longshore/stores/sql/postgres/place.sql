-- Whether this connection sees the store at all; asked before anything is read, for an error would end the transaction.
SELECT to_regclass(%(table)s) IS NOT NULL
