"""``longshore jobs show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from longshore.cli.exits import NOT_FOUND, Problem
from longshore.cli.output import Format, give, give_facts, output_option
from longshore.cli.place import open_place, place_options
from longshore.cli.times import ago, iso, span

if TYPE_CHECKING:
    from longshore.model import JobRecord
    from longshore.stores.base import Store


@click.command("show")
@click.argument("job_id", metavar="ID")
@place_options
@output_option
def show(job_id: str, spec: str | None, url: str | None, output: Format) -> None:
    """Show everything about one job: its state and why, arguments, result, errors.

    With -o json: every stored field under its name.
    """
    with open_place(spec, url, output) as app:
        from longshore.cli.records import as_json

        store = app.store
        job = store.get([job_id]).get(job_id)
        if job is None:
            raise unknown([job_id])
        if output == "text":
            _tell(store, job, as_json(job))
        else:
            give(as_json(job), output)


def unknown(ids: list[str]) -> Problem:
    """No such jobs."""
    what = (
        f"no job {ids[0]}" if len(ids) == 1 else f"no jobs {', '.join(ids[:5])}{' …' if len(ids) > 5 else ''}"
    )
    return Problem(
        f"{what}: never existed in this store, or removed by retention (finished jobs are kept 7 days by default)\n"
        "see what is there: longshore jobs list",
        NOT_FOUND,
        "JobNotFound",
    )


def _tell(store: Store, job: JobRecord, shown: dict[str, Any]) -> None:
    from longshore.advice import why_waiting
    from longshore.shown import view_of

    now = store.now()
    view = view_of(job, now)
    state = job.state if view in (job.state, "ready") else f"{job.state} ({view})"
    reason = job.reason or why_waiting(store, job).lstrip(" ,:.")
    give_facts(
        {
            "job": job.id,
            "task": job.task,
            "queue": f"{job.queue}, priority {job.priority}" if job.priority else job.queue,
            "state": f"{state}: {reason}" if reason else state,
            "attempt": f"{job.attempt}, failures {job.failures}, crashes {job.crashes}",
            "created": _when(job.created_at, now),
            "due": _when(job.run_at, now) if job.state in ("queued", "waiting") else None,
            "started": _when(job.started_at, now),
            "finished": _when(job.finished_at, now),
            "took": _took(job),
            "worker": job.worker,
            "unique": job.unique,
            "expires": _when(job.expires_at, now),
            "removed": _when(job.purge_at, now),
            "arguments": _text(shown["args"]),
            "result": _text(shown["result"]) if job.result is not None else None,
            "progress": _progress(shown["progress"]),
            "headers": _text(shown["headers"]) if job.headers else None,
        }
    )
    for failure in shown["errors"]:
        click.echo(
            f"\nattempt {failure['attempt']} failed at {failure['at']}: {failure['kind']}: {failure['message']}"
        )
        for line in failure["traceback"].rstrip().splitlines():
            click.echo(f"  {_printable(line)}")


def _when(at: float | None, now: float) -> str | None:
    return None if at is None else f"{iso(at)} ({ago(at, now)})"


def _took(job: JobRecord) -> str | None:
    if job.started_at is None or job.finished_at is None or job.finished_at < job.started_at:
        return None
    return span(job.finished_at - job.started_at)


def _text(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _progress(said: dict[str, Any] | None) -> str | None:
    if not isinstance(said, dict):
        return None
    total = f" of {said['total']:g}" if said.get("total") is not None else ""
    return f"{said['done']:g}{total} {said.get('note') or ''}".strip()


def _printable(line: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in line)
