"""``longshore doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from longshore.cli.exits import BAD, DONE, Problem, code_of
from longshore.cli.output import Format, count_of, give, one_line, output_option
from longshore.cli.place import app_argument, bare, place_options, refuse_memory

if TYPE_CHECKING:
    from longshore.app import App
    from longshore.cli.finding import Finding

_COLORS: Final = {"ok": "green", "warn": "yellow", "FAIL": "red"}


@click.command("doctor")
@app_argument
@place_options
@output_option
def doctor(spec: str | None, url: str | None, output: Format) -> int:
    """Look for what is wrong, and say how to mend it. Exit code 1 if something fails.

    Looks at the store, the app, queues that wait in vain, held and blocked jobs, workers
    that fell silent, and schedules that run nothing.
    """
    findings: list[Finding] = []
    for finding in _examine(spec, url):
        if any(finding.text == one.text for one in findings):
            continue  # one cause, met once more
        findings.append(finding)
        if output == "text":
            _tell(finding)
    failing = sum(finding.level == "FAIL" for finding in findings)
    warnings = sum(finding.level == "warn" for finding in findings)
    if output == "text":
        click.echo(f"{count_of(warnings, 'warning')}, {failing} failing")
    else:
        give({"failing": failing, "warnings": warnings, "findings": [f._asdict() for f in findings]}, output)
    return BAD if failing else DONE


def _examine(spec: str | None, url: str | None) -> Iterator[Finding]:
    from longshore.cli.checks import (
        app_checks,
        job_checks,
        outbox_checks,
        queue_checks,
        schedule_checks,
        store_checks,
    )
    from longshore.cli.finding import failure

    if spec and url:
        raise Problem("--app and --url both say where the jobs are; give one of them")
    app, name = None, ""
    try:
        app, name = _place(spec, url)
    except Exception as error:
        if not code_of(error):
            raise
        yield failure("app", error)
    if app is None:
        return
    try:
        refuse_memory(app)
        if name:
            yield from app_checks(app, name)
        # First: it tells something where the store is away, too.
        yield from outbox_checks(app)
        if name:
            yield from schedule_checks(app)
        yield from store_checks(app)
        yield from queue_checks(app, name)
        yield from job_checks(app)
    except Exception as error:
        yield failure("store", error)
    finally:
        app.close()


def _place(spec: str | None, url: str | None) -> tuple[App, str]:
    """The app, and its MODULE:APP where it is one with tasks."""
    from longshore.cli.find import find_app, unnamed
    from longshore.cli.place import find_place

    if url:
        return bare(url), ""
    if spec or unnamed()[0]:
        found = find_app(spec)
        return found.app, found.spec
    return find_place(spec, url)[0], ""


def _tell(finding: Finding) -> None:
    level = click.style(finding.level.ljust(4), fg=_COLORS[finding.level], bold=finding.level == "FAIL")
    click.echo(f"{level}  {finding.topic.ljust(8)}  {one_line(finding.text)}")
    if finding.fix:
        click.echo(f"      {'fix'.ljust(8)}  {one_line(finding.fix)}")
