"""``longshore worker``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from longshore.cli.exits import Problem
from longshore.cli.place import app_option
from longshore.cli.times import Duration

F = TypeVar("F", bound=Callable[..., Any])


def queue_names(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...] | None:
    """``-q a,b -q c`` → a, b, c; None where not given: all queues."""
    names = [name.strip() for text in value for name in text.split(",")]
    if not all(names):
        raise click.BadParameter(
            f'"{",".join(value)}" has an empty name in it; write -q mail,default', ctx, param
        )
    return tuple(dict.fromkeys(names)) or None


def work_options(command: F) -> F:
    """What ``worker`` and ``dev`` both take."""
    for option in (
        click.option("--parent-fd", type=int, hidden=True, allow_from_autoenv=False),
        click.option("--name", metavar="NAME", help="The worker's name (else made of host and pid)."),
        click.option(
            "--drain-timeout",
            type=Duration(),
            default=30.0,
            metavar="SECONDS",
            help="How long a stopping worker waits for running jobs; then they are given back. Default: 30.",
        ),
        click.option(
            "-c",
            "--concurrency",
            type=click.IntRange(1, 10_000),
            default=50,
            show_default=True,
            metavar="N",
            help="Most jobs at once, coroutines and threads together.",
        ),
        click.option(
            "-q",
            "--queues",
            multiple=True,
            callback=queue_names,
            metavar="QUEUES",
            help="Queues to serve, comma-separated or repeated. Default: all.",
        ),
    ):
        command = option(command)
    return command


@click.command("worker")
@click.argument("target", metavar="MODULE:APP", required=False)
@work_options
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=1,
    metavar="N",
    help="Worker processes; one that dies is restarted.",
)
@click.option("--burst", is_flag=True, help="Stop when nothing is left to do.")
@app_option
def worker(
    target: str | None,
    spec: str | None,
    queues: tuple[str, ...] | None,
    concurrency: int,
    processes: int,
    burst: bool,
    drain_timeout: float,
    name: str | None,
    parent_fd: int | None,
) -> int:
    """Run jobs until stopped.

    \b
      longshore worker tasks:app
      longshore worker tasks:app -q mail,default -c 20
      longshore worker tasks:app --processes 4
      longshore worker tasks:app --burst

    The first Ctrl+C (or SIGTERM) drains: no new jobs, running ones may finish. The second gives them back at once.
    """
    if target and spec:
        raise Problem(f"{target} and --app {spec} both name the app; give one of them")
    from longshore.cli.early import leave_cleanly
    from longshore.cli.find import find_app
    from longshore.cli.fleet import run_fleet
    from longshore.cli.working import Plan, run_here
    from longshore.stores.upkeep import Guarded

    found = find_app(target or spec)
    plan = Plan(found, queues, concurrency, burst, drain_timeout, name)
    try:
        with leave_cleanly():
            # Said before anything is looked at that this role may not see.
            if isinstance(store := found.app.store, Guarded):
                store.check_worker()
            return run_fleet(plan, processes) if processes > 1 else run_here(plan, parent_fd)
    finally:
        found.app.close()
