"""What a queue and a data store of your own look like.

They work, with weaker promises than Longshore's own (`backends.store`): a command is gone from such a queue from the moment
it is read. Its consumer keeps it in memory, writes back what it did not begin or finish when it is stopped in good
order, and loses what it held when it is killed. Nor can anybody look at those commands, or at the progress of one.
"""

from __future__ import annotations

from typing import Any


class BaseQueue:
    """A queue of text, first in, first out. ``connection`` is whatever the subclass needs."""

    #: whether `read` waits for something to come; such a queue is not polled
    blocking = False

    def __init__(self, name: str, **connection: Any) -> None:
        self.name = name
        self.connection = connection

    def write(self, data: str) -> Any:
        """Put a message at the end."""
        raise NotImplementedError(f"{type(self).__qualname__} has no write(data): define it")

    def read(self) -> str | None:
        """Take the first message out; None: there is none."""
        raise NotImplementedError(f"{type(self).__qualname__} has no read(): define it")

    def remove(self, data: str) -> int:
        """Take all messages out that are equal to this one; how many there were."""
        raise NotImplementedError(f"{type(self).__qualname__} has no remove(data): define it")

    def flush(self) -> Any:
        """Throw everything away."""
        raise NotImplementedError(f"{type(self).__qualname__} has no flush(): define it")

    def __len__(self) -> int:
        """How many messages there are."""
        raise NotImplementedError(f"{type(self).__qualname__} has no __len__(): define it")


class BaseDataStore:
    """Results by their command's id. ``connection`` is whatever the subclass needs."""

    def __init__(self, name: str, **connection: Any) -> None:
        self.name = name
        self.connection = connection

    def put(self, key: str, value: Any) -> Any:
        """Keep a value, in place of one of the same key."""
        raise NotImplementedError(f"{type(self).__qualname__} has no put(key, value): define it")

    def peek(self, key: str) -> Any:
        """The value, which stays; `utils.EmptyData`, the class, where there is none."""
        raise NotImplementedError(f"{type(self).__qualname__} has no peek(key): define it")

    def get(self, key: str) -> Any:
        """The value, which is taken out; `utils.EmptyData`, the class, where there is none."""
        raise NotImplementedError(f"{type(self).__qualname__} has no get(key): define it")

    def flush(self) -> Any:
        """Throw everything away."""
        raise NotImplementedError(f"{type(self).__qualname__} has no flush(): define it")
