"""Answers on standard output: as a table for people, as JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
Format = Literal["text", "json", "jsonl"]


def output_option(command: F) -> F:
    """``-o text|json|jsonl``."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["text", "json", "jsonl"]),
        default="text",
        help="How to print: text for people, json, or jsonl (one a line).",
    )(command)


def color_wanted() -> bool | None:
    """False where the environment asks for no colour; None: as the stream can."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


def talk(text: str, output: Format = "text") -> None:
    """Say something to a person: on standard error, and not beside JSON."""
    if output == "text":
        click.echo(text, err=True)


def give(value: Any, output: Format) -> None:
    """Print one JSON value."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=None if output == "jsonl" else 2))


def give_rows(rows: Iterable[Any], output: Format) -> None:
    """Print JSON values: a list, or one a line."""
    if output == "jsonl":
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
    else:
        give(list(rows), output)


def give_table(head: Sequence[str], rows: Sequence[Sequence[object]], right: Iterable[str] = ()) -> None:
    """Print an aligned table; columns named in ``right`` are numbers. Cut to the terminal's width, never when piped."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [
        max(len(title), *(len(row[index]) for row in cells)) if cells else len(title)
        for index, title in enumerate(head)
    ]
    numbers = set(right)
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if title in numbers else cell.ljust(width)
            for cell, width, title in zip(row, widths, head, strict=True)
        ]
        text = "  ".join(padded).rstrip()
        return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"

    click.echo(click.style(line(head), dim=True))
    for row in cells:
        click.echo(line(row))


def one_line(value: object) -> str:
    """A value in one line without control characters, so that data cannot steer the terminal."""
    text = "-" if value is None or value == "" else str(value)
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else " " for letter in text)


def give_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one a line; those without a value are left out."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        if value is not None and value != "":
            click.echo(f"{click.style(name.ljust(width), dim=True)}  {one_line(value)}")


def count_of(number: int, one: str, many: str | None = None) -> str:
    """``1 job``, ``2 jobs``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
