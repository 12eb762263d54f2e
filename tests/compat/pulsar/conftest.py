"""A task queue of the jobs of `pulsar_jobs`, on each store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from longshore.compat.pulsar.tasks import TaskBackend, TaskQueue


@pytest.fixture
def queue(url: str) -> Iterator[TaskQueue]:
    queue = TaskQueue(name="shop", task_paths=["pulsar_jobs.*"], task_backend=url)
    yield queue
    queue.close()


@pytest.fixture
def backend(queue: TaskQueue) -> TaskBackend:
    return queue.backend
