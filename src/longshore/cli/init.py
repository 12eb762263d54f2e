"""``longshore init``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from longshore.cli.exits import REFUSED, USAGE, Problem

_TEXT: Final = """\
from longshore import App

app = App("sqlite:///jobs.db")


@app.task
def hello(name: str) -> str:
    return f"Hello, {name}!"
"""


@click.command("init")
@click.argument("file", default="tasks.py", type=click.Path(path_type=Path))
def init(file: Path) -> None:
    """Write a first tasks.py here: an app on a SQLite file, and one task."""
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise Problem(f'"{file}" cannot be imported by Python; name it like tasks.py')
    if os.path.lexists(file):
        raise Problem(
            f"{file} is there already; nothing was written\n"
            f"run it: longshore dev {file}   or name another: longshore init jobs.py",
            REFUSED,
            "Refused",
        )
    try:
        with open(file, "x", encoding="utf-8") as opened:
            opened.write(_TEXT)
    except OSError as error:
        raise Problem(
            f"cannot write {file}: {error.strerror}\ngo to a folder that you can write to",
            USAGE,
            "Unwritable",
        ) from None
    stem = file.stem
    click.echo(f"wrote {file}. Next, in this folder:")
    click.echo(f"  longshore dev {file}                       runs its jobs, and restarts when you change it")
    click.echo(
        f"  longshore enqueue {stem}.hello name=you --wait   in another terminal: a job and its result"
    )
    click.echo(f"  longshore worker {stem}:app                   a worker as you would run it for good")
