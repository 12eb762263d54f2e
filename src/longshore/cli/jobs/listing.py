"""``longshore jobs list``."""

from __future__ import annotations

from itertools import islice

import click

from longshore.cli.output import Format, give_rows, give_table, output_option, talk
from longshore.cli.place import open_place, place_options
from longshore.cli.select import Choice, choice_options, chosen
from longshore.cli.times import ago


@click.command("list")
@choice_options
@click.option("--limit", "-n", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--after", metavar="ID", help="Go on below this job: the last id of the page before.")
@place_options
@output_option
def list_jobs(
    states: tuple[str, ...],
    queue: str | None,
    task: str | None,
    limit: int,
    after: str | None,
    spec: str | None,
    url: str | None,
    output: Format,
) -> None:
    """List jobs, newest first.

    \b
      longshore jobs list --state failed
      longshore jobs list --state scheduled --queue mail --limit 10
    """
    choice = Choice(states, queue, task)
    with open_place(spec, url, output) as app:
        from longshore.cli.records import as_json
        from longshore.shown import brief_args, view_of, why

        store = app.store
        found = list(islice(chosen(store, choice, after), limit + 1))
        more, page = len(found) > limit, found[:limit]
        if output != "text":
            give_rows(map(as_json, page), output)
            return
        now = store.now()
        if not page:
            talk(f"no jobs{' with ' + choice.words() if not choice.empty else ''}")
            return
        rows = [
            (
                job.id,
                view_of(job, now),
                job.task,
                job.queue,
                job.attempt,
                ago(job.created_at, now),
                why(job)[:70] or brief_args(job.args),
            )
            for job in page
        ]
        give_table(("id", "state", "task", "queue", "attempt", "created", "about"), rows, ("attempt",))
        if more:
            talk(f"there are more: add --after {page[-1].id}, or --limit")
