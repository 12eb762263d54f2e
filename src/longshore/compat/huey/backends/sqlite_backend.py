"""In a SQLite file, which all processes of one machine share."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from longshore.compat.huey.backends.store import StoreDataStore, StoreQueue

DEFAULT = "huey.db"


class SqliteQueue(StoreQueue):
    """A queue in the file at ``location``."""

    def __init__(self, name: str, location: str | os.PathLike[str] = DEFAULT, **options: Any) -> None:
        super().__init__(name, _url(location), **options)


class SqliteDataStore(StoreDataStore):
    """A data store in the file at ``location``."""

    def __init__(self, name: str, location: str | os.PathLike[str] = DEFAULT, **options: Any) -> None:
        super().__init__(name, _url(location), **options)


def _url(location: str | os.PathLike[str]) -> str:
    return f"sqlite:///{quote(os.fspath(location))}"
