"""``longshore jobs cancel``, ``retry``, ``delete``: jobs by id or by filter, counted, asked for, done in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from longshore.cli.exits import NOT_FOUND, USAGE, Problem
from longshore.cli.jobs.batch import VERBS, Verb, perform
from longshore.cli.jobs.confirm import Asking, confirmed, summary
from longshore.cli.output import Format, count_of, give, output_option, talk
from longshore.cli.place import open_place, place_options
from longshore.cli.select import VIEWS, Choice, choice_options, chosen

if TYPE_CHECKING:
    from longshore.model import JobRecord

F = TypeVar("F", bound=Callable[..., Any])
_LISTED: Final = 20


def _change_options(command: F) -> F:
    for option in (
        click.argument("ids", nargs=-1, metavar="[ID]..."),
        choice_options,
        click.option(
            "--all",
            "everything",
            is_flag=True,
            help="All jobs it can be done to; needed where no filter is given.",
        ),
        click.option("--yes", "-y", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Only say which jobs."),
        place_options,
        output_option,
    ):
        command = option(command)
    return command


@click.command("cancel")
@_change_options
def cancel(**options: Any) -> int:
    """Cancel jobs. Those that wait never begin; those that run are asked to stop.

    \b
      longshore jobs cancel ID ID
      longshore jobs cancel --queue mail --state scheduled
    """
    return _change(VERBS["cancel"], **options)


@click.command("retry")
@_change_options
def retry(**options: Any) -> int:
    """Run jobs again that ended: without --state the failed and the held ones.

    \b
      longshore jobs retry ID
      longshore jobs retry --state failed --task shop.send_mail
    """
    return _change(VERBS["retry"], **options)


@click.command("delete")
@_change_options
def delete(**options: Any) -> int:
    """Remove jobs that ended or are held. Always asks.

    \b
      longshore jobs delete ID
      longshore jobs delete --state cancelled
    """
    return _change(VERBS["delete"], **options)


def _change(
    verb: Verb,
    ids: tuple[str, ...],
    states: tuple[str, ...],
    queue: str | None,
    task: str | None,
    everything: bool,
    yes: bool,
    dry_run: bool,
    spec: str | None,
    url: str | None,
    output: Format,
) -> int:
    choice = _choice(verb, ids, Choice(states, queue, task), everything)
    with open_place(spec, url, output) as app:
        store = app.store
        jobs = _by_id(store, ids) if ids else list(map(_light, chosen(store, choice)))
        unfit = [job for job in jobs if job.state not in verb.states]
        fit = [job for job in jobs if job.state in verb.states]
        if unfit:
            one = unfit[0]
            talk(f"{count_of(len(unfit), 'job')} skipped: {one.id} is {one.state}, {verb.unfit}", output)
        if dry_run:
            _dry_run(verb, fit, store.now(), output)
            return 0
        asking = Asking(
            verb.name,
            len(fit),
            summary(fit, store.now()),
            yes or (bool(ids) and verb.name != "delete"),
            output,
        )
        if fit and not confirmed(asking):
            return 7
        done = perform(app, verb, fit)
    skipped = len(jobs) - sum(done.values())
    if skipped > len(unfit):
        talk("some changed meanwhile, or their unique key is held by another job; look again", output)
    if output == "text":
        told = [f"{number:,} {word}" for word, number in done.items() if number] or [f"0 {verb.done}"]
        click.echo(" · ".join([*told, f"{skipped:,} skipped"] if skipped else told))
    else:
        give({**done, "skipped": skipped}, output)
    return 0 if not ids or not skipped else 1


def _choice(verb: Verb, ids: tuple[str, ...], choice: Choice, everything: bool) -> Choice:
    """What the filter means for this verb."""
    if ids and (everything or not choice.empty):
        raise Problem(f"give ids or a filter ({choice.words() or '--all'}), not both", USAGE)
    if not ids and choice.empty and not everything:
        raise Problem(
            f"which jobs? Give ids, or a filter: longshore jobs {verb.name} --queue NAME\n"
            f"for all of them write it out: longshore jobs {verb.name} --all",
            USAGE,
        )
    impossible = [state for state in choice.states if state not in (*verb.states, *VIEWS)]
    impossible += [view for view in choice.states if view in VIEWS and "queued" not in verb.states]
    if impossible:
        raise Problem(
            f"--state {impossible[0]}: such a job is {verb.unfit}\nstates for it: {', '.join(verb.states)}",
            USAGE,
        )
    return choice if choice.states else choice._replace(states=verb.usual)


def _by_id(store: Any, ids: tuple[str, ...]) -> list[Any]:
    found = store.get(list(dict.fromkeys(ids)))
    missing = [job_id for job_id in ids if job_id not in found]
    if missing:
        from longshore.cli.jobs.show import unknown

        problem = unknown(missing)
        raise Problem(f"{problem}\nnothing was changed", NOT_FOUND, problem.kind)
    return list(found.values())


def _light(job: JobRecord) -> JobRecord:
    """Without what takes room: a filter may select a million jobs."""
    from msgspec.structs import replace

    return replace(job, args=b"", result=None, errors=None, progress=None, headers=None)


def _dry_run(verb: Verb, jobs: list[Any], now: float, output: Format) -> None:
    if output != "text":
        give({"would": verb.name, "count": len(jobs), "ids": [job.id for job in jobs]}, output)
        return
    for job in jobs[:_LISTED]:
        click.echo(f"{job.id}  {job.state}  {job.task}  {job.queue}")
    if len(jobs) > _LISTED:
        click.echo(f"… and {len(jobs) - _LISTED:,} more")
    talk(f"would {verb.name} {count_of(len(jobs), 'job')}{summary(jobs, now)}; nothing was changed")
