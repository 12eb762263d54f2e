"""Web servers with several processes: gunicorn with a preloaded application, uvicorn, and workers that are killed."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request

import pytest
from project import Project

from longshore.testing.waiting import until
from servers.group import free_port


def ask(port: int, path: str) -> dict[str, object]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=20) as answer:
        found: dict[str, object] = json.load(answer)
        return found


def up(port: int) -> bool:
    try:
        ask(port, "nothing")
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


COMMANDS = {
    "gunicorn": ("-m", "gunicorn", "--preload", "-w", "3", "-b", "127.0.0.1:{port}", "site_wsgi:application"),
    "uvicorn": (
        "-m",
        "uvicorn",
        "--workers",
        "2",
        "--lifespan",
        "off",
        "--port",
        "{port}",
        "site_asgi:application",
    ),
    "runserver": ("manage.py", "runserver", "127.0.0.1:{port}"),
}


MORE = [("sqlite", "gunicorn"), ("postgresql", "uvicorn"), ("sqlite", "runserver")]


@pytest.mark.parametrize(
    ("project", "server"),
    [
        ("postgresql", "gunicorn"),
        ("sqlite", "uvicorn"),
        *(pytest.param(*one, marks=pytest.mark.full) for one in MORE),
    ],
    indirect=["project"],
)
def test_requests_enqueue_and_a_killed_worker_loses_nothing(project: Project, server: str) -> None:
    # A parent that used the store before it forked is what --preload is about.
    project.write("site_wsgi.py", (project.folder / "site_wsgi.py").read_text() + PRELOADED)
    project.set(LONGSHORE={"LEASE": 1, "SWEEP": 0.2})
    port = free_port()
    web = project.launch(*[word.format(port=port) for word in COMMANDS[server]])
    until(lambda: up(port), f"{server} to answer: {web.output}")
    kind = "aorder" if server == "uvicorn" else "order"
    answers = [ask(port, f"{kind}/{n}") for n in range(30)]
    with pytest.raises(urllib.error.HTTPError):
        ask(port, "order/failing?fail")
    worker = project.start("longshore", "worker", "-c", "2")
    until(lambda: "started" in worker.output, "a job to be started")
    worker.signal(signal.SIGKILL)
    worker.end()
    other = project.start("longshore", "worker")
    jobs = [answer["job"] for answer in answers]
    said = project.do(
        f"""
from shop.models import Order
from shop.tasks import app
print({{app.job(job).result(40) for job in {jobs!r}}} == {{f"{{n}} is shipped" for n in range(30)}})
print(Order.objects.count(), sum(app.store.count().values()))
"""
    )
    assert said.splitlines() == ["True", "30 30"], other.output
    other.signal(signal.SIGTERM)
    assert other.end() == 0
    web.signal(signal.SIGTERM)
    web.end()


PRELOADED = """
from longshore.integrations.django import app
with app.hosting():
    app.store.count()
    from shop.tasks import add
"""
