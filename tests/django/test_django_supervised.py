"""Workers that servers start: as many as configured, whoever is killed, and none when no server lives."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from project import Project
from supervised_site import Site, alive

from longshore.testing.waiting import until

Serving = Callable[..., Site]
MORE = [("sqlite", "preload"), ("postgresql", "uvicorn"), ("sqlite", "gunicorn"), ("postgresql", "gunicorn")]
on_sqlite = pytest.mark.parametrize("project", ["sqlite"], indirect=True)


@pytest.fixture
def site_of(project: Project) -> Iterator[Serving]:
    with ExitStack() as stack:

        def make(**longshore: Any) -> Site:
            site = Site(project, **longshore)
            stack.callback(site.close)
            return site

        yield make


def test_one_worker_whatever_is_killed(site_of: Serving) -> None:
    site = site_of()
    first = site.serve("runserver")
    [(name, worker)] = site.have(1).items()
    assert name.startswith("django:")
    assert f":{first.program.pid}:1." in name
    assert first.ask("order/tea")["job"]
    assert site.result(site.enqueue("version.enqueue()")) == [1, worker]
    second = site.serve("runserver")

    # The worker is killed: the same server starts another, and says so.
    job = site.enqueue(f"wait.enqueue({str(site.project.folder / 'go')!r})")
    until(lambda: site.store.get([job])[job].state == "running", "the job to be running")
    os.kill(worker, signal.SIGKILL)
    said = first.program.line(f"worker {name} died")
    assert "its process was killed by SIGKILL; another starts in 0.5 s" in said
    [(name, other)] = site.have(1, {worker}).items()
    assert f":{first.program.pid}:1." in name
    until(lambda: site.store.get([job])[job].worker == name, "the job to be running again")

    # The server is killed: its worker ends what it runs and goes, and the other server's worker comes.
    first.kill()
    (site.project.folder / "go").touch()
    assert site.result(job) == "waited"
    assert site.store.get([job])[job].attempt == 2
    until(lambda: not alive(other), "the end of its worker")
    [(name, third)] = site.have(1, {other}).items()
    assert f":{second.program.pid}:1." in name
    assert site.result(site.enqueue("version.enqueue()")) == [1, third]

    # The server ends: so does its worker, and the place is free at once.
    second.program.signal(signal.SIGINT)
    second.program.end()
    assert not alive(third)
    assert site.store.hold("django-worker:1", "test", 0)
    assert "Traceback" not in second.program.output


@pytest.mark.parametrize(
    ("project", "kind"),
    [
        ("postgresql", "preload"),
        ("sqlite", "uvicorn"),
        *(pytest.param(*one, marks=pytest.mark.full) for one in MORE),
    ],
    indirect=["project"],
)
def test_one_worker_of_several_processes(site_of: Serving, kind: str) -> None:
    site = site_of()
    server = site.serve(kind)
    assert server.ask("order/tea" if kind != "uvicorn" else "aorder/tea"), server.program.output
    [(name, worker)] = site.have(1).items()
    assert site.result(site.enqueue("version.enqueue()")) == [1, worker]
    # The process that started it is killed: the worker goes, although its brothers live, and one of them takes over.
    parent = int(name.split(":")[2])
    assert parent in server.pids - {server.program.pid}
    os.kill(parent, signal.SIGKILL)
    [(name, other)] = site.have(1, {worker}).items()
    assert int(name.split(":")[2]) != parent
    server.program.signal(signal.SIGTERM)
    server.program.end()
    until(lambda: not alive(other), "the end of its worker")
    assert "Traceback" not in server.program.output
    assert "multi-threaded" not in server.program.output  # what Python 3.12 says where threads are forked


@on_sqlite
def test_a_reload_brings_the_new_code(site_of: Serving) -> None:
    site = site_of()
    site.serve("reload")
    [worker] = site.have(1).values()
    assert site.result(site.enqueue("version.enqueue()")) == [1, worker]
    path = site.project.folder / "shop" / "commands.py"
    path.write_text(path.read_text().replace("VERSION = 1", "VERSION = 2"))
    [other] = site.have(1, {worker}).values()
    assert site.result(site.enqueue("version.enqueue()")) == [2, other]


@pytest.mark.full
@on_sqlite
def test_several_workers_over_several_servers(site_of: Serving) -> None:
    site = site_of(SUPERVISE={"workers": 2, "concurrency": 3, "queues": ["default", "mail"]})
    first = site.serve("runserver")
    workers = set(site.have(2).values())
    second = site.serve("runserver")
    docs = site.store.list("worker").values()
    assert {(doc["concurrency"], *doc["queues"]) for doc in docs} == {(3, "default", "mail")}
    first.kill()
    [*names] = site.have(2, workers)
    assert all(f":{second.program.pid}:" in name for name in names)


@pytest.mark.full
@on_sqlite
def test_a_server_that_was_stopped_gives_up_its_worker(site_of: Serving) -> None:
    site = site_of()
    first = site.serve("runserver")
    [worker] = site.have(1).values()
    first.program.signal(signal.SIGSTOP)
    second = site.serve("runserver")
    [name] = [name for name in site.have(2) if f":{second.program.pid}:" in name]
    first.program.signal(signal.SIGCONT)
    first.program.line("worker 1 is stopped: its place could not be kept for it")
    until(lambda: not alive(worker), "the end of the first worker")
    assert set(site.have(1)) == {name}


LOOK = """
import threading

