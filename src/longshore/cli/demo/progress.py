"""How far the demo is: a bar on a terminal (rich's, where it is installed), plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import click

from longshore.cli.output import color_wanted, count_of

_EVERY: Final = 1.0


class Progress(Protocol):
    """Shows numbers; lets others print lines meanwhile."""

    def update(self, ended: int, failed: int, workers: int) -> None: ...
    def say(self, text: str) -> None: ...
    def close(self) -> None: ...


def progress(total: int) -> Progress:
    """The best there is for this output."""
    if not sys.stdout.isatty() or color_wanted() is False:
        return Lines(total)
    try:
        return Rich(total)
    except ImportError:
        return Bar(total)


class Rate:
    """Ended jobs a second, over the last two seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen = [(clock(), 0)]

    def __call__(self, ended: int) -> float:
        now = self._clock()
        self._seen.append((now, ended))
        while len(self._seen) > 2 and self._seen[1][0] < now - 2.0:
            self._seen.pop(0)
        since, before = self._seen[0]
        return (ended - before) / max(now - since, 0.05)


class Lines:
    """A line a second, without control characters."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._rate = Rate()
        self._told = time.monotonic()

    def update(self, ended: int, failed: int, workers: int) -> None:
        rate = self._rate(ended)
        if time.monotonic() - self._told >= _EVERY or ended == self._total:
            self._told = time.monotonic()
            self.say(
                f"{ended:,} of {self._total:,} ended  {rate:,.0f}/s  {failed} failed  {count_of(workers, 'worker')}"
            )

    def say(self, text: str) -> None:
        click.echo(text)

    def close(self) -> None: ...


class Bar:
    """One line that is written over and over."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._rate = Rate()
        self._line = ""

    def update(self, ended: int, failed: int, workers: int) -> None:
        width = max(10, min(40, shutil.get_terminal_size().columns - 60))
        full = width * ended // max(1, self._total)
        self._line = (
            f"{'█' * full}{'░' * (width - full)} {ended:,}/{self._total:,}  {self._rate(ended):,.0f}/s  "
            f"{failed} failed  {count_of(workers, 'worker')}"
        )
        click.echo(f"\r\x1b[K{self._line}", nl=False)

    def say(self, text: str) -> None:
        click.echo(f"\r\x1b[K{text}\n{self._line}", nl=False)

    def close(self) -> None:
        click.echo()


class Rich:
    """rich's progress bar. ImportError: rich is not installed."""

    def __init__(self, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._rate = Rate()
        fields = "{task.fields[rate]:,.0f}/s  [red]{task.fields[failed]} failed[/]  {task.fields[workers]}"
        self._bar = RichProgress(BarColumn(), MofNCompleteColumn(), TextColumn(fields))
        self._task: Any = self._bar.add_task("", total=total, rate=0.0, failed=0, workers="")
        self._bar.start()

    def update(self, ended: int, failed: int, workers: int) -> None:
        rate = self._rate(ended)
        self._bar.update(
            self._task, completed=ended, rate=rate, failed=failed, workers=count_of(workers, "worker")
        )

    def say(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        self._bar.stop()
