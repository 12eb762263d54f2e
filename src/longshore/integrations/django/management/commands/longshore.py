"""``manage.py longshore …`` is the command line of Longshore, with the project's app filled in."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from longshore.cli.find import VARIABLE
from longshore.cli.main import run

APP = "longshore.integrations.django.main:app"
#: Taken by manage.py itself, wherever they stand.
_DJANGOS = ("--settings", "--pythonpath")


class Command(BaseCommand):
    """``manage.py longshore worker -q mail``, ``manage.py longshore jobs list``, …"""

    help = "Run jobs and look after them: manage.py longshore --help."
    requires_system_checks: Sequence[str] = ["longshore"]

    def run_from_argv(self, argv: list[str]) -> None:
        """The words as they are, for they are not Django's."""
        try:
            sys.exit(self._run(_own(argv[2:])))
        except CommandError as error:
            self.stderr.write(f"{type(error).__name__}: {error}")
            sys.exit(error.returncode)
        finally:
            connections.close_all()

    def add_arguments(self, parser: CommandParser) -> None:
        """For ``call_command("longshore", "worker", "--burst")``."""
        parser.add_argument("words", nargs=argparse.REMAINDER)

    def handle(self, *args: Any, **options: Any) -> None:
        """CommandError: it did not go well; what it said is above."""
        code = self._run([*args, *options.get("words", [])])
        if code:
            raise CommandError(f"longshore ended with {code}", returncode=code)

    def _run(self, words: list[str]) -> int:
        before = {name: os.environ.get(name) for name in (VARIABLE, "PYTHONPATH")}
        os.environ[VARIABLE] = APP
        # Further processes are started as `python -m longshore`, and look where this one does.
        os.environ["PYTHONPATH"] = os.pathsep.join([sys.path[0], *filter(None, [before["PYTHONPATH"]])])
        try:
            return run(_fitted(words))
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _fitted(words: list[str]) -> list[str]:
    """With what a project decides for the commands that ask for a file of tasks. CommandError: there is nothing to begin."""
    if words[:1] == ["init"]:
        raise CommandError(
            "a project needs no file of its own for jobs: write tasks in tasks.py of an installed app,\n"
            "from longshore.integrations.django import app"
        )
    return ["dev", APP, *words[1:]] if words[:1] == ["dev"] else words


def _own(words: list[str]) -> list[str]:
    """Without what manage.py took for itself."""
    found: list[str] = []
    skip = False
    for word in words:
        if skip or word.startswith(tuple(f"{name}=" for name in _DJANGOS)):
            skip = False
        elif word in _DJANGOS:
            skip = True
        else:
            found.append(word)
    return found
