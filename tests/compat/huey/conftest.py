"""A queue and a data store in each store in turn, by the classes a user would take."""

from __future__ import annotations

import re

import pytest

from longshore.compat.huey.backends.dummy import DummyDataStore, DummyQueue
from longshore.compat.huey.backends.redis_backend import RedisBlockingQueue, RedisDataStore
from longshore.compat.huey.backends.sqlite_backend import SqliteDataStore, SqliteQueue
from longshore.compat.huey.backends.store import StoreDataStore, StoreQueue
from longshore.compat.huey.bin.config import BaseConfiguration
from longshore.compat.huey.bin.huey_consumer import Consumer
from longshore.compat.huey.queue import Invoker


class Backends:
    """``queue`` and ``results`` of one store; ``lines`` makes the same in a module of the user's."""

    def __init__(self, url):
        self.url = url
        scheme = url.partition(":")[0]
        if scheme == "memory":
            self.queue, self.results, self.lines = DummyQueue("test-queue"), DummyDataStore("results"), ""
        elif scheme == "sqlite":
            path = url.removeprefix("sqlite:///")
            self.queue, self.results = (
                SqliteQueue("test-queue", path),
                SqliteDataStore("results", location=path),
            )
            self.lines = (
                "from longshore.compat.huey.backends.sqlite_backend import SqliteQueue, SqliteDataStore\n"
                f"queue = SqliteQueue('test-queue', {path!r})\nresult_store = SqliteDataStore('results', {path!r})\n"
            )
        elif scheme == "postgresql":
            self.queue, self.results = StoreQueue("test-queue", url), StoreDataStore("results", url)
            self.lines = (
                "from longshore.compat.huey.backends.store import StoreQueue, StoreDataStore\n"
                f"queue = StoreQueue('test-queue', {url!r})\nresult_store = StoreDataStore('results', {url!r})\n"
            )
        else:
            where = {
                "unix_socket_path": re.sub(r"^unix://|\?.*", "", url),
                "namespace": url.partition("namespace=")[2],
            }
            if scheme != "unix":
                where = {"url": url}
            self.queue = RedisBlockingQueue("test-queue", **where)
            self.results = RedisDataStore("results", **where)
            self.lines = (
                "from longshore.compat.huey.backends.redis_backend import RedisBlockingQueue, RedisDataStore\n"
                f"queue = RedisBlockingQueue('test-queue', **{where!r})\n"
                f"result_store = RedisDataStore('results', **{where!r})\n"
            )

    def close(self):
        self.queue.app.close()
        self.results._app.close()


@pytest.fixture
def backends(url):
    found = Backends(url)
    yield found
    found.close()


@pytest.fixture
def invoker(backends):
    return Invoker(backends.queue, result_store=backends.results)


@pytest.fixture
def consume():
    """Starts consumers, ``consume(invoker, THREADS=2)``, and stops them at the end."""
    started = []

    def start(invoker, **settings):
        config = type("Configuration", (BaseConfiguration,), {"QUEUE": invoker.queue, **settings})
        consumer = Consumer(invoker, config)
        started.append(consumer)
        consumer.start()
        return consumer

    yield start
    for consumer in started:
        consumer.stop()
