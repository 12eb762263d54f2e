"""``longshore demo``."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from longshore.cli.exits import BAD, DONE
from longshore.cli.times import Duration


@click.command("demo")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    metavar="N",
    help="Worker processes.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The SQLite file. Default: a temporary one.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="No more files than this.")
@click.option("--kill/--no-kill", default=True, help="Kill one worker half way. Default: yes.")
@click.option(
    "--timeout", type=Duration(), default=120.0, metavar="SECONDS", help="Give up after this. Default: 120."
)
def demo(
    folder: Path | None, workers: int, store: Path | None, limit: int | None, kill: bool, timeout: float
) -> int:
    """See the main job done on real files.

    Takes every Python file of FOLDER (Python's own standard library, if none is named), makes a job of each, and has two
    worker processes parse them. Half way one worker is killed; its jobs are finished by the other.

    \b
      longshore demo
      longshore demo src --workers 4 --no-kill
    """
    from longshore.cli.demo.files import python_files

    root, files = python_files(folder, limit)
    with _place(store) as (path, work), _sigterm_interrupts():
        return DONE if _run(root, files, path, work, workers, kill, timeout) else BAD


@contextmanager
def _place(store: Path | None) -> Iterator[tuple[Path, Path]]:
    """The store's file, and a folder for what else there is. Both stay if all went well and the file is a temporary one."""
    work = Path(tempfile.mkdtemp(prefix="longshore-demo-"))
    try:
        yield (store or work / "demo.db").absolute(), work
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    if store is not None:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Have SIGTERM do what Ctrl+C does, so that our workers are ended with us."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(
    root: Path, files: list[Path], path: Path, work: Path, workers: int, kill: bool, timeout: float
) -> bool:
    from urllib.parse import quote

    url = f"sqlite:///{quote(str(path))}"
    os.environ["LONGSHORE_URL"] = url

    from longshore.cli.demo.fleet import Fleet
    from longshore.cli.demo.progress import progress
    from longshore.cli.demo.report import collect, report
    from longshore.cli.demo.tasks import app, parse
    from longshore.cli.demo.watch import watch
    from longshore.cli.times import span
    from longshore.ids import new_id

    queue = f"demo-{new_id()[-6:]}"
    click.echo(f"files   {len(files):,} Python files in {root}")
    click.echo(f"store   {url}")
    with app:
        began = app.store.now()
        jobs = parse.using(queue=queue).enqueue_many([(file,) for file in files])
        click.echo(
            f"jobs    {len(jobs):,} enqueued in {span(app.store.now() - began)}, one a file, in one batch"
        )
        click.echo(f"work    {workers} worker processes, each: longshore worker MODULE:APP -q {queue}")
        fleet = Fleet(workers, url, queue, work)
        try:
            shown = progress(len(jobs))
            try:
                watched = watch(app.store, queue, len(jobs), fleet, shown, kill, timeout)
            finally:
                shown.close()
        finally:
            fleet.close()
        good = report(collect(app.store, [job.id for job in jobs], files, root), len(jobs), watched)
    _next(url, queue, None if path.parent != work else work)
    return good


def _next(url: str, queue: str, temporary: Path | None) -> None:
    click.echo("\nlook into it:")
    click.echo(f"  longshore jobs list --state failed --url {url}")
    click.echo(f"  longshore stats --url {url}")
    click.echo("or begin your own:  longshore init")
    if temporary is not None:
        click.echo(f"the store is temporary; away with it:  rm -r {temporary}")
