"""The SQLite store: which statements make up each call."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

import msgspec

from longshore.callers import Caller, Refused, Steps, caller
from longshore.failpoint import hit
from longshore.model import Change, Claim, JobRecord, Where
from longshore.stores import forks
from longshore.stores.base import Exchange, Subscription
from longshore.stores.sqlite import adding, changing, claiming, listing, location, schema, visiting
from longshore.stores.sqlite.connection import connect
from longshore.stores.sqlite.pair import Pair
from longshore.stores.sqlite.rows import records
from longshore.stores.statements import statements
from longshore.stores.upkeep import Versions
from longshore.stores.wake import Wake


class SqliteStore:
    """`base.Store` in one file. A forked child gets connections of its own."""

    transactional = True

    def __init__(self, url: str, clock: Callable[[], float] | None = None) -> None:
        self.url = url
        self.sql: Mapping[str, str] = statements("sqlite")
        self._location = location.parse(url)
        self._clock = clock or time.time
        self._opening = threading.Lock()
        self._opened: Pair | None = None
        self._wake = Wake(self._location.path + "-wake")
        forks.follow(self)

    def open(self) -> None:
        """See `base.Store.open`."""
        self._pair()

    def close(self) -> None:
        """See `base.Store.close`."""
        self._wake.close()
        with self._opening:
            pair, self._opened = self._opened, None
        if pair is not None:
            pair.close()

    def forked(self) -> None:
        """We are in a child now: leave the parent's connections alone and open others when needed."""
        self._opening = threading.Lock()
        pair, self._opened = self._opened, None
        if pair is not None:
            pair.leave()
        self._wake.forked()

    def _pair(self) -> Pair:
        pair = self._opened
        if pair is None:
            with self._opening:
                pair = self._opened
                if pair is None:
                    pair = self._opened = Pair(self._location, self.sql)
        return pair

    def connections(self) -> tuple[sqlite3.Connection, sqlite3.Connection]:
        """Writer and reader, for tests and `doctor` to look at."""
        pair = self._pair()
        return pair.writer, pair.reader

    def versions(self) -> Versions:
        """See `upkeep.Migratable.versions`."""
        return Versions(self._version(), schema.VERSION)

    def _version(self) -> int | None:
        path = self._location.path
        if not os.path.exists(path) or os.path.getsize(path) == 0:
            return None
        schema.check_library()
        with closing(connect(path, self._location.synchronous)) as reader:
            return schema.VERSION if schema.is_ready(reader, path) else None

    def plan(self) -> list[str]:
        """See `upkeep.Migratable.plan`."""
        return [] if self._version() is not None else ["BEGIN IMMEDIATE;", self.sql["schema"], "COMMIT;"]

    def migrate(self) -> list[int]:
        """See `upkeep.Migratable.migrate`."""
        before = self._version()
        self.open()
        return [schema.VERSION] if before is None else []

    def now(self) -> float:
        """The clock given, else this machine's."""
        return self._clock()

    def add(self, jobs: Sequence[JobRecord], connection: Any = None) -> list[JobRecord]:
        """See `base.Store.add`."""
        if not jobs:
            return []
        if connection is not None:
            guest = caller(connection)
            return guest.run(self.join(guest, jobs))
        answer = self._pair().write(lambda writer: adding.add(writer, self.sql, jobs), "add.before_commit")
        hit("add.after_commit")
        return answer

    def join(self, caller: Caller, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """See `base.Store.join`."""
        path = self._location.path
        try:
            yield from visiting.checked(caller, path, "this store", "the store")
            if self._opened is None:
                yield from visiting.made(path)
                self._pair()
            return (yield from visiting.add(self.sql, jobs))
        except Refused as error:
            raise visiting.told(path, error) from error.__cause__

    def exchange(self, changes: Sequence[Change], claim: Claim | None) -> Exchange:
        """See `base.Store.exchange`."""
        if not changes and (claim is None or claim.limit <= 0):
            return Exchange(frozenset(), [], None)
        if not changes and claim is not None:
            # An idle worker asks often; only when something is due is the write lock worth taking.
            now = self.now()
            found = self._pair().read(lambda reader: claiming.groups(reader, self.sql, claim.queues, now))
            if not claiming.due(found, now):
                return Exchange(frozenset(), [], claiming.next_at(found))
        answer = self._pair().write(
            lambda writer: self._exchange(writer, changes, claim), "exchange.before_commit"
        )
        hit("exchange.after_commit")
        return answer

    def _exchange(
        self, writer: sqlite3.Connection, changes: Sequence[Change], claim: Claim | None
    ) -> Exchange:
        accepted = changing.apply(writer, changes)
        if claim is None or claim.limit <= 0:
            return Exchange(accepted, [], None)
        jobs, next_at = claiming.take(writer, self.sql, claim, self.now())
        return Exchange(accepted, jobs, next_at)

    def apply(self, changes: Sequence[Change]) -> frozenset[str]:
        """See `base.Store.apply`."""
        if not changes:
            return frozenset()
        return self._pair().write(lambda writer: changing.apply(writer, changes), "apply.before_commit")

    def extend(self, leases: Sequence[tuple[str, int]], lease: float) -> dict[str, bool]:
        """See `base.Store.extend`."""
        if not leases:
            return {}
        values = _json(leases)
        rows = self._pair().write(
            lambda writer: writer.execute(
                self.sql["extend"], {"until": self.now() + lease, "leases": values}
            ).fetchall()
        )
        return {job_id: asked == 1 for job_id, asked in rows}

    def get(self, ids: Sequence[str]) -> dict[str, JobRecord]:
        """See `base.Store.get`."""
        if not ids:
            return {}
        values = (_json(ids),)
        rows = self._pair().read(lambda reader: reader.execute(self.sql["get"], values).fetchall())
        return {job.id: job for job in records(rows)}

    def find(self, where: Where, limit: int, after: str | None = None) -> list[JobRecord]:
        """See `base.Store.find`."""
        return self._pair().read(lambda reader: listing.find(reader, where, limit, after))

    def count(self) -> dict[tuple[str, str], int]:
        """See `base.Store.count`."""
        rows = self._pair().read(lambda reader: reader.execute(self.sql["count"]).fetchall())
        return {(queue, state): number for queue, state, number in rows}

    def oldest(self) -> dict[str, float]:
        """See `base.Store.oldest`."""
        now = self.now()
        oldest: dict[str, float] = {}
        for queue, _, run_at in self._pair().read(lambda reader: claiming.groups(reader, self.sql, None)):
            if run_at <= min(now, oldest.get(queue, now)):
                oldest[queue] = run_at
        return oldest

    def delete(self, ids: Sequence[str]) -> frozenset[str]:
        """See `base.Store.delete`."""
        if not ids:
            return frozenset()
        values = (_json(ids),)
        rows = self._pair().write(lambda writer: writer.execute(self.sql["delete"], values).fetchall())
        return frozenset(job_id for (job_id,) in rows)

    def purge(self, limit: int) -> int:
        """See `base.Store.purge`."""
        now = self.now()
        found = self._pair().read(lambda reader: reader.execute(self.sql["purgeable"], (now,)).fetchall())
        if not found:
            return 0
        return self._pair().write(lambda writer: self._purge(writer, found, now, limit))

    def _purge(
        self, writer: sqlite3.Connection, found: Iterable[tuple[str, str]], now: float, limit: int
    ) -> int:
        removed = 0
        for state, queue in found:
            removed += writer.execute(self.sql["purge"], (state, queue, now, limit - removed)).rowcount
        return removed

    def publish(self, topics: Iterable[str]) -> None:
        """See `base.Store.publish`."""
        self._wake.publish(topics)

    def subscribe(self, topics: Iterable[str], callback: Callable[[], object]) -> Subscription:
        """See `base.Store.subscribe`."""
        return self._wake.subscribe(topics, callback)

    def put(self, kind: str, key: str, doc: Mapping[str, Any], expires: float | None = None) -> None:
        """See `base.Store.put`."""
        text = msgspec.json.encode(doc)

        def work(writer: sqlite3.Connection) -> None:
            now = self.now()
            writer.execute(self.sql["forget"], (now,))
            writer.execute(self.sql["put"], (kind, key, text, None if expires is None else now + expires))

        self._pair().write(work)

    def list(self, kind: str) -> dict[str, dict[str, Any]]:
        """See `base.Store.list`."""
        values = (kind, self.now())
        rows = self._pair().read(lambda reader: reader.execute(self.sql["list"], values).fetchall())
        return {key: msgspec.json.decode(text) for key, text in rows}

    def drop(self, kind: str, key: str) -> bool:
        """See `base.Store.drop`."""
        values = {"kind": kind, "key": key}
        rows = self._pair().write(lambda writer: writer.execute(self.sql["drop"], values).fetchall())
        return any(expires_at is None or expires_at > self.now() for (expires_at,) in rows)

    def hold(self, name: str, owner: str, seconds: float) -> bool:
        """See `base.Store.hold`."""
        now = self.now()
        doc = msgspec.json.encode({"owner": owner})
        values = {"name": name, "doc": doc, "now": now, "until": now + seconds}
        return bool(self._pair().write(lambda writer: writer.execute(self.sql["hold"], values).fetchall()))


def _json(values: Sequence[Any]) -> str:
    return msgspec.json.encode(values).decode()
