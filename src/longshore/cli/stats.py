"""``longshore stats``."""

from __future__ import annotations

import click

from longshore.cli.output import Format, count_of, give, give_table, output_option
from longshore.cli.place import app_argument, open_place, place_options
from longshore.cli.times import iso, span


@click.command("stats")
@app_argument
@place_options
@output_option
def stats(spec: str | None, url: str | None, output: Format) -> None:
    """How many jobs are in which state, in all and by queue; how long the oldest waits; how many workers live."""
    with open_place(spec, url, output) as app:
        from longshore.cli import overview

        store = app.store
        queues, workers, now = overview.queues(store), overview.live(store), store.now()
        totals = {state: sum(queue.states.get(state, 0) for queue in queues) for state in overview.STATES}
        oldest = min((queue.oldest_due for queue in queues if queue.oldest_due is not None), default=None)
        waiting = None if app.outbox is None else app.outbox.backlog()
        if output != "text":
            give(
                {
                    "store": app.url,
                    "outbox": None if waiting is None else waiting._asdict(),
                    "at": iso(now),
                    "states": totals,
                    "ready": sum(queue.ready for queue in queues),
                    "scheduled": sum(queue.scheduled for queue in queues),
                    "oldest_wait_seconds": None if oldest is None else round(max(0.0, now - oldest), 3),
                    "workers": len(workers),
                    "queues": [queue.as_json(now) for queue in queues],
                },
                output,
            )
            return
        click.echo(
            f"{app.url}  {count_of(sum(totals.values()), 'job')}  {count_of(len(workers), 'live worker')}"
        )
        click.echo(f"oldest due job has waited {'-' if oldest is None else span(now - oldest)}")
        if waiting is not None:
            click.echo(
                f"outbox: {count_of(waiting.jobs, 'job')} to be moved, the oldest for {span(waiting.oldest)}"
            )
        head = ("queue", *overview.STATES)
        rows = [
            (queue.name, *(f"{queue.states.get(state, 0):,}" for state in overview.STATES))
            for queue in queues
        ]
        if len(queues) > 1:
            rows.append(("all", *(f"{totals[state]:,}" for state in overview.STATES)))
        give_table(head, rows, head[1:])
