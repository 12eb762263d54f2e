"""``longshore``: takes the command line, runs one command, and turns whatever goes wrong into a message and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from longshore.cli import exits
from longshore.cli.lazy import Entry, LazyGroup, ReaderLeft
from longshore.cli.output import color_wanted
from longshore.cli.report import report, report_click, wants_json

_HELP: Final = """Background work for Python: enqueue jobs, run workers, look after both.

\b
  longshore init                      a first tasks.py here
  longshore dev tasks.py              run its jobs, and again at every change
  longshore enqueue tasks.hello name=you --wait
  longshore worker tasks:app -q mail  run jobs of one queue, for good
  longshore demo                      see it work, with nothing prepared
"""

_EPILOG: Final = """Every command takes --traceback, to see where an error came from (or set LONGSHORE_DEBUG=1). Exit
codes: 0 done, 1 the answer is bad, 2 usage, 3 not found, 4 store unreachable, 5 schema, 6 no live worker, 7 refused,
130 interrupted."""

_ENTRIES: Final = {
    "init": Entry("longshore.cli.init:init", "Write a first tasks.py here."),
    "dev": Entry("longshore.cli.dev:dev", "Run a worker that restarts when a file changes."),
    "demo": Entry("longshore.cli.demo.command:demo", "See the main job done on real files."),
    "worker": Entry("longshore.cli.worker:worker", "Run jobs until stopped."),
    "enqueue": Entry("longshore.cli.enqueue:enqueue", "Store a job."),
    "jobs": Entry("longshore.cli.jobs:jobs", "List, show, cancel, retry and delete jobs."),
    "queues": Entry("longshore.cli.queues:queues", "List, pause and resume queues."),
    "schedules": Entry(
        "longshore.cli.schedules:schedules", "List, show, run, pause, resume and remove schedules."
    ),
    "workers": Entry("longshore.cli.workers:workers", "List live workers."),
    "stats": Entry("longshore.cli.stats:stats", "How many jobs are in which state."),
    "migrate": Entry("longshore.cli.migrate:migrate", "Make the store's tables, or bring them forward."),
    "doctor": Entry("longshore.cli.doctor:doctor", "Look for what is wrong, and say how to mend it."),
}


def _version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        from longshore import __version__

        click.echo(f"longshore {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    entries=_ENTRIES,
    help=_HELP,
    epilog=_EPILOG,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "LONGSHORE",
        "max_content_width": 100,
    },
)
@click.option(
    "-V", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="The version."
)
def cli() -> None: ...


def run(argv: list[str]) -> int:
    """Run one command line; the exit code."""
    argv, debug = _debug(argv)
    try:
        code = cli.main(argv, prog_name="longshore", standalone_mode=False, color=color_wanted())
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        return report_click(error, wants_json(argv))
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return exits.INTERRUPTED
    except (ReaderLeft, BrokenPipeError):
        return _reader_left()
    except Exception as error:
        return report(error, wants_json(argv), debug)
    return code if isinstance(code, int) else exits.DONE


def _debug(argv: list[str]) -> tuple[list[str], bool]:
    """The command line without ``--traceback``, which may stand anywhere before ``--``."""
    ours = argv[: argv.index("--")] if "--" in argv else argv
    rest = [*(word for word in ours if word != "--traceback"), *argv[len(ours) :]]
    return rest, len(rest) < len(argv) or os.environ.get("LONGSHORE_DEBUG", "0") not in ("", "0")


def _reader_left() -> int:
    """Python would complain when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return exits.DONE
