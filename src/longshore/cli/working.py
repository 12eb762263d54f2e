"""Running a worker in this process, with its lines on standard output."""

from __future__ import annotations

from typing import NamedTuple

import click

from longshore.cli.console.banner import banner
from longshore.cli.console.logs import set_up
from longshore.cli.console.observer import Console
from longshore.cli.find import Found
from longshore.cli.output import color_wanted
from longshore.worker.service import serve
from longshore.worker.worker import Worker


class Plan(NamedTuple):
    """A worker to run."""

    found: Found
    queues: tuple[str, ...] | None
    concurrency: int
    burst: bool
    drain_timeout: float
    name: str | None


def run_here(plan: Plan, parent_fd: int | None = None, hello: bool = False) -> int:
    """Run it to its end; 0 after a clean drain. WorkerError: it died. StoreError: the store cannot be opened.

    Under a supervisor (``parent_fd``) there is no banner, and each line says whose it is.
    """
    color = color_wanted()

    def write(text: str) -> None:
        click.echo(text, nl=False, color=color)

    app = plan.found.app
    child = parent_fd is not None and not hello
    console = Console(write, (plan.name or "").rpartition(":")[2] if child else "", plan.drain_timeout)
    worker = Worker(
        app,
        queues=plan.queues,
        concurrency=plan.concurrency,
        burst=plan.burst,
        name=plan.name,
        drain_timeout=plan.drain_timeout,
        observer=console,
    )
    set_up(console.notice)
    if not child:
        console.first(
            banner(app, worker.name, plan.queues, plan.concurrency, plan.found.spec, plan.found.how)
        )

    def signalled(count: int) -> None:
        if count > 1:
            console.say("stopping", "handing back what still runs")

    try:
        serve(worker, parent_fd, signalled)
    finally:
        console.close()
        app.close()
    return 0
