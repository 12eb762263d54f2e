"""The store in one SQLite file."""

from longshore.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
