"""What docs/cli.md shows, the commands have."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from longshore.cli.main import cli

_PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
_COMMANDS = re.findall(r"^\$ longshore (.*)$", _PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", _COMMANDS)
def test_a_shown_command_line_is_accepted(line: str) -> None:
    command: click.Command = cli
    context = click.Context(cli, info_name="longshore")
    words = shlex.split(line)
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, context, name)
    command.make_context(str(context.info_name), words, context.parent)


def test_every_command_is_named() -> None:
    for name in cli.list_commands(click.Context(cli)):
        assert f"`{name}" in _PAGE, name
