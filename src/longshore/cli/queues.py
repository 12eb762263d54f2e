"""``longshore queues …``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from longshore.cli.exits import NOT_FOUND, Problem
from longshore.cli.output import Format, give, give_rows, give_table, output_option, talk
from longshore.cli.place import open_place, place_options
from longshore.cli.times import span

if TYPE_CHECKING:
    from longshore.app import App


@click.group(help="Queues: list, pause, resume.")
def queues() -> None: ...


@queues.command("list")
@place_options
@output_option
def list_queues(spec: str | None, url: str | None, output: Format) -> None:
    """List queues: how many jobs are in which state, and how long the oldest due one has waited."""
    with open_place(spec, url, output) as app:
        from longshore.cli import overview

        store = app.store
        found, now = overview.queues(store), store.now()
        if output != "text":
            give_rows((queue.as_json(now) for queue in found), output)
            return
        if not found:
            talk("no queues yet: a queue is there once a job is in it")
            return
        more = "" if all(queue.exact for queue in found) else "+"
        rows = [
            (
                queue.name,
                f"{queue.ready:,}{more if not queue.exact else ''}",
                f"{queue.scheduled:,}",
                *(f"{queue.states.get(state, 0):,}" for state in ("running", "waiting", "held", "failed")),
                "-" if queue.oldest_due is None else span(now - queue.oldest_due),
                "paused" if queue.paused else "",
            )
            for queue in found
        ]
        head = ("queue", "ready", "scheduled", "running", "waiting", "held", "failed", "oldest", "")
        give_table(head, [[*row[:-1], row[-1] or " "] for row in rows], head[1:-1])


@queues.command("pause")
@click.argument("queue")
@click.option("--force", is_flag=True, help="Also a queue that is not there yet.")
@place_options
@output_option
def pause(queue: str, force: bool, spec: str | None, url: str | None, output: Format) -> None:
    """Pause a queue: no worker takes jobs from it. What runs goes on; kept across restarts."""
    with open_place(spec, url, output) as app:
        if not force:
            _must_exist(app, queue)
        app.pause(queue)
        if output == "text":
            click.echo(f"paused {queue}. Resume it: longshore queues resume {queue}")
        else:
            give({"queue": queue, "paused": True}, output)


@queues.command("resume")
@click.argument("queue")
@place_options
@output_option
def resume(queue: str, spec: str | None, url: str | None, output: Format) -> None:
    """Resume a paused queue."""
    with open_place(spec, url, output) as app:
        _must_exist(app, queue)
        was = app.resume(queue)
        if output == "text":
            click.echo(f"resumed {queue}" if was else f"{queue} was not paused")
        else:
            give({"queue": queue, "paused": False}, output)


def _must_exist(app: App, queue: str) -> None:
    from longshore.cli.overview import known_queues
    from longshore.suggest import did_you_mean

    known = known_queues(app.store)
    if queue not in known:
        listed = f"queues: {', '.join(known)}" if known else "there are none yet"
        raise Problem(
            f'there is no queue "{queue}"{did_you_mean(queue, known)}\n{listed}\n'
            "to pause one before its first job: longshore queues pause --force NAME",
            NOT_FOUND,
            "QueueNotFound",
        )
