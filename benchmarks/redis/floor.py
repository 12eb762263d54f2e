"""The floor on Redis and Valkey: bare redis-py and short scripts by hand on the same keys, one call an exchange.

The scripts know one queue and one priority, no pauses, no unique keys and no refusals to report, and change the stored
jobs by cutting at fixed places.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import redis
import redis.asyncio

from benchmarks.ground import KEEP, NONE, QUEUE, Row
from longshore.ids import new_ids
from longshore.model import JobRecord
from longshore.stores.redis.packing import encode, pack

_ADD: Final = """
local p, id, at = KEYS[1], ARGV[1], ARGV[3]
if redis.call('HSETNX', p .. 'jobs', id, ARGV[2]) == 0 then return 0 end
redis.call('ZADD', p .. 'q:0:default', at, id)
redis.call('ZADD', p .. 's:q', 0, id)
redis.call('HINCRBY', p .. 'counts', 'qdefault', 1)
redis.call('ZADD', p .. 'heads', 'LT', at, '0:default')
return 1"""
_ADD_MANY: Final = """
local p = KEYS[1]
for from = 1, #ARGV, 1500 do
  local values, line, all, n = {}, {}, {}, 0
  for i = from, math.min(from + 1499, #ARGV), 3 do
    values[n + 1], values[n + 2] = ARGV[i], ARGV[i + 1]
    line[n + 1], line[n + 2] = ARGV[i + 2], ARGV[i]
    all[n + 1], all[n + 2] = 0, ARGV[i]
    n = n + 2
  end
  redis.call('HSET', p .. 'jobs', unpack(values))
  redis.call('ZADD', p .. 'q:0:default', unpack(line))
  redis.call('ZADD', p .. 's:q', unpack(all))
end
redis.call('HINCRBY', p .. 'counts', 'qdefault', #ARGV / 3)
redis.call('ZADD', p .. 'heads', 'LT', ARGV[3], '0:default')
return 1"""
# ARGV: limit, time, worker, result, finished, purge; then id and attempt of each job that is done.
_EXCHANGE: Final = """
local p, limit, now, worker, result = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local sub, pack, parse, call = string.sub, struct.pack, struct.unpack, redis.call
local none = pack('<d', 0 / 0)
local values, over, ends, purges, n = {}, {}, {}, {}, 0
if #ARGV > 6 then
  local ids = {}
  for i = 7, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
  local found, times = call('HMGET', p .. 'jobs', unpack(ids)), pack('<dd', tonumber(ARGV[5]), tonumber(ARGV[6]))
  for i = 1, #ids do
    local v = found[i]
    if v and sub(v, 1, 1) == 'r' and sub(v, 6, 9) == ARGV[6 + 2 * i] then
      values[n + 1] = ids[i]
      values[n + 2] = 's' .. sub(v, 2, 49) .. none .. sub(v, 58, 65) .. times .. sub(v, 82, 117)
        .. pack('<I4', #result) .. sub(v, 122, #v - parse('<I4', v, 118)) .. result
      over[#over + 1] = ids[i]
      ends[n + 1], ends[n + 2] = 0, ids[i]
      purges[n + 1], purges[n + 2] = ARGV[6], ids[i]
      n = n + 2
    end
  end
  if n > 0 then
    call('ZREM', p .. 's:r', unpack(over))
    call('ZREM', p .. 'leases', unpack(over))
    call('HSET', p .. 'jobs', unpack(values))
    call('ZADD', p .. 's:s', unpack(ends))
    call('ZADD', p .. 'purge', unpack(purges))
    if call('HINCRBY', p .. 'counts', 'rdefault', -n / 2) <= 0 then call('HDEL', p .. 'counts', 'rdefault') end
    call('HINCRBY', p .. 'counts', 'sdefault', n / 2)
  end
end
local ids = limit > 0 and call('ZRANGEBYSCORE', p .. 'q:0:default', '-inf', ARGV[2], 'LIMIT', 0, limit) or {}
if #ids == 0 then return {} end
local found, till = call('HMGET', p .. 'jobs', unpack(ids)), now + 15
local lease, begun, size, leases, runs, answer = pack('<d', till), pack('<d', now), pack('<I4', #worker), {}, {}, {}
values, n = {}, 0
for i = 1, #ids do
  local v = found[i]
  local a, b, c, d, e, f, g, reason, was = parse('<I4I4I4I4I4I4I4I4I4', v, 82)
  local stop = 121 + a + b + c + d + e + f + g
  local new = 'r' .. sub(v, 2, 5) .. pack('<I4', parse('<I4', v, 6) + 1) .. sub(v, 10, 49) .. lease .. begun
    .. sub(v, 66, 109) .. '\\1\\0\\0\\0' .. size .. sub(v, 118, stop) .. '\\192' .. worker .. sub(v, stop + reason + was + 1)
  values[n + 1], values[n + 2] = ids[i], new
  leases[n + 1], leases[n + 2] = till, ids[i]
  runs[n + 1], runs[n + 2] = 0, ids[i]
  n = n + 2
  answer[i] = ids[i] .. new
end
call('ZREMRANGEBYRANK', p .. 'q:0:default', 0, #ids - 1)
call('ZREM', p .. 's:q', unpack(ids))
call('HSET', p .. 'jobs', unpack(values))
call('ZADD', p .. 's:r', unpack(runs))
call('ZADD', p .. 'leases', unpack(leases))
if call('HINCRBY', p .. 'counts', 'qdefault', -#ids) <= 0 then call('HDEL', p .. 'counts', 'qdefault') end
call('HINCRBY', p .. 'counts', 'rdefault', #ids)
return answer"""
_LEFT: Final = "return redis.call('ZCARD', KEYS[1] .. 's:q') + redis.call('ZCARD', KEYS[1] .. 's:r')"
_attempt: Final = struct.Struct("<I")
_WORKER: Final = encode("floor")


class RedisFloor:
    """`ground.Floor`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        (namespace,) = parse_qs(parts.query)["namespace"]
        self._path, self._prefix = parts.path, f"{{{namespace}}}:"
        self._client = redis.Redis(unix_socket_path=self._path)
        self._shas = {text: self._client.script_load(text) for text in (_ADD, _ADD_MANY, _EXCHANGE, _LEFT)}

    def _call(self, text: str, *words: Any) -> Any:
        return self._client.evalsha(self._shas[text], 1, self._prefix, *words)

    def close(self) -> None:
        self._client.close()

    def rows(self, count: int) -> list[Row]:
        now = time.time()
        name, args = "benchmarks.tasks.empty_async", b"\x01\x90"
        packed = [pack(JobRecord(i, name, QUEUE, args, now, now, keep=KEEP)) for i in new_ids(count)]
        return [(one[:16], one[16:], repr(now)) for one in packed]

    def insert(self, jobs: Sequence[Row], batch: int) -> None:
        if batch == 1:
            for job in jobs:
                self._call(_ADD, *job)
            return
        for start in range(0, len(jobs), batch):
            self._call(_ADD_MANY, *[word for job in jobs[start : start + batch] for word in job])

    def exchange(self, done: Sequence[Row], limit: int, result: bytes = NONE) -> list[Row]:
        now = time.time()
        words = [word for job in done for word in job[:2]]
        times = (repr(now), _WORKER, encode(result), repr(now), repr(now + KEEP))
        # What a worker must know of a job is the text behind these.
        return [(one[:16], one[21:25], one) for one in self._call(_EXCHANGE, limit, *times, *words)]

    def left(self) -> bool:
        return bool(self._call(_LEFT))

    def result(self, row: Row) -> bytes:
        stored: Any = self._client.hget(f"{self._prefix}jobs", row[0])
        size: int = _attempt.unpack_from(stored, 117)[0]
        return bytes(stored[len(stored) - size + 2 :])  # behind the head of a short MessagePack binary

    async def call_each(self, jobs: Sequence[Row], callers: int) -> None:
        client = redis.asyncio.Redis(unix_socket_path=self._path)
        waiting = iter(jobs)

        async def caller() -> None:
            for job in waiting:
                await client.evalsha(self._shas[_ADD], 1, self._prefix, *job)

        await asyncio.gather(*[caller() for _ in range(callers)])
        await client.aclose()
