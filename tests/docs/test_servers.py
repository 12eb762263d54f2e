"""The pages about stores and machines: their Python runs on every store, their commands are accepted, their SQL is ours."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from longshore.cli.main import cli
from longshore.stores import open_store
from servers import postgres
from servers.shared import in_namespace

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["choosing-a-store.md", "many-machines.md", "postgresql.md"]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)


RUNS = [
    ("choosing-a-store.md", "JOBS", "double", 21, 42),
    ("many-machines.md", "LONGSHORE_URL", "send_mail", 7, "sent to 7"),
]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "redis"])
@pytest.mark.parametrize(("page", "variable", "task", "given", "result"), RUNS, ids=[one[0] for one in RUNS])
def test_the_python_runs(
    tmp_path: Path, kind: str, page: str, variable: str, task: str, given: int, result: object
) -> None:
    url = {
        "sqlite": f"sqlite:///{tmp_path / 'jobs.db'}",
        "postgresql": postgres.place(f"{tmp_path.name}-{kind}"),
        "redis": in_namespace(str(tmp_path)),
    }[kind]
    (tmp_path / "tasks.py").write_text("\n".join(blocks(page, "python")))
    use = (
        f"from tasks import app, {task}\nwith app.worker():\n"
        f"    assert {task}.enqueue({given!r}).result(timeout=20) == {result!r}\napp.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", use], cwd=tmp_path, env={**os.environ, variable: url},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def commands() -> list[str]:
    found = []
    for page in PAGES:
        text = (DOCS / page).read_text()
        found += re.findall(r"^\$ longshore (.*)$", text, re.MULTILINE)
        found += re.findall(r"^ExecStart=\S+/longshore (.*)$", text, re.MULTILINE)
        found += [line for line in re.findall(r"`longshore (migrate [^`]+)`", text) if line.isprintable()]
    return found


@pytest.mark.parametrize("line", commands())
def test_a_command_is_accepted(line: str) -> None:
    name, *words = shlex.split(line)
    context = click.Context(cli, info_name="longshore")
    command = cli.get_command(context, name)
    assert command is not None
    command.make_context(name, words, context)


def test_the_sql_is_what_the_command_prints() -> None:
    (text,) = blocks("postgresql.md", "sql")
    store = open_store("postgresql://h/d")
    for right, role in (("work", "worker"), ("enqueue", "producer")):
        for statement in store.grants(right, role):  # type: ignore[attr-defined]
            assert statement in text


def test_every_link_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (DOCS / page).read_text()):
            assert (DOCS / target).exists(), (page, target)


def test_every_option_of_the_url_is_explained() -> None:
    from longshore.stores.postgres.location import _OPTIONS

    text = (DOCS / "postgresql.md").read_text()
    for name in _OPTIONS:
        assert f"| `{name}` |" in text, name
