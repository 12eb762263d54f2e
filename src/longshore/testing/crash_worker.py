"""A worker, or a producer, that dies or stands still at a point of its own choosing: ``python -m longshore.testing.crash_worker``.

It says on standard output what a test waits for: ``ready``, ``signal N``, ``stopped`` (just before it stands still), ``ack IDS``
(a producer's enqueue returned), ``ended JSON`` (the worker's counts, after a clean end).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence

from longshore.failpoint import NAMES
from longshore.testing import failpoints
from longshore.testing.scene import LEASE, SWEEP, Scene
from longshore.worker.death import on_end_of
from longshore.worker.service import serve
from longshore.worker.worker import Worker

NOWHERE = "-"


def main(arguments: Sequence[str] | None = None) -> int:
    """See the module."""
    asked = _parser().parse_args(arguments)
    # The test that started us holds the other end.
    on_end_of(sys.stdin.fileno(), lambda: os._exit(3))
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(levelname)s %(message)s")
    if asked.point != NOWHERE:
        action = failpoints.kill if asked.action == "kill" else _stop
        failpoints.install(asked.point, action, times=1, skip=asked.hit - 1)
    scene = Scene(asked.url, asked.ledger, asked.lease, asked.sweep, asked.max_crashes)
    try:
        return _produce(scene, asked.produce) if asked.produce else _work(scene, asked)
    finally:
        scene.app.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="crash_worker")
    parser.add_argument("url")
    parser.add_argument("point", choices=[*NAMES, NOWHERE])
    parser.add_argument("hit", type=int, help="at which of its hits, counted from 1")
    parser.add_argument("--ledger", required=True)
    parser.add_argument("--action", choices=["kill", "stop"], default="kill")
    parser.add_argument("--produce", type=int, default=0, metavar="BATCHES", help="enqueue instead of working")
    parser.add_argument("--lease", type=float, default=LEASE)
    parser.add_argument("--sweep", type=float, default=SWEEP)
    parser.add_argument("--max-crashes", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=20)
    parser.add_argument("--name")
    return parser


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - its output is what it is for


def _stop() -> None:
    _say("stopped")
    failpoints.stop()


def _work(scene: Scene, asked: argparse.Namespace) -> int:
    worker = Worker(scene.app, concurrency=asked.concurrency, name=asked.name)
    _say("ready")
    serve(worker, signalled=lambda count: _say(f"signal {count}"))
    _say(f"ended {json.dumps(worker.counts)}")
    return 0


def _produce(scene: Scene, batches: int) -> int:
    _say("ready")
    for _ in range(batches):
        jobs = scene.note.enqueue_many([() for _ in range(5)])
        _say(f"ack {' '.join(job.id for job in jobs)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
