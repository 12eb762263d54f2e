"""``longshore jobs …``."""

from __future__ import annotations

from typing import Final

import click

from longshore.cli.lazy import Entry, LazyGroup

_ENTRIES: Final = {
    "list": Entry("longshore.cli.jobs.listing:list_jobs", "List jobs, newest first."),
    "show": Entry("longshore.cli.jobs.show:show", "Show everything about one job."),
    "cancel": Entry("longshore.cli.jobs.change:cancel", "Cancel jobs, also running ones."),
    "retry": Entry("longshore.cli.jobs.change:retry", "Run failed or held jobs again."),
    "delete": Entry("longshore.cli.jobs.change:delete", "Remove jobs that ended."),
}


@click.group(
    cls=LazyGroup,
    entries=_ENTRIES,
    help="""Jobs: list, show, cancel, retry, delete.

\b
  longshore jobs list --state failed --queue mail
  longshore jobs show ID -o json
  longshore jobs retry --state failed --task shop.send_mail
""",
)
def jobs() -> None: ...
