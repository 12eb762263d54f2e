"""How much work a call is, in steps that do not depend on the machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from longshore.stores.base import Store


def python_calls(store: Store, work: Callable[[], object]) -> int:
    """Function calls Python makes in this thread: for stores that are Python all through."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def sqlite_steps(store: Store, work: Callable[[], object]) -> int:
    """Instructions of SQLite's virtual machine, in units of one, on both connections of the store."""
    from longshore.stores.sqlite import SqliteStore

    assert isinstance(store, SqliteStore)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connections = store.connections()
    for connection in connections:
        connection.set_progress_handler(count, 1)
    try:
        work()
    finally:
        for connection in connections:
            connection.set_progress_handler(None, 1)
    return steps


_COUNTED = """
local tally = 0
local function call(...)
  local answer = redis.call(...)
  local got = type(answer) == 'table' and #answer or 1
  redis.call('INCRBY', string.sub(KEYS[1], 1, string.find(KEYS[1], '}', 1, true)) .. ':effort', select('#', ...) + got)
  return answer
end
"""


def redis_elements(store: Store, work: Callable[[], object]) -> int:
    """Words given to and elements got from the server's commands, within scripts and without."""
    from longshore.stores.redis import RedisStore
    from longshore.stores.redis.scripts import Script, made

    assert isinstance(store, RedisStore)
    lines, elements = store.lines, 0
    script, ask = lines.script, lines.ask
    total = ("GETSET", f"{lines.where.prefix}effort", 0)

    def counted(name: str) -> Script:
        text = script(name).text.replace("local call = redis.call\n", _COUNTED)
        return made(
            text if "local function call" in text else _COUNTED + text.replace("redis.call(", "call(")
        )

    def counting(*words: Any) -> Any:
        nonlocal elements
        answer = ask(*words)
        elements += len(words) + (len(answer) if isinstance(answer, list) else 1)
        return answer

    ask(*total)
    lines.script, lines.ask = counted, counting  # type: ignore[method-assign]
    try:
        work()
    finally:
        lines.script, lines.ask = script, ask  # type: ignore[method-assign]
    return elements + int(ask(*total))


def postgres_reads(store: Store, work: Callable[[], object]) -> int:
    """Pages touched and rows read, in tables and indexes of the store's schema, by anybody.

    Rows read through the index of running jobs count only by their pages: a sweep reads all of them, so that no index
    has to move with each renewal of a lease.
    """
    from longshore.stores.postgres import PostgresStore

    assert isinstance(store, PostgresStore)
    before = _postgres_counters(store)
    work()
    return _postgres_counters(store) - before


_COUNTERS = """
SELECT (SELECT sum(coalesce(heap_blks_read, 0) + coalesce(heap_blks_hit, 0)
                 + coalesce(idx_blks_read, 0) + coalesce(idx_blks_hit, 0))
        FROM pg_statio_user_tables WHERE schemaname = %s)
     + (SELECT sum(coalesce(seq_tup_read, 0)) FROM pg_stat_user_tables WHERE schemaname = %s)
     + (SELECT sum(coalesce(idx_tup_read, 0)) FROM pg_stat_user_indexes
        WHERE schemaname = %s AND indexrelname <> 'jobs_running')
"""


def _postgres_counters(store: Any) -> int:
    # What a session counts is seen by others when it ends a transaction after being told so.
    store.pool.everywhere("SELECT pg_stat_force_next_flush()")
    with store.pool.lent() as connection:
        row = connection.execute(_COUNTERS, [store.schema] * 3).fetchone()
    return int(row[0])
