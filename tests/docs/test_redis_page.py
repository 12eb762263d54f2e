"""The page about Redis: its program runs, its URLs can be read, its figures hold."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from longshore import App
from longshore.stores.redis.location import parse
from servers.shared import in_namespace
from servers.valkey import valkey

PAGE = (Path(__file__).parents[2] / "docs" / "redis.md").read_text()
URLS = re.findall(r"^\| `(\S+://[^`]+)`(?:, `(\S+://[^`]+)`)?", PAGE, re.MULTILINE)


def test_the_program_runs(tmp_path: Path) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    given = re.sub(r'"redis://[^"]*"', repr(in_namespace(str(tmp_path))), program)
    assert given != program
    (tmp_path / "page.py").write_text(given)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import page"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "hello ada\n"), done.stderr


@pytest.mark.parametrize("url", [one for some in URLS for one in some if one])
def test_urls(url: str) -> None:
    assert parse(url).kind in url or parse(url).kind == "server"


def test_options() -> None:
    table = PAGE[PAGE.index("| Option |") : PAGE.index("```python")]
    columns = "".join(row.split("|")[1] for row in table.strip().splitlines())
    said = set(re.findall(r"`([a-z_]+)", columns))
    known = re.findall(r"[a-z_]+", str(_refusal()).partition("there are ")[2])
    assert said == set(known) - {"db"}


def _refusal() -> Exception:
    try:
        parse("rediss+sentinel://h/g?none=1")
    except Exception as error:
        return error
    raise AssertionError("taken")


def test_memory_of_a_job() -> None:
    number = 20_000
    with valkey() as server, redis.Redis(unix_socket_path=str(server.socket)) as client:
        app = App(server.url)
        task = app.task(name="shop.mail")(_mail)
        task.enqueue("", 0)
        before = client.info("memory")["used_memory"]
        task.enqueue_many([("x" * 60, n) for n in range(number)])
        each = (client.info("memory")["used_memory"] - before) / number
        app.close()
    (said,) = re.findall(r"takes (\d+) bytes of memory while it waits", PAGE)
    assert int(said) * 0.8 < each < int(said) * 1.2


def _mail(address: str, n: int) -> None: ...
