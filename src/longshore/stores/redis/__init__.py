"""The Redis and Valkey store. See `longshore.stores.base`."""

from longshore.stores.redis.store import RedisStore

__all__ = ["RedisStore"]