begin = threading.Thread.start

def start(self):
    print("thread", self.name, flush=True)
    begin(self)

threading.Thread.start = start
"""

COMMANDS = [
    "manage.py migrate",
    "manage.py shell -c import+site_wsgi,site_asgi",
    "manage.py test",
    "manage.py longshore jobs list",
    "manage.py longshore worker --burst -c 1",
    "-m pytest -q -s -p no:cacheprovider -p no:asyncio test_it.py",
    "-m unittest -q site_wsgi",
]


@on_sqlite
def test_nothing_but_servers_starts_workers(site_of: Serving) -> None:
    site = site_of()
    project = site.project
    # Every process of it tells of the threads it starts.
    project.write("site_settings.py", (project.folder / "site_settings.py").read_text() + LOOK)
    project.write("test_it.py", "def test_it():\n    import site_wsgi, shop.tasks\n")
    project.write(
        "shop/tests.py", "from django.test import TestCase\nclass T(TestCase):\n    def test(self): ...\n"
    )
    for command in COMMANDS:
        said = project.run(*(word.replace("+", " ") for word in command.split()), code=None)
        assert "thread longshore-django" not in said, command
        assert ("worker" in command) == ("thread longshore-keeper" in said), said


FORKING = """\
import os, signal, time, warnings
import django
django.setup()
from longshore.integrations.django import supervise
supervise()
print("ready", flush=True)
signal.signal(signal.SIGUSR1, lambda *_: os.fork() or print("child", os.getpid(), flush=True))
warnings.simplefilter("ignore")
while True:
    time.sleep(60)
"""


@on_sqlite
def test_a_forked_process_sees_its_parents_end_and_stands_in(site_of: Serving) -> None:
    site = site_of()
    site.project.write("serve.py", FORKING)
    parent = site.project.launch("serve.py")
    [worker] = site.have(1).values()
    parent.signal(signal.SIGUSR1)
    said = until(lambda: [line for line in parent.lines if line.startswith("child ")], "its child")
    child = max(int(line.removeprefix("child ")) for line in said)
    try:
        parent.signal(signal.SIGKILL)
        [(name, other)] = site.have(1, {worker}).items()
        assert f":{child}:1." in name
        assert not alive(worker)
    finally:
        os.kill(child, signal.SIGKILL)
    until(lambda: not alive(other), "the end of its worker")


BAD = {
    "E008": [
        "yes",
        -1,
        65,
        {"worker": 1},
        {"workers": True},
        {"concurrency": 0},
        {"queues": "mail"},
        {"queues": []},
    ],
}


@on_sqlite
def test_mistakes_are_named(project: Project) -> None:
    told = [*((number, value) for number, values in BAD.items() for value in values)]
    code = f"""
from django.core.checks import run_checks
from django.test.utils import override_settings
for number, value in {told!r}:
    with override_settings(LONGSHORE={{"SUPERVISE": value}}):
        print(number, value, [message.id for message in run_checks() if message.id.startswith("longshore")])
for more in ({{"STORE": "memory://"}}, {{"EAGER": True}}):
    with override_settings(LONGSHORE={{"SUPERVISE": 1, **more}}):
        print(*[message.id for message in run_checks() if message.id.startswith("longshore")])
"""
    *said, memory, eager = project.do(code).splitlines()
    assert said == [f"{number} {value} ['longshore.{number}']" for number, value in told]
    assert (memory, eager) == ("longshore.E009", "longshore.W009")


@on_sqlite
def test_autotask_starts_one_without_a_setting(site_of: Serving) -> None:
    installed = ["django.contrib.contenttypes", "django.contrib.auth", "longshore.compat.autotask", "shop"]
    site = site_of(SUPERVISE=None)
    site.project.set(INSTALLED_APPS=installed)
    server = site.serve("runserver")
    [(name, _)] = site.have(1).items()
    assert f":{server.program.pid}:1." in name


EXPLICIT = """\
import os, django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
django.setup()
from django.core.wsgi import get_wsgi_application
from longshore.integrations.django import supervise
supervise()
supervise()
application = get_wsgi_application()
"""


@pytest.mark.full
@on_sqlite
def test_a_server_that_sets_django_up_itself_says_so(site_of: Serving) -> None:
    site = site_of()
    site.project.write("site_wsgi.py", EXPLICIT)
    site.serve("preload")
    site.have(1)
