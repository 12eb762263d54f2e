"""Several worker processes under a supervisor."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time

import click

from longshore.cli.console.banner import banner
from longshore.cli.console.lines import line
from longshore.cli.output import color_wanted
from longshore.cli.place import refuse_memory
from longshore.cli.working import Plan
from longshore.ids import new_id
from longshore.model import Where
from longshore.worker.keeper import rescue
from longshore.worker.observer import Observer
from longshore.worker.supervisor import Supervisor


def run_fleet(plan: Plan, processes: int) -> int:
    """Run them until all ended; the exit code."""
    app, color = plan.found.app, color_wanted()
    refuse_memory(app)
    name = plan.name or f"{socket.gethostname()}:{os.getpid()}"

    def command(child: str, parent_fd: int) -> list[str]:
        return [sys.executable, "-m", "longshore", "worker", *_arguments(plan, child, parent_fd)]

    def give_back(child: str, cause: str) -> None:
        rescue(app.store, Where(states=("running",), worker=child), cause, app.max_crashes, Observer())
        app.store.drop("worker", child)

    def say(level: int, text: str) -> None:
        if level > logging.DEBUG:
            click.echo(line(time.time(), "fleet", text), color=color)

    for text in banner(
        app, f"{name} x {processes}", plan.queues, plan.concurrency, plan.found.spec, plan.found.how
    ):
        click.echo(text, color=color)
    sys.stdout.flush()
    try:
        # Its children's names are its own: it gives back what a dead one held.
        return Supervisor(processes, f"{name}.{new_id()[-4:]}", command, give_back, say).run()
    finally:
        app.close()


def _arguments(plan: Plan, name: str, parent_fd: int) -> list[str]:
    queues = [] if plan.queues is None else ["-q", ",".join(plan.queues)]
    burst = ["--burst"] if plan.burst else []
    return [
        plan.found.spec,
        *queues,
        "-c",
        str(plan.concurrency),
        "--drain-timeout",
        f"{plan.drain_timeout:g}",
        "--name",
        name,
        "--parent-fd",
        str(parent_fd),
        *burst,
    ]
