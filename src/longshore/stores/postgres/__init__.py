"""The store in a PostgreSQL database."""

from longshore.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
