"""``longshore dev``."""

from __future__ import annotations

import click

from longshore.cli.worker import work_options


@click.command("dev")
@click.argument("target", metavar="FILE|MODULE[:APP]")
@work_options
@click.option(
    "--reload/--no-reload", default=True, help="Restart when a Python file here changes. Default: yes."
)
def dev(
    target: str,
    queues: tuple[str, ...] | None,
    concurrency: int,
    drain_timeout: float,
    name: str | None,
    parent_fd: int | None,
    reload: bool,
) -> int:
    """Run a worker for development: it starts again when a file changes.

    \b
      longshore dev tasks.py
      longshore dev shop.tasks:app -q mail

    A script's tasks run as those of a module of the script's name, so a single file is enough.
    """
    if parent_fd is not None or not reload:
        return _work(target, queues, concurrency, drain_timeout, name, parent_fd)
    from longshore.cli.reload import Reloader, watcher

    watch = watcher()
    if watch is None:
        click.echo(
            "no restart at changes: that needs watchfiles, which comes with  pip install 'longshore[cli]'",
            err=True,
        )
        return _work(target, queues, concurrency, drain_timeout, name, parent_fd)
    return Reloader(target, _options(queues, concurrency, drain_timeout, name), watch).run()


def _options(
    queues: tuple[str, ...] | None, concurrency: int, drain_timeout: float, name: str | None
) -> list[str]:
    """The same options again, for the process that works."""
    given = ["-c", str(concurrency), "--drain-timeout", f"{drain_timeout:g}"]
    given += [] if queues is None else ["-q", ",".join(queues)]
    return given if name is None else [*given, "--name", name]


def _work(
    target: str,
    queues: tuple[str, ...] | None,
    concurrency: int,
    drain_timeout: float,
    name: str | None,
    parent_fd: int | None,
) -> int:
    from longshore.cli.early import leave_cleanly
    from longshore.cli.script import load_target
    from longshore.cli.working import Plan, run_here

    found = load_target(target)
    with leave_cleanly():
        return run_here(Plan(found, queues, concurrency, False, drain_timeout, name), parent_fd, hello=True)
