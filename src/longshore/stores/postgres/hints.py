"""Hints between processes: NOTIFY and LISTEN.

Channel names are hashes, for a name of more than 63 bytes would be an error. A commit with a NOTIFY takes a lock of the
whole cluster, so a process sends what has gathered at most once in `INTERVAL` and never within a hot statement. A hint
that is lost costs latency only: every reader also looks by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec

from longshore.stores.hints import Hub, kind

#: seconds between two commits with a NOTIFY
INTERVAL: Final = 0.01
#: The server takes less than 8000 bytes.
_LARGEST: Final = 7900
#: With more than that, it is said only that something of this kind happened.
_MOST: Final = 8
_EVERYTHING: Final = "*"


def channel(schema: str, about: str) -> str:
    """Where hints of a kind are told."""
    return "longshore_" + sha256(f"{schema}\0{about}".encode()).hexdigest()[:32]


def payloads(sender: str, topics: Iterable[str]) -> dict[str, list[str]]:
    """kind → what to send."""
    kinds: dict[str, list[str]] = {}
    for topic in topics:
        kinds.setdefault(kind(topic), []).append(topic)
    return {about: _packed(sender, found) for about, found in kinds.items()}


def _packed(sender: str, topics: list[str]) -> list[str]:
    packed: list[str] = []
    some = [sender]
    size = 0
    for topic in topics:
        more = len(msgspec.json.encode(topic)) + 1
        if more > _LARGEST // 2:
            return [_whole(sender)]
        if size + more > _LARGEST - 100:
            packed.append(msgspec.json.encode(some).decode())
            some, size = [sender], 0
        some.append(topic)
        size += more
    packed.append(msgspec.json.encode(some).decode())
    return packed if len(packed) <= _MOST else [_whole(sender)]


def _whole(sender: str) -> str:
    return msgspec.json.encode([sender, _EVERYTHING]).decode()


def told(hub: Hub, own: str, about: str, payload: str) -> None:
    """Pass on what another process said."""
    try:
        sender, *topics = msgspec.json.decode(payload, type=list[str])
    except (msgspec.MsgspecError, ValueError):
        return
    if sender == own:
        return
    if topics == [_EVERYTHING]:
        hub.tell_kind(about)
    else:
        hub.tell(topics)
