"""What waits for a transaction of Django's to be committed."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connections, transaction


def in_transaction(alias: str) -> bool:
    """Whether this thread is in a transaction on that database."""
    connection = connections[alias]
    # What is not connected yet has no transaction by hand either.
    return connection.in_atomic_block or (connection.connection is not None and not connection.autocommit)


def hint_after(alias: str, do: Callable[[], None]) -> None:
    """Do it when the transaction is committed, or now where there is none. For hints, that may be lost: never raises."""
    connection = connections[alias]
    if connection.in_atomic_block:
        transaction.on_commit(do, using=alias, robust=True)
    elif not in_transaction(alias):
        do()
    # Else it is a transaction that Django does not see the end of: workers look by themselves once a second.
