"""Small things that the other modules share."""

from __future__ import annotations

from datetime import UTC, datetime


class EmptyData:
    """What a data store gives for a key it does not have, so that a stored None can be told apart. The class itself."""


def local_to_utc(when: datetime) -> datetime:
    """The same instant as a naive datetime in UTC. A naive ``when`` is the local time of this machine."""
    return when.astimezone(UTC).replace(tzinfo=None)


def now(utc: bool = True) -> datetime:
    """Now, naive: in UTC or in the local time of this machine."""
    return datetime.now(UTC).replace(tzinfo=None) if utc else datetime.now().astimezone().replace(tzinfo=None)


def instant(when: datetime, utc: bool = True) -> float:
    """Seconds since the epoch. A naive ``when`` is in UTC, or in the local time of this machine."""
    return (when.replace(tzinfo=UTC) if utc and when.tzinfo is None else when).timestamp()
