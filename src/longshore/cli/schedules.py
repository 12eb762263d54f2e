"""``longshore schedules …``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from longshore.cli.exits import NOT_FOUND, Problem
from longshore.cli.output import (
    Format,
    count_of,
    give,
    give_facts,
    give_rows,
    give_table,
    output_option,
    talk,
)
from longshore.cli.place import app_option, open_place, place_options
from longshore.cli.times import ago, iso

if TYPE_CHECKING:
    from longshore.app import App
    from longshore.periodic import Planned


@click.group(
    help="""Schedules: list, show, run, pause, resume, remove.

\b
  longshore schedules list
  longshore schedules next tidy --count 10
  longshore schedules run tidy
"""
)
def schedules() -> None: ...


@schedules.command("list")
@place_options
@output_option
def list_schedules(spec: str | None, url: str | None, output: Format) -> None:
    """List schedules: what they run, when the next time is."""
    with open_place(spec, url, output) as app:
        found, now = list(app.schedules.list().values()), app.store.now()
        if output != "text":
            give_rows((_as_json(app, planned, now) for planned in found), output)
            return
        if not found:
            talk("no schedules yet: @app.periodic(...) declares one, app.schedules.put(...) stores one")
            return
        rows = [
            (
                planned.key,
                planned.entry.text,
                planned.task,
                ago(_last(planned), now),
                "paused" if planned.paused is not None else ago(_next(planned, now), now),
                _problem(app, planned) or " ",
            )
            for planned in found
        ]
        give_table(("schedule", "rule", "task", "last", "next", ""), rows)


@schedules.command("show")
@click.argument("schedule")
@place_options
@output_option
def show(schedule: str, spec: str | None, url: str | None, output: Format) -> None:
    """Show everything about one schedule."""
    with open_place(spec, url, output) as app:
        facts = _as_json(app, _found(app, schedule), app.store.now())
        if output == "text":
            give_facts({**facts, "options": ", ".join(f"{k}={v}" for k, v in facts["options"].items())})
        else:
            give(facts, output)


@schedules.command("next")
@click.argument("schedule")
@click.option(
    "--count",
    type=click.IntRange(1, 10_000),
    default=5,
    show_default=True,
    metavar="N",
    help="How many times.",
)
@place_options
@output_option
def next_times(schedule: str, count: int, spec: str | None, url: str | None, output: Format) -> None:
    """Tell the next times of a schedule, in its time zone. Also of a paused one."""
    with open_place(spec, url, output) as app:
        from itertools import islice

        from longshore.ticks import moment

        planned = _found(app, schedule)
        if planned.schedule is None:
            raise Problem(
                f'the rule of "{schedule}" holds a function, which is known only to the code that declares it\n'
                "name that app: --app MODULE:APP"
            )
        if planned.paused is not None:
            talk(f"{schedule} is paused. Resume it: longshore schedules resume {schedule}", output)
        times = [time.isoformat() for time in islice(planned.upcoming(moment(app.store.now())), count)]
        if output != "text":
            give_rows(times, output)
        else:
            click.echo("\n".join(times) or "never again")


@schedules.command("run")
@click.argument("schedule")
@app_option
@output_option
def run(schedule: str, spec: str | None, output: Format) -> None:
    """Enqueue the schedule's job now, besides its times."""
    with open_place(spec, None, output) as app:
        planned = _found(app, schedule)
        if planned.task not in app.tasks:
            raise Problem(
                f'this app does not know the task "{planned.task}"\nname the app that does: --app MODULE:APP'
            )
        job = app.schedules.trigger(schedule)
        if output == "text":
            click.echo(f"enqueued  {job.task}  {job.id}  queue {job.queue}")
        else:
            from longshore.cli.records import as_json

            give(as_json(job.record), output)


@schedules.command("pause")
@click.argument("schedule")
@place_options
@output_option
def pause(schedule: str, spec: str | None, url: str | None, output: Format) -> None:
    """Pause a schedule: its times pass without a job. Kept across restarts."""
    with open_place(spec, url, output) as app:
        _found(app, schedule)
        app.schedules.pause(schedule)
        if output == "text":
            click.echo(f"paused {schedule}. Resume it: longshore schedules resume {schedule}")
        else:
            give({"schedule": schedule, "paused": True}, output)


@schedules.command("resume")
@click.argument("schedule")
@place_options
@output_option
def resume(schedule: str, spec: str | None, url: str | None, output: Format) -> None:
    """Resume a paused schedule. What it missed meanwhile is not made up for."""
    with open_place(spec, url, output) as app:
        was = _found(app, schedule).paused is not None
        app.schedules.resume(schedule)
        if output == "text":
            click.echo(f"resumed {schedule}" if was else f"{schedule} was not paused")
        else:
            give({"schedule": schedule, "paused": False}, output)


@schedules.command("remove")
@click.argument("schedule")
@place_options
@output_option
def remove(schedule: str, spec: str | None, url: str | None, output: Format) -> None:
    """Forget a schedule. One that code declares comes back when a worker starts."""
    with open_place(spec, url, output) as app:
        declared = _found(app, schedule).entry.declared
        app.schedules.remove(schedule)
        if output != "text":
            give({"schedule": schedule, "removed": True}, output)
            return
        click.echo(f"removed {schedule}")
        if declared:
            talk("code declared it: where it still does, it comes back when a worker starts")


def _found(app: App, key: str) -> Planned:
    found = app.schedules.list()
    if key not in found:
        from longshore.suggest import did_you_mean

        listed = f"schedules: {', '.join(found)}" if found else "there are none yet"
        raise Problem(
            f'there is no schedule "{key}"{did_you_mean(key, found)}\n{listed}', NOT_FOUND, "ScheduleNotFound"
        )
    return found[key]


def _problem(app: App, planned: Planned) -> str:
    # Of a store looked at without an app, nothing can be said about what its code declares.
    return planned.problem if app.tasks else ""


def _last(planned: Planned) -> float | None:
    return None if planned.last is None else planned.last.timestamp()


def _next(planned: Planned, now: float) -> float | None:
    from longshore.ticks import moment

    time = planned.next(moment(now))
    return None if time is None else time.timestamp()


def _as_json(app: App, planned: Planned, now: float) -> dict[str, Any]:
    entry = planned.entry
    bound = count_of(entry.most, "tick") if entry.most else f"{entry.oldest:g} s" if entry.oldest else None
    return {
        "schedule": planned.key,
        "rule": entry.text,
        "task": planned.task,
        "declared_in_code": entry.declared,
        "paused": planned.paused is not None,
        "last_at": iso(_last(planned)),
        "next_at": iso(_next(planned, now)),
        "since": iso(entry.since or None),
        "catch_up": entry.catch_up,
        "bound": bound,
        "overlap": "by a function" if entry.overlap == "code" else entry.overlap,
        "options": entry.options,
        "problem": _problem(app, planned) or None,
    }
