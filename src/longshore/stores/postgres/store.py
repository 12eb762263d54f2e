"""The PostgreSQL store: which statements make up each call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, TypeVar

import msgspec
import psycopg

from longshore.callers import Caller, Refused, Steps, caller, driven
from longshore.errors import StoreError
from longshore.failpoint import hit
from longshore.model import Change, Claim, JobRecord, Where
from longshore.stores import forks
from longshore.stores.base import Exchange, Subscription
from longshore.stores.postgres import (
    adding,
    changing,
    claiming,
    granting,
    listing,
    location,
    migrating,
    schema,
    visiting,
)
from longshore.stores.postgres.arrays import numbers, texts
from longshore.stores.postgres.clock import ServerClock
from longshore.stores.postgres.connection import Connection, forgotten
from longshore.stores.postgres.migrations import known
from longshore.stores.postgres.pool import Call, Pool, Rows, execute
from longshore.stores.postgres.rows import records
from longshore.stores.postgres.text import read, stored
from longshore.stores.postgres.texts import table
from longshore.stores.postgres.texts import texts as statements_of
from longshore.stores.postgres.trouble import translated
from longshore.stores.postgres.voice import Message, Voice
from longshore.stores.upkeep import Right, Versions

T = TypeVar("T")


class PostgresStore:
    """`base.Store` in one schema of a database. A forked child gets connections of its own."""

    transactional = True

    def __init__(self, url: str, clock: Callable[[], float] | None = None) -> None:
        self._location = location.parse(url)
        self.url = self._location.url
        #: the name of the schema our tables are in
        self.schema = self._location.schema
        self._clock = clock
        self.sql: Mapping[str, str] = statements_of(self._location.schema, clock is not None)
        self._jobs = table(self._location.schema, "jobs")
        self._fresh()
        forks.follow(self)

    def _fresh(self) -> None:
        self._opening = threading.Lock()
        self._opened: Pool | None = None
        self._place = ""
        self._server = ServerClock()
        self._places = claiming.Places()
        self._voice = Voice(lambda: self._location, self._notify)

    # -- life ------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """See `base.Store.open`."""
        self._pool()

    def close(self) -> None:
        """See `base.Store.close`."""
        self._voice.close()
        with self._opening:
            pool, self._opened = self._opened, None
        if pool is not None:
            pool.close()

    def forked(self) -> None:
        """We are in a child now: leave the parent's connections alone and open others when needed."""
        pool = self._opened
        self._fresh()
        if pool is not None:
            pool.leave()

    def _pool(self) -> Pool:
        pool = self._opened
        if pool is None:
            with self._opening:
                pool = self._opened
                if pool is None:
                    pool = self._opened = self._new_pool()
        return pool

    def _new_pool(self) -> Pool:
        pool = Pool(self._location)
        try:
            with pool.lent() as connection:
                self._mind_pooler(pool, connection)
                found = schema.look(connection, self._location, self.sql)
                if schema.due(found, self._location):
                    migrating.migrate(self._location, self.sql)
                    found = schema.look(connection, self._location, self.sql)
                schema.check(found, self._location)
                self._place = found.place
                self._server.learn(execute(connection, Call(self.sql["now"], {}))[0][0])
        except psycopg.Error as error:
            pool.close()
            raise translated(self._location, error) from error
        except BaseException:
            pool.close()
            raise
        return pool

    def _mind_pooler(self, pool: Pool, connection: Connection) -> None:
        """A transaction pooler nobody told us of: go on as if they had."""
        if not self._location.pooled and forgotten(connection, self.url):
            self._location = pool.location = self._location._replace(pooled=True)

    @property
    def pooled(self) -> bool:
        """Whether a pooler in transaction mode is reckoned with: told by the URL, or found out when opening."""
        return self._location.pooled

    @property
    def pool(self) -> Pool:
        """The connections, for tests and ``doctor`` to look at."""
        return self._pool()

    def plan(self) -> list[str]:
        """See `upkeep.Migratable.plan`: a script for psql, statement by statement."""
        return self._glance(lambda connection, found: migrating.plan(connection, found, self._location))

    def versions(self) -> Versions:
        """See `upkeep.Migratable.versions`."""
        return self._glance(lambda _, found: Versions(found.version, known()[-1].number))

    def exists(self) -> bool:
        """Whether the tables are there, of whatever version. Makes nothing."""
        return self.versions().found is not None

    def _glance(self, tell: Callable[[Connection, schema.Found], T]) -> T:
        """Look at the tables without opening the store, on a connection of its own."""
        pool = Pool(self._location)
        try:
            with pool.lent() as connection:
                return tell(connection, schema.look(connection, self._location, self.sql))
        finally:
            pool.close()

    def migrate(self) -> list[int]:
        """See `upkeep.Migratable.migrate`."""
        return migrating.migrate(self._location, self.sql)

    def condition(self) -> dict[str, str]:
        """How the server and our tables are, by name, for ``doctor``; what our role may not see is left out."""
        return dict(
            self._pool().run(Call(self.sql["condition"], {"table": f"{schema.quoted(self.schema)}.jobs"}))
        )

    @property
    def budget(self) -> int:
        """Most connections of this process: the pool's, and one for hints."""
        return self._location.pool + (not self._location.pooled)

    def check_worker(self) -> None:
        """See `upkeep.Guarded.check_worker`."""
        granting.check_worker(self._pool(), self._location)

    def grants(self, right: Right, role: str) -> list[str]:
        """See `upkeep.Guarded.grants`."""
        return granting.grants(self.schema, right, role)

    def now(self) -> float:
        """The clock given, else the server's."""
        if self._clock is not None:
            return self._clock()
        now = self._server.now()
        if now is None:
            self._pool()
            now = self._server.now()
            assert now is not None
        return now

    def _injected(self) -> float | None:
        return None if self._clock is None else self._clock()

    def _run(self, name: str, **values: Any) -> Rows:
        call = Call(self.sql[name], {"now": self._injected(), **values})
        # What says what it removed would say something else the second time.
        return self._pool().run(call, repeat=name not in ("delete", "drop", "purge"))

    # -- adding ----------------------------------------------------------------------------------------------------

    def add(self, jobs: Sequence[JobRecord], connection: Any = None) -> list[JobRecord]:
        """See `base.Store.add`."""
        if not jobs:
            return []
        pool = self._pool()
        if connection is not None:
            guest = caller(connection)
            return guest.run(self.join(guest, jobs))
        if adding.in_one(jobs):
            answer = pool.transaction(
                lambda own: driven(self._add(jobs), lambda call: execute(own, call)), "add.before_commit"
            )
        else:
            answer = driven(self._add(jobs), lambda call: pool.run(call, "add.before_commit"))
        hit("add.after_commit")
        return answer

    def _add(self, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        return adding.add(self.sql, self._jobs, jobs)

    def join(self, caller: Caller, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """See `base.Store.join`."""
        self._pool()
        try:
            yield from visiting.checked(caller, self._location, self._place)
            return (yield from self._add(jobs))
        except Refused as error:
            raise visiting.told(self._location, error) from error.__cause__

    # -- the hot path ----------------------------------------------------------------------------------------------

    def exchange(self, changes: Sequence[Change], claim: Claim | None) -> Exchange:
        """See `base.Store.exchange`."""
        if claim is not None and claim.limit <= 0:
            claim = None
        if not changes and claim is None:
            return Exchange(frozenset(), [], None)
        known = None if claim is None else self._places.known(claim)
        begun = monotonic()
        accepted, rows = self._settle(changes, claim, known, "exchange.before_commit")
        hit("exchange.after_commit")
        if claim is None:
            return Exchange(accepted, [], None)
        taken = self._taken(rows)
        self._places.learn(claim, taken, None if known else monotonic() - begun)
        if known and len(taken.jobs) < claim.limit:
            taken = self._rest(claim, taken)
        return Exchange(accepted, taken.jobs, taken.next_at)

    def _rest(self, claim: Claim, taken: claiming.Taken) -> claiming.Taken:
        """The places the last claim left off at had not enough; look from the head for the rest."""
        rest = msgspec.structs.replace(claim, limit=claim.limit - len(taken.jobs))
        try:
            _, rows = self._settle((), rest, None, "")
        except StoreError:
            # What we have is ours already and must not be lost.
            return taken._replace(next_at=taken.now)
        more = self._taken(rows)
        return more._replace(jobs=sorted([*taken.jobs, *more.jobs], key=claiming.order))

    def _taken(self, rows: Rows) -> claiming.Taken:
        taken = claiming.taken(rows)
        if self._clock is None:
            self._server.learn(taken.now)
        return taken

    def _settle(
        self, changes: Sequence[Change], claim: Claim | None, known: Mapping[str, str] | None, point: str
    ) -> tuple[frozenset[str], Rows]:
        """Make the changes and claim, in one transaction: what was accepted, and what the claim's statement gave."""
        changing.check(changes)
        last = [] if claim is None else [claiming.call(self.sql, claim, self._injected(), known)]
        shapes = changing.shaped(changes)
        if shapes is not None:
            try:
                answers = self._pool().together([*changing.calls(self._jobs, shapes), *last], point)
            except psycopg.errors.UniqueViolation:
                pass  # nothing was made; which of them cannot be is told one by one
            else:
                return changing.made(answers[: len(shapes)]), answers[-1]

        def work(connection: psycopg.Connection[Any]) -> tuple[frozenset[str], Rows]:
            accepted = changing.one_by_one(connection, self._jobs, changes)
            return accepted, next((execute(connection, call) for call in last), [])

        return self._pool().transaction(work, point)

    def apply(self, changes: Sequence[Change]) -> frozenset[str]:
        """See `base.Store.apply`."""
        if not changes:
            return frozenset()
        return self._settle(changes, None, None, "apply.before_commit")[0]

    def extend(self, leases: Sequence[tuple[str, int]], lease: float) -> dict[str, bool]:
        """See `base.Store.extend`."""
        if not leases:
            return {}
        ordered = sorted(leases)
        rows = self._run(
            "extend",
            ids=texts([job_id for job_id, _ in ordered]),
            attempts=numbers([attempt for _, attempt in ordered]),
            lease=float(lease),
        )
        return {read(job_id): asked for job_id, asked in rows}

    # -- reading and removing --------------------------------------------------------------------------------------

    def get(self, ids: Sequence[str]) -> dict[str, JobRecord]:
        """See `base.Store.get`."""
        if not ids:
            return {}
        return {job.id: job for job in records(self._run("get", ids=texts(ids)))}

    def find(self, where: Where, limit: int, after: str | None = None) -> list[JobRecord]:
        """See `base.Store.find`."""
        call = listing.find(self._jobs, where, limit, after)
        return [] if call is None else records(self._pool().run(call))

    def count(self) -> dict[tuple[str, str], int]:
        """See `base.Store.count`."""
        # Every row is counted: reading them in the order they lie is the best that can be done.
        rows = self._pool().run(Call(self.sql["count"], {}), settings={"enable_seqscan": "on"})
        return {(read(queue), state): number for queue, state, number in rows}

    def oldest(self) -> dict[str, float]:
        """See `base.Store.oldest`."""
        return {read(queue): run_at for queue, run_at in self._run("oldest")}

    def delete(self, ids: Sequence[str]) -> frozenset[str]:
        """See `base.Store.delete`."""
        if not ids:
            return frozenset()
        return frozenset([read(job_id) for (job_id,) in self._run("delete", ids=texts(ids))])

    def purge(self, limit: int) -> int:
        """See `base.Store.purge`."""
        return len(self._run("purge", limit=limit))

    # -- hints -----------------------------------------------------------------------------------------------------

    def publish(self, topics: Iterable[str]) -> None:
        """See `base.Store.publish`."""
        self._voice.publish(topics)

    def _notify(self, messages: Sequence[Message]) -> None:
        channels = [channel for channel, _ in messages]
        payloads = [payload for _, payload in messages]
        self._run("notify", channels=texts(channels), payloads=texts(payloads))

    def subscribe(self, topics: Iterable[str], callback: Callable[[], object]) -> Subscription:
        """See `base.Store.subscribe`."""
        return self._voice.subscribe(topics, callback)

    # -- documents -------------------------------------------------------------------------------------------------

    def put(self, kind: str, key: str, doc: Mapping[str, Any], expires: float | None = None) -> None:
        """See `base.Store.put`."""
        until = None if expires is None else float(expires)
        self._run("put", kind=stored(kind), key=stored(key), doc=msgspec.json.encode(doc), expires=until)

    def list(self, kind: str) -> dict[str, dict[str, Any]]:
        """See `base.Store.list`."""
        return {read(key): msgspec.json.decode(doc) for key, doc in self._run("list", kind=stored(kind))}

    def drop(self, kind: str, key: str) -> bool:
        """See `base.Store.drop`."""
        return self._run("drop", kind=stored(kind), key=stored(key)) == [(True,)]

    def hold(self, name: str, owner: str, seconds: float) -> bool:
        """See `base.Store.hold`."""
        doc = msgspec.json.encode({"owner": owner})
        return bool(self._run("hold", key=stored(name), doc=doc, seconds=float(seconds)))
