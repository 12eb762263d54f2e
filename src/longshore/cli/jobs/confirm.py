"""Asking before many jobs change. Without a terminal there is nobody to ask: then the answer is no."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from longshore.cli.exits import REFUSED, Problem
from longshore.cli.output import Format, count_of
from longshore.cli.times import span

if TYPE_CHECKING:
    from longshore.model import JobRecord

#: above so many, yes is not enough: the number must be typed
MANY: Final = 1000


class Asking(NamedTuple):
    """What is about to be done."""

    verb: str
    number: int
    summary: str
    sure: bool
    output: Format


def summary(jobs: Sequence[JobRecord], now: float) -> str:
    """`` (send_mail 398, sync_crm 14), oldest 21h``; empty for none."""
    if not jobs:
        return ""
    kinds = Counter(job.task for job in jobs).most_common()
    listed = ", ".join(f"{task} {number:,}" for task, number in kinds[:4])
    return f" ({listed}{', …' if len(kinds) > 4 else ''}), oldest {span(now - min(job.created_at for job in jobs))}"


def confirmed(asking: Asking) -> bool:
    """Whether to go on. Problem: it must be confirmed and there is no terminal."""
    if asking.sure:
        return True
    jobs = count_of(asking.number, "job")
    if not sys.stdin.isatty():
        raise Problem(
            f"this would {asking.verb} {jobs}{asking.summary}, and there is no terminal to ask at; nothing was changed\n"
            "add --yes to do it, or --dry-run to see which",
            REFUSED,
            "Refused",
        )
    click.echo(f"{jobs} match{'es' if asking.number == 1 else ''}{asking.summary}.", err=True)
    if asking.number > MANY:
        typed = click.prompt(
            f"To {asking.verb} them type the number", err=True, default="", show_default=False
        )
        agreed = str(typed).replace(",", "").strip() == str(asking.number)
    else:
        agreed = click.confirm(f"{asking.verb.capitalize()} {jobs} now?", err=True)
    if not agreed:
        click.echo("nothing was changed", err=True)
    return agreed
