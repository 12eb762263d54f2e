"""``longshore enqueue``."""

from __future__ import annotations

import time
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from longshore.cli.exits import BAD, DONE, NO_WORKER, NOT_FOUND, Problem
from longshore.cli.output import Format, give, output_option, talk
from longshore.cli.place import app_option, refuse_memory
from longshore.cli.times import Duration, Moment, span

if TYPE_CHECKING:
    from longshore.app import App
    from longshore.job import Job
    from longshore.task import Task


@click.command("enqueue")
@click.argument("task")
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--args", "raw", metavar="JSON", help="All arguments as a JSON list or object; @FILE or - to read it."
)
@click.option("--in", "delay", type=Duration(), metavar="5m", help="Not before so long from now.")
@click.option(
    "--at", "eta", type=Moment(), metavar="ISO", help="Not before this time, like 2030-01-31T09:30:00Z."
)
@click.option("-q", "--queue", metavar="NAME", help="Another queue than the task's own.")
@click.option("--priority", type=click.IntRange(-100, 100), help="-100 to 100; higher runs first.")
@click.option("--unique", metavar="KEY", help="Only if no other unfinished job of the task has this key.")
@click.option("--wait", is_flag=True, help="Wait for the job's end and print its result.")
@click.option("--timeout", type=Duration(), metavar="SECONDS", help="With --wait: wait no longer than this.")
@app_option
@output_option
def enqueue(
    task: str,
    pairs: tuple[str, ...],
    raw: str | None,
    delay: float | None,
    eta: datetime | None,
    queue: str | None,
    priority: int | None,
    unique: str | None,
    wait: bool,
    timeout: float | None,
    spec: str | None,
    output: Format,
) -> int:
    """Store a job of TASK with these arguments.

    \b
      longshore enqueue tasks.hello name=you --wait
      longshore enqueue shop.send_mail user_id=42 --in 5m --queue mail
      longshore enqueue shop.send_mail --args '[42, "welcome"]'

    Values are JSON where they can be, else text; each is checked against the task's signature.
    """
    if timeout is not None and not wait:
        raise Problem("--timeout says how long to wait; add --wait")
    if delay is not None and eta is not None:
        raise Problem("--in and --at both say when; give one of them")
    from longshore.cli.find import find_app

    found = find_app(spec)
    app = found.app
    refuse_memory(app)
    if found.how:
        talk(f"using {found.spec} ({found.how}), {app.url}", output)
    options = {"delay": delay, "eta": eta, "queue": queue, "priority": priority, "unique": unique}
    given = {name: value for name, value in options.items() if value is not None}
    try:
        known = _task(app, task)
        job = _store(known, pairs, raw, given)
        _warn(app, job, found.spec, output)
        if not wait:
            _tell(job, output)
            return DONE
        return _wait(app, job, timeout, output)
    finally:
        app.close()


def _task(app: App, name: str) -> Task[..., Any]:
    """The task, by its full name or by the last part of it where that is clear."""
    if name in app.tasks:
        return app.tasks[name]
    short = [known for known in app.tasks if known.rpartition(".")[2] == name]
    if len(short) == 1:
        return app.tasks[short[0]]
    near = get_close_matches(name, app.tasks, 3, 0.3) or sorted(app.tasks)[:3]
    listed = (
        f"nearest: {', '.join(short or near)}" if near else "it knows no task at all: is its module imported?"
    )
    known_tasks = "1 task" if len(app.tasks) == 1 else f"{len(app.tasks)} tasks"
    raise Problem(
        f'this app knows {known_tasks}, not "{name}"\n{listed}\nnothing was stored', NOT_FOUND, "TaskNotFound"
    )


def _store(task: Task[..., Any], pairs: tuple[str, ...], raw: str | None, given: dict[str, Any]) -> Job[Any]:
    from longshore.cli.values import arguments

    args, kwargs = arguments(task.signature, pairs, raw)
    return task.using(**given).enqueue(*args, **kwargs) if given else task.enqueue(*args, **kwargs)


def _warn(app: App, job: Job[Any], spec: str, output: Format) -> None:
    """Nobody may be there to run it."""
    from longshore.advice import unserved
    from longshore.app import App

    said = unserved(app.store, job.queue).lstrip(" ,")
    said = said.removeprefix("and ").replace(App.starts, app.starts).replace("MODULE:APP", spec)
    if said:
        talk(f"{click.style('warning', fg='yellow')}: {said}", output)


def _tell(job: Job[Any], output: Format) -> None:
    if output == "text":
        click.echo(f"enqueued  {job.task}  {job.id}  queue {job.queue}")
    else:
        from longshore.cli.records import as_json

        give(as_json(job.record), output)


def _wait(app: App, job: Job[Any], timeout: float | None, output: Format) -> int:
    from longshore.errors import ResultTimeout

    began = time.monotonic()
    # Within earshot before it says so: whoever reads the line may interrupt at once.
    hearing = app.jobs.on_end(job.id, lambda: None)
    try:
        _say_waiting(job, output)
        job.wait(timeout)
    except ResultTimeout as error:
        code = NO_WORKER if _unserved(app, job) else BAD
        raise Problem(f"{error}\nit goes on: longshore jobs show {job.id}", code, "ResultTimeout") from None
    except KeyboardInterrupt:
        talk(f"not waiting any more; the job goes on: longshore jobs show {job.id}", output)
        raise
    finally:
        hearing.close()
    took = span(time.monotonic() - began)
    if output != "text":
        _tell(job, output)
        return DONE if job.state == "succeeded" else BAD
    talk(f"{job.state} after {took}")
    # Its result, or JobFailed or JobCancelled, which says why.
    value = job.result()
    click.echo(value if isinstance(value, str) else _as_text(value))
    return DONE


def _unserved(app: App, job: Job[Any]) -> bool:
    from longshore.advice import unserved

    return job.state == "queued" and bool(unserved(app.store, job.queue))


def _say_waiting(job: Job[Any], output: Format) -> None:
    talk(f"enqueued  {job.task}  {job.id}  queue {job.queue}; waiting for its end", output)


def _as_text(value: Any) -> str:
    import json

    from longshore.shown import plain

    return json.dumps(plain(value), ensure_ascii=False)
