"""What the demo came to: the tables at its end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from longshore.cli.demo.tasks import Facts, parse
from longshore.cli.demo.watch import Watched
from longshore.cli.output import count_of, give_table, one_line
from longshore.model import failures

if TYPE_CHECKING:
    from longshore.model import JobRecord
    from longshore.stores.base import Store

_TOP: Final = 5
_FAILURES: Final = 20
_AGAIN: Final = 10
_PAGE: Final = 500


class Ran(NamedTuple):
    """One job, its file, and what was in it."""

    job: JobRecord
    path: str
    facts: Facts | None


def collect(store: Store, ids: Sequence[str], files: Sequence[Path], root: Path) -> list[Ran]:
    """Every job that was enqueued, in order; one that the store no longer knows is missing."""
    names = {i: os.path.relpath(path, root) for i, path in zip(ids, files, strict=True)}
    ran = []
    for start in range(0, len(ids), _PAGE):
        for job_id, job in store.get(ids[start : start + _PAGE]).items():
            value: Any = parse.decode_result(job.result) if job.state == "succeeded" and job.result else None
            ran.append(Ran(job, names[job_id], value))
    return ran


def report(ran: Sequence[Ran], enqueued: int, watched: Watched) -> bool:
    """Print it; whether nothing was lost."""
    _largest(ran)
    _failures(ran)
    _again(ran, watched)
    return _sums(ran, enqueued, watched)


def _largest(ran: Sequence[Ran]) -> None:
    known = [(entry.path, entry.facts) for entry in ran if entry.facts is not None]
    by_lines = sorted(known, key=lambda entry: -entry[1].lines)[:_TOP]
    by_function = sorted(known, key=lambda entry: -entry[1].longest_lines)[:_TOP]
    if not known:
        return
    click.echo()
    rows = [(path, f"{f.lines:,}", f"{f.functions:,}", f"{f.classes:,}") for path, f in by_lines]
    give_table(("biggest files", "lines", "functions", "classes"), rows, ("lines", "functions", "classes"))
    click.echo()
    give_table(
        ("longest functions", "lines", "in"),
        [
            (f"{facts.longest}()", f"{facts.longest_lines:,}", path)
            for path, facts in by_function
            if facts.longest
        ],
        ("lines",),
    )


def _failures(ran: Sequence[Ran]) -> None:
    failed = [entry for entry in ran if entry.job.state in ("failed", "held")]
    if not failed:
        return
    click.echo()
    rows = [(entry.path, _why(entry.job)) for entry in failed[:_FAILURES]]
    give_table((f"failed ({len(failed)})", "why"), rows)
    if len(failed) > _FAILURES:
        click.echo(f"… and {len(failed) - _FAILURES} more")


def _why(job: JobRecord) -> str:
    errors = failures(job.errors)
    text = f"{errors[-1].kind}: {errors[-1].message}" if errors else job.reason or job.state
    return one_line(text)[:90]


def _again(ran: Sequence[Ran], watched: Watched) -> None:
    """What became of the jobs that the killed worker held."""
    if watched.kill is None:
        if watched.asked:
            click.echo("\nno worker was killed: the work was done before one could be; take a larger folder")
        return
    held = set(watched.kill.held)
    rows = [
        (entry.path, entry.job.attempt, entry.job.state, entry.job.worker)
        for entry in ran
        if entry.job.id in held or entry.job.attempt > 1
    ]
    click.echo()
    title = f"ran again after the kill ({len(rows)})"
    give_table((title, "attempts", "ended", "by worker"), rows[:_AGAIN], ("attempts",))
    if len(rows) > _AGAIN:
        click.echo(f"… and {len(rows) - _AGAIN} more")


def _sums(ran: Sequence[Ran], enqueued: int, watched: Watched) -> bool:
    states = Counter(entry.job.state for entry in ran)
    facts = [entry.facts for entry in ran if entry.facts is not None]
    ended = sum(states[state] for state in ("succeeded", "failed", "cancelled", "held"))
    told = " · ".join(
        f"{number:,} {state}" for state, number in sorted(states.items(), key=lambda item: -item[1])
    )
    click.echo()
    click.echo(
        f"{count_of(len(facts), 'file')}: {sum(f.lines for f in facts):,} lines, "
        f"{sum(f.functions for f in facts):,} functions, {sum(f.classes for f in facts):,} classes"
    )
    click.echo(f"{told}  in {watched.seconds:.1f} s, {ended / max(watched.seconds, 0.001):,.0f} jobs/s")
    if ended == enqueued:
        click.echo(
            click.style(f"nothing lost: {enqueued:,} enqueued = {ended:,} ended", fg="green", bold=True)
        )
        return True
    click.echo(f"NOT ALL ENDED: {enqueued:,} enqueued, {ended:,} ended; given up because {watched.why}")
    return False
