"""The Redis and Valkey store: which scripts and commands make up each call."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn

import msgspec

from longshore.callers import Caller
from longshore.errors import ConfigError, StoreError
from longshore.failpoint import hit
from longshore.model import Change, Claim, JobRecord, Where
from longshore.stores import forks
from longshore.stores.base import Exchange, Subscription
from longshore.stores.gathered import Gathered
from longshore.stores.hints import Hub
from longshore.stores.redis import checks, condition, listing, location
from longshore.stores.redis.clock import ServerTime
from longshore.stores.redis.dialer import Line
from longshore.stores.redis.ear import Ear
from longshore.stores.redis.lines import Lines
from longshore.stores.redis.mouth import Mouth
from longshore.stores.redis.packing import STATES, pack, short, text, unpack
from longshore.stores.redis.watch import Watch
from longshore.stores.redis.words import lined_up, pack_changes, pack_settled, plain

_STATE_OF: Final = {code: state for state, code in STATES.items()}
#: seconds a script may take beyond the usual for each job it is given
_SECONDS_A_JOB: Final = 0.0002
#: seconds between two messages with hints
_INTERVAL: Final = 0.001
#: most jobs of one `add`: a script of more would keep the server from everybody else for seconds
_MOST: Final = 250_000
#: most leases renewed by one script
_LEASES: Final = 1000

logger = logging.getLogger("longshore.stores")


class RedisStore:
    """`base.Store` on one Redis or Valkey server, a Sentinel group or one slot of a Cluster."""

    transactional = False

    def __init__(self, url: str, clock: Callable[[], float] | None = None) -> None:
        self._where = location.parse(url)
        self.url = self._where.url
        self.lines = Lines(self._where, self._check, self._follow)
        self._keys = (self._where.prefix + "jobs",)
        self._clock = clock
        self._time = ServerTime(self._ask_time)
        self._promised = False
        self._fresh()
        forks.follow(self)

    def _fresh(self) -> None:
        me = os.urandom(8)
        self._hub = Hub(self._listen)
        self._mouth = Mouth(self._where, me)
        self._hints = Gathered(self._mouth.say, _INTERVAL)
        self._ear = Ear(self._where, self._hub, me)
        self._watch = Watch(self._where, lambda: self.lines.place, self._leave)
        self._me = me

    def _leave(self) -> None:
        self.lines.leave()
        self._mouth.close()
        self._ear.leave()

    def _listen(self, kinds: frozenset[str]) -> None:
        self._ear.listen(kinds)

    def _check(self, line: Line) -> None:
        checks.check(line, self._where)
        self._watch.start()
        if not self._promised:
            self._promised = True
            self._say(*checks.promise(line, self._where))

    def _follow(self, line: Line) -> None:
        self._say(*checks.moved(line, self._where))

    def _say(self, kept: bool, sentence: str) -> None:
        logger.log(logging.INFO if kept else logging.WARNING, "%s: %s", self.url, sentence)

    def open(self) -> None:
        """See `base.Store.open`."""
        self.lines.open()

    def close(self) -> None:
        """See `base.Store.close`."""
        self._watch.close()
        self._watch = Watch(self._where, lambda: self.lines.place, self._leave)
        self._hub.clear()
        self._ear.close()
        self._ear = Ear(self._where, self._hub, self._me)
        self._hints.close()
        self._hints = Gathered(self._mouth.say, _INTERVAL)
        self._mouth.close()
        self.lines.close()

    def forked(self) -> None:
        """We are in a child now: leave the parent's connections alone and open others when needed."""
        self.lines.forked()
        self._fresh()

    def condition(self) -> dict[str, str]:
        """How the server is, by name, for ``doctor``; what our user may not see is left out."""
        return self.lines.look(lambda line: condition.condition(line, self._where))

    def now(self) -> float:
        """The clock given, else the server's."""
        return self._clock() if self._clock is not None else self._time()

    def _ask_time(self) -> float:
        seconds, micros = self.lines.ask("TIME")
        return int(seconds) + int(micros) / 1e6

    def _now(self) -> str:
        """The first argument of each script."""
        return "" if self._clock is None else repr(self._clock())

    def add(self, jobs: Sequence[JobRecord], connection: Any = None) -> list[JobRecord]:
        """See `base.Store.add`."""
        if connection is not None:
            self.join(connection, jobs)
        if not jobs:
            return []
        if len(jobs) > _MOST:
            raise StoreError(
                f"{len(jobs)} jobs are too many to be stored at once: the server would do nothing else for seconds\n"
                f"enqueue them in parts of at most {_MOST}; 1000 at once are as quick"
            )
        packed = [pack(job) for job in jobs]
        hit("add.before_commit")
        answer = list(jobs)
        if not (plain(jobs) and self._store("add", lined_up(jobs, packed), len(jobs))):
            time, *standing = self._store("add_any", packed, len(jobs))
            self._learn(time)
            for position, found in zip(standing[::2], standing[1::2], strict=True):
                answer[position] = unpack(found)
        hit("add.after_commit")
        return answer

    def join(self, caller: Caller, jobs: Sequence[JobRecord]) -> NoReturn:
        """ConfigError: no other database's transaction can be joined."""
        raise ConfigError(
            f"{self.url} cannot join a transaction of another database\n"
            'let the jobs wait in that database until your commit: App(..., outbox="postgresql://…" or "sqlite:///…");\n'
            "or enqueue without connection= after the commit"
        )

    def _store(self, name: str, words: Sequence[Any], number: int) -> Any:
        return self.lines.run(
            name,
            self._keys,
            (self._now(), *words),
            patience=number * _SECONDS_A_JOB,
            replicas=self._where.replicas,
        )

    def _learn(self, time: bytes) -> None:
        if self._clock is None:
            self._time.learn(float(time))

    def exchange(self, changes: Sequence[Change], claim: Claim | None) -> Exchange:
        """See `base.Store.exchange`."""
        if not changes and (claim is None or claim.limit <= 0):
            return Exchange(frozenset(), [], None)
        call = self._exchange(changes, claim)
        hit("exchange.before_commit")
        answer = call()
        hit("exchange.after_commit")
        return answer

    def apply(self, changes: Sequence[Change]) -> frozenset[str]:
        """See `base.Store.apply`."""
        if not changes:
            return frozenset()
        call = self._exchange(changes, None)
        hit("apply.before_commit")
        return call().accepted

    def _exchange(self, changes: Sequence[Change], claim: Claim | None) -> Callable[[], Exchange]:
        """The call, made ready."""
        settled = pack_settled(changes)
        name, packed = (
            ("exchange", settled) if settled is not None else ("exchange_any", pack_changes(changes))
        )
        words = (self._now(), *_claim_words(claim), *packed)

        def call() -> Exchange:
            # Not repeated where the connection broke: changes made by the first call would seem refused by the second.
            time, next_at, refused, *rest = self.lines.run(name, self._keys, words, repeat=not changes)
            self._learn(time)
            positions = set(rest[:refused])
            accepted = frozenset([one.id for n, one in enumerate(changes) if n not in positions])
            jobs = [unpack(one) for one in rest[refused:]]
            return Exchange(accepted, jobs, float(next_at) if next_at else None)

        return call

    def extend(self, leases: Sequence[tuple[str, int]], lease: float) -> dict[str, bool]:
        """See `base.Store.extend`."""
        known = [(i, key, attempt) for i, attempt in leases if (key := short(i)) is not None]
        held: dict[str, bool] = {}
        # Each lease is for itself: many calls, so that nobody waits long for the server.
        for start in range(0, len(known), _LEASES):
            some = known[start : start + _LEASES]
            leased = (key + attempt.to_bytes(4, "little") for _, key, attempt in some)
            answers = self.lines.run("extend", self._keys, (self._now(), repr(lease), *leased))
            held |= {i: answer == 1 for (i, _, _), answer in zip(some, answers, strict=True) if answer >= 0}
        return held

    def get(self, ids: Sequence[str]) -> dict[str, JobRecord]:
        """See `base.Store.get`."""
        keys = [key for i in dict.fromkeys(ids) if (key := short(i)) is not None]
        return {job.id: job for job in listing.read(self.lines, keys)} if keys else {}

    def find(self, where: Where, limit: int, after: str | None = None) -> list[JobRecord]:
        """See `base.Store.find`."""
        return listing.find(self.lines, where, limit, after)

    def count(self) -> dict[tuple[str, str], int]:
        """See `base.Store.count`."""
        found = self.lines.ask("HGETALL", self._where.prefix + "counts")
        pairs = zip(found[::2], found[1::2], strict=True)
        return {(key[1:].decode(), _STATE_OF[key[0]]): int(number) for key, number in pairs}

    def oldest(self) -> dict[str, float]:
        """See `base.Store.oldest`."""
        heads = self.lines.ask(
            "ZRANGEBYSCORE", self._where.prefix + "heads", "-inf", repr(self.now()), "WITHSCORES"
        )
        oldest: dict[str, float] = {}
        for line, due in zip(heads[::2], heads[1::2], strict=True):
            # By due time: the first of each queue is its oldest.
            oldest.setdefault(line.partition(b":")[2].decode(), float(due))
        return oldest

    def delete(self, ids: Sequence[str]) -> frozenset[str]:
        """See `base.Store.delete`."""
        keys = [key for i in dict.fromkeys(ids) if (key := short(i)) is not None]
        if not keys:
            return frozenset()
        return frozenset([key.hex() for key in self.lines.run("delete", self._keys, (self._now(), *keys))])

    def purge(self, limit: int) -> int:
        """See `base.Store.purge`."""
        return int(self.lines.run("purge", self._keys, (self._now(), limit))) if limit > 0 else 0

    def publish(self, topics: Iterable[str]) -> None:
        """See `base.Store.publish`."""
        found = list(topics)
        self._hub.tell(found)
        if found:
            self._hints.say(found)

    def subscribe(self, topics: Iterable[str], callback: Callable[[], object]) -> Subscription:
        """See `base.Store.subscribe`."""
        listening = self._hub.subscribe(topics, callback)
        self._ear.confirm()
        return listening

    def put(self, kind: str, key: str, doc: Mapping[str, Any], expires: float | None = None) -> None:
        """See `base.Store.put`."""
        life = "" if expires is None else repr(expires)
        self.lines.run("put", self._keys, (self._now(), kind, key, life, msgspec.json.encode(doc)))

    def list(self, kind: str) -> dict[str, dict[str, Any]]:
        """See `base.Store.list`."""
        found = self.lines.run("list", self._keys, (self._now(), kind))
        return {
            key.decode(): msgspec.json.decode(text) for key, text in zip(found[::2], found[1::2], strict=True)
        }

    def drop(self, kind: str, key: str) -> bool:
        """See `base.Store.drop`."""
        return bool(self.lines.run("drop", self._keys, (self._now(), kind, key)) == 1)

    def hold(self, name: str, owner: str, seconds: float) -> bool:
        """See `base.Store.hold`."""
        doc = msgspec.json.encode({"owner": owner})
        return bool(self.lines.run("hold", self._keys, (self._now(), "held", name, repr(seconds), doc)) == 1)


def _claim_words(claim: Claim | None) -> tuple[Any, ...]:
    if claim is None or claim.limit <= 0:
        return (0, 0, "", -1)
    queues = claim.queues
    asked = (-1,) if queues is None else (len(queues), *queues)
    return (claim.limit, repr(claim.lease), text("worker", claim.worker), *asked)
