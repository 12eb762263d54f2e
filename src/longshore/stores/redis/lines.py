"""The connections of one process: as many as there are threads that call at once, each call on one of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from redis import exceptions

from longshore.stores.redis import faults
from longshore.stores.redis.dialer import Line, ask, dial, place_of
from longshore.stores.redis.location import Location
from longshore.stores.redis.scripts import Script, script

#: seconds after which a connection is looked at before it is used: the server may have closed it
_STALE: Final = 1.0
#: seconds beyond the usual that are worth a look of their own
_LONG: Final = 0.5
#: connections kept for later
_KEPT: Final = 16
T = TypeVar("T")

_TROUBLE: Final = (exceptions.RedisError, OSError)
#: said instead of doing it by a server that is not, or not yet, the one that has our keys: others are to be looked for
_ELSEWHERE: Final = (
    exceptions.AskError,
    exceptions.TryAgainError,
    exceptions.ClusterDownError,
    exceptions.ReadOnlyError,
    exceptions.BusyLoadingError,
)
#: seconds until who said so, or who took over, is asked again
_PAUSE: Final = 0.05

#: A key there never is, named by every script. While a slot moves to another node key by key, its owner sends whoever names
#: an absent key to that node: so no script begins on one half of our keys and fails on its way, when it meets the other.
GUARD: Final = "guard"

logger = logging.getLogger("longshore.stores")


class _Free(NamedTuple):
    line: Line
    since: float


class Lines:
    """``check`` is called with the first connection, before its first use; ``moved`` with the first to another server."""

    def __init__(
        self, where: Location, check: Callable[[Line], object], moved: Callable[[Line], object]
    ) -> None:
        self.where = where
        self._check, self._moved = check, moved
        #: host and port of the server that had our keys when we looked last
        self.place: tuple[str, int] | None = None
        #: for tests, which count what a script does
        self.script: Callable[[str], Script] = script
        self.forked()

    def forked(self) -> None:
        """Forget all connections without a word: they are the parent's, or there are none."""
        self._free: list[_Free] = []
        self._lock = threading.Lock()
        self._open = False

    def open(self) -> None:
        """Connect, so that whatever is wrong shows here. Idempotent."""
        if self._open:
            return
        try:
            line = dial(self.where)
            try:
                self.place = place_of(line)
                self._check(line)
            except BaseException:
                line.disconnect()
                raise
        except _TROUBLE as error:
            raise faults.ours(error, self.where.url) from None
        self._open = True
        self._give_back(line)

    def close(self) -> None:
        """Close those that are free; those in use are closed when they come back."""
        with self._lock:
            self._open = False
        self._drop()

    def run(
        self,
        name: str,
        keys: Sequence[str],
        words: Sequence[Any],
        *,
        repeat: bool = True,
        patience: float = 0.0,
        replicas: int = 0,
    ) -> Any:
        """Run a script: one atomic call. ``repeat``: once more, where the connection broke; ``patience``: seconds it may
        take beyond the usual; ``replicas``: how many must have it, or StoreUnavailable, though it is done."""
        found = self.script(name)
        if self.where.kind == "cluster":
            keys = (*keys, self.where.prefix + GUARD)
        head = (len(keys), *keys, *words)

        def call(line: Line) -> Any:
            try:
                return _told(line, ("EVALSHA", found.sha, *head), patience)
            except exceptions.NoScriptError:
                # A new server, a flushed one, or one that took over: it learns the script with this call.
                return _told(line, ("EVAL", found.text, *head), patience)

        def copied(line: Line) -> tuple[Any, int]:
            # Of the time for an answer, some is left for the way.
            return call(line), ask(line, "WAIT", replicas, int(self.where.timeout * 800))

        if not replicas:
            return self._on_a_line(call, repeat)
        answer, copies = self._on_a_line(copied, repeat)
        if copies < replicas:
            raise faults.not_copied(self.where.url, copies, replicas)
        return answer

    def ask(self, *words: Any) -> Any:
        """One command; it must be one that can be repeated."""
        return self._on_a_line(lambda line: ask(line, *words), True)

    def look(self, tell: Callable[[Line], T]) -> T:
        """What ``tell`` finds out on a connection; it must only read."""
        answer: T = self._on_a_line(tell, True)
        return answer

    def _on_a_line(self, call: Callable[[Line], Any], repeat: bool) -> Any:
        self.open()
        patience = time.monotonic() + self.where.timeout
        while True:
            line: Line | None = None
            try:
                line = self._take()
                answer = call(line)
            except _TROUBLE as error:
                if line is not None:
                    self._after(line, error)
                if repeat and line is not None and _cut(error):
                    repeat = False
                    continue
                if self._follows(error) and time.monotonic() < patience:
                    time.sleep(_PAUSE)
                    continue
                raise faults.in_use(faults.ours(error, self.where.url)) from None
            except BaseException:
                if line is not None:
                    line.disconnect()
                raise
            self._give_back(line)
            return answer

    def _after(self, line: Line, error: Exception) -> None:
        """What becomes of a connection on which something went wrong."""
        if isinstance(error, exceptions.ResponseError) and not _elsewhere(error):
            self._give_back(line)
            return
        line.disconnect()
        # The others lead to the same place.
        self._drop()

    def leave(self) -> None:
        """Call no more where we are connected now: those in use are closed when they come back."""
        self.place = None
        self._drop()

    def _drop(self) -> None:
        with self._lock:
            free, self._free = self._free, []
        for one in free:
            one.line.disconnect()

    def _follows(self, error: Exception) -> bool:
        """Whether the same call may succeed elsewhere soon. What was refused was not begun: any call can be repeated."""
        return self.where.kind != "server" and _elsewhere(error)

    def _take(self) -> Line:
        while True:
            with self._lock:
                found = self._free.pop() if self._free else None
            if found is None:
                return self._dial()
            if time.monotonic() - found.since < _STALE or _quiet(found.line):
                return found.line
            found.line.disconnect()

    def _dial(self) -> Line:
        line = dial(self.where)
        if (place := place_of(line)) != self.place:
            try:
                self._moved(line)
            except BaseException:
                line.disconnect()
                raise
            self.place = place
        return line

    def _give_back(self, line: Line) -> None:
        with self._lock:
            if self._open and len(self._free) < _KEPT and place_of(line) == self.place:
                self._free.append(_Free(line, time.monotonic()))
                return
        line.disconnect()


def _told(line: Line, words: Sequence[Any], patience: float) -> Any:
    line.send_packed_command(line.pack_command(*words))
    if patience > _LONG:
        # The answer to a large call may take longer than a connection's silence is borne otherwise.
        line.can_read(patience)
    return line.read_response()


def _quiet(line: Line) -> bool:
    """Whether nothing came unasked: what would come is the news that the server closed it."""
    try:
        return not line.can_read(0)
    except _TROUBLE:
        return False


def _elsewhere(error: Exception) -> bool:
    # A script of Redis 6 has the word in the middle of a sentence.
    return isinstance(error, _ELSEWHERE) or "READONLY" in str(error) or "UNBLOCKED" in str(error)


def _cut(error: Exception) -> bool:
    """Whether the connection broke, rather than that the server is slow or says no."""
    return isinstance(error, exceptions.ConnectionError) and not isinstance(
        error, exceptions.AuthenticationError | exceptions.AuthorizationError | exceptions.BusyLoadingError
    )
