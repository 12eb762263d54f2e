"""One connection: how it is made, and how long it waits."""

from __future__ import annotations

import logging
import select
from collections.abc import Generator
from time import monotonic
from typing import Any, Final, TypeVar

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from longshore.stores.postgres.location import Location
from longshore.stores.postgres.trouble import unreachable

T = TypeVar("T")

logger = logging.getLogger("longshore.stores")

#: How statements are planned: along our indexes, whatever the statistics say or do not say. A table that was just
#: filled has none, and one bad plan costs a thousand times what the best one does.
PLANNING: Final[dict[str, str]] = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
#: A peer that fell silent is noticed after about 20 seconds, by the kernel.
_ALIVE: Final[dict[str, Any]] = {
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_CONNECT_SECONDS: Final = 5
#: how much longer than the server we wait for the end of a statement, in seconds
_GRACE: Final = 1.0


class Late(psycopg.OperationalError):
    """No answer came in time."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """Gives up a statement whose answer does not come: the server may be paused, or the line cut where no kernel notices."""

    #: seconds a statement may take
    deadline: float = 30.0
    #: the statement that was given up; nothing more can be said on this connection
    late: Late | None = None
    #: whether driver and server may disagree about what statements are prepared
    confused: bool = False
    _poll: select.poll | None = None

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """As psycopg's, but not for ever."""
        try:
            return super().wait(_limited(gen, self.deadline), *arguments, **options)
        except Late as error:
            self.late = error
            raise

    def quiet(self) -> bool:
        """Whether it can be used, as far as can be told without a word: the server says something only to part."""
        if self.confused or self.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            return False  # in one, or closed
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.pgconn.socket, select.POLLIN)
        if not self._poll.poll(0):
            return True
        try:
            self.pgconn.consume_input()
        except psycopg.OperationalError:
            return False
        return self.pgconn.status == pq.ConnStatus.OK and not self._poll.poll(0)


def _limited(gen: Generator[Any, Any, T], seconds: float) -> Generator[Any, Any, T]:
    end = monotonic() + seconds
    try:
        want = next(gen)
        while True:
            ready = yield want
            if not ready and monotonic() > end:
                raise Late(f"no answer within {seconds:g} s")
            want = gen.send(ready)
    except StopIteration as stop:
        answer: T = stop.value
        return answer


def connect(location: Location, deadline: float | None = None, name: str = "longshore") -> Connection:
    """A connection that commits each statement by itself. StoreUnavailable: none could be made."""
    seconds = location.deadline if deadline is None else deadline
    given = conninfo_to_dict(location.conninfo)
    options: dict[str, Any] = {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": name,
        "client_encoding": "utf8",
        **_ALIVE,
    }
    options = {key: value for key, value in options.items() if key not in given}
    if not location.pooled:
        options["options"] = f"{given.get('options') or ''} {_settings(seconds)}".strip()
    del given  # An error tracker shows what a frame holds.
    try:
        connection = Connection.connect(location.conninfo, autocommit=True, **options)
    except psycopg.OperationalError as error:
        raise unreachable(location, error) from None
    connection.deadline = seconds + _GRACE
    connection.prepare_threshold = 1
    if location.pooled:
        # Statements would be prepared on one server connection and asked for on another.
        connection.prepare_threshold = None
    return connection


def forgotten(connection: Connection, url: str) -> bool:
    """Whether what we asked for when connecting is not in force: a pooler kept it to itself. Says so in the log."""
    if connection.execute("SELECT current_setting('enable_seqscan')").fetchone() != ("on",):
        return False
    connection.prepare_threshold = None
    logger.warning(
        "%s: a pooler stands between us and the server, and a session's settings are lost in it; "
        "going on without sessions: no hints from other processes, jobs are found by looking once a second. "
        "Say that it is meant by ?pooler=transaction in the URL, or connect to the server itself",
        url,
    )
    return True


def _settings(seconds: float) -> str:
    """The session's settings as start-up options."""
    settings = {
        **PLANNING,
        "default_transaction_isolation": "read\\ committed",
        # The server gives up first, so that the connection can be kept.
        "statement_timeout": str(int(seconds * 1000)),
        "idle_in_transaction_session_timeout": "5000",
    }
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def locally(settings: dict[str, str]) -> str:
    """The statement that makes settings for the transaction it is in."""
    calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    return f"SELECT {calls}"
