"""``django.tasks``: what its documentation promises, kept by our backend."""

from __future__ import annotations

import pytest
from project import Project

on_sqlite = pytest.mark.parametrize("project", ["sqlite"], indirect=True)
BACKEND = {"BACKEND": "longshore.integrations.django.Backend", "QUEUES": ["default", "mail"]}


@pytest.fixture
def shop(project: Project) -> Project:
    project.write("shop/tasks.py", "from shop.later import aship, bad, broken, double, told  # noqa: F401\n")
    project.write("shop/urls.py", "urlpatterns = []\n")
    project.set(TASKS={"default": BACKEND})
    return project


def test_from_enqueue_to_result(shop: Project) -> None:
    first = shop.do(
        """
from django.tasks import default_task_backend as backend
from shop.later import double
result = double.enqueue(4)
print(result.id, result.status, result.args, result.kwargs, result.attempts, result.is_finished, result.enqueued_at.tzinfo)
print([getattr(backend, f"supports_{name}") for name in ("defer", "async_task", "get_result", "priority")])
"""
    )
    job = first.split()[0]
    assert first.splitlines() == [f"{job} READY [4] {{}} 0 False UTC", "[True, True, True, True]"]
    shop.manage("longshore", "worker", "--burst", "-c", "1", "--name", "ada")
    said = shop.do(
        f"""
from asgiref.sync import async_to_sync
from shop.later import double
result = double.get_result({job!r})
print(result.status, result.return_value, result.attempts, result.worker_ids, result.errors, result.is_finished)
print(result.enqueued_at <= result.started_at <= result.finished_at, result.last_attempted_at == result.started_at)
other = async_to_sync(double.aget_result)({job!r})
print(other == result, other.task is not None, other.return_value)
"""
    )
    assert said.splitlines() == ["SUCCESSFUL 8 1 ['ada'] [] True", "True True", "True True 8"]


def test_priority_queue_and_context(shop: Project) -> None:
    said = shop.do(
        """
from shop.later import aship, told
from shop.models import Order
Order.objects.create(name="tea")
one, two = aship.enqueue(name="tea"), told.using(priority=9, queue_name="mail").enqueue("x")
print(one.id, two.id, one.task.priority, two.task.queue_name)
"""
    )
    one, two, priority, queue = said.split()
    assert (priority, queue) == ("7", "mail")
    shop.manage("longshore", "worker", "--burst", "-q", "mail")
    said = shop.do(
        f"""
from django.tasks import default_task_backend as backend
one, two = backend.get_result({one!r}), backend.get_result({two!r})
print(one.return_value, one.kwargs, two.return_value == ["x", 1, {two!r}, "RUNNING", 1], two.task.priority)
"""
    )
    assert said == "tea {'name': 'tea'} True 9"


@on_sqlite
def test_failures_as_django_tells_them(shop: Project) -> None:
    job = shop.do("from shop.later import bad; print(bad.enqueue(3).id)")
    other = shop.do("from shop.later import broken; print(broken.enqueue().id)")
    log = shop.manage("longshore", "worker", "--burst", "--name", "ada")
    assert f"Task id={job} path=shop.later.bad state=FAILED" in log
    assert "state=RUNNING" in log
    said = shop.do(
        f"""
from shop.later import bad, broken
result = bad.get_result({job!r})
[error] = result.errors
print(result.status, error.exception_class_path, error.exception_class, error.traceback.splitlines()[-1], result.worker_ids)
try:
    result.return_value
except ValueError as problem:
    print(problem)
print(broken.get_result({other!r}).errors[0].exception_class_path)
"""
    )
    assert said.splitlines() == [
        "FAILED builtins.ValueError <class 'ValueError'> ValueError: no 3 ['ada']",
        "Task failed",
        "builtins.TypeError",
    ]


@on_sqlite
def test_retries_of_options(shop: Project) -> None:
    options: dict[str, object] = {"tasks": {"shop.later.bad": {"retry": 2, "timeout": 30}}, "eager": True}
    shop.set(TASKS={"default": {**BACKEND, "OPTIONS": options}})
    said = shop.do(
        """
from shop.later import bad, double
result = bad.enqueue(3)
print(result.status, result.attempts, len(result.errors), bad.get_result(result.id).attempts)
print(double.enqueue(2).return_value)
"""
    )
    assert said.splitlines() == ["FAILED 3 3 3", "4"]
    shop.set(
        TASKS={
            "default": {
                **BACKEND,
                "OPTIONS": {"tasks": {"shop.later.bad": {"retrys": 2, "timeout": -1}}, "egar": True},
            }
        }
    )
    said = shop.manage("check", code=1)
    for text in (
        "(longshore.E010)",
        "'egar'",
        'did you mean "eager"',
        "retrys",
        "(longshore.E011)",
        "timeout",
    ):
        assert text in said


@on_sqlite
def test_what_django_refuses(shop: Project) -> None:
    said = shop.do(
        """
from datetime import datetime, timedelta
from django.tasks import default_task_backend as backend, task
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist, TaskResultMismatch
from shop.later import bad, double

def refused(do):
    try:
        do()
    except Exception as error:
        print(type(error).__name__)

refused(lambda: double.using(priority=101))
refused(lambda: double.using(run_after=datetime(2030, 1, 1)))
refused(lambda: double.using(queue_name="unknown"))
refused(lambda: double.enqueue(object()))
refused(lambda: double.get_result("nothing"))
job = bad.enqueue(1)
refused(lambda: double.get_result(job.id))
refused(lambda: task(lambda: None))
later = double.using(run_after=timedelta(hours=1)).enqueue(1)
print(round((later.task.run_after - later.enqueued_at).total_seconds() / 60))
print((double.get_result(later.id).task.run_after == later.task.run_after))
"""
    )
    assert said.splitlines() == [
        "InvalidTask", "InvalidTask", "InvalidTask", "TypeError", "TaskResultDoesNotExist", "TaskResultMismatch",
        "InvalidTask", "60", "True",
    ]  # fmt: skip


OWN = """
import asyncio
import django
from django.tasks import task

@task
async def endless() -> None:
    await asyncio.sleep(60)

@task
def alone(number: int) -> int:
    return number

if django.VERSION >= (6, 1):
    @task(retry=1, timeout=0.2, unique=lambda number, text: number)
    def ours(number: int, text: str) -> None:
        raise ValueError(number)
"""


@on_sqlite
def test_signals_and_our_own_options(shop: Project) -> None:
    """Each step is told once: not the enqueueing of what a unique key held off, but the end by a time-out."""
    options = {"tasks": {"shop.own.endless": {"timeout": 0.2}, "shop.own.alone": {"unique": True}}}
    eager = {**BACKEND, "OPTIONS": {"eager": True}}
    shop.set(TASKS={"default": {**BACKEND, "OPTIONS": options}, "eager": eager})
    shop.write("shop/own.py", OWN)
    said = shop.do(
        """
import django
from django.core.management import call_command
from django.tasks import signals, task
from shop import own

told = []
for name in ("enqueued", "started", "finished"):
    def tell(sender, task_result, name=name, **_):
        told.append(f"{task_result.task.name} {name} {task_result.status.name} {task_result.attempts}")
    getattr(signals, f"task_{name}").connect(tell, weak=False)

def steps(do):
    told.clear()
    do()
    call_command("longshore", "worker", "--burst", "-c", "1")
    print("=", told)

steps(lambda: own.endless.enqueue())
steps(lambda: [own.alone.enqueue(3), own.alone.enqueue(3)])
steps(lambda: own.alone.using(backend="eager").enqueue(3))
try:
    task(retry=1)(lambda: None)
except TypeError:
    print("= TypeError", django.VERSION < (6, 1))
except Exception as error:
    print("=", type(error).__name__, django.VERSION >= (6, 1))
if django.VERSION >= (6, 1):
    from longshore.integrations.django import app
    first, second = own.ours.enqueue(1, "a"), own.ours.enqueue(1, "b")
    assert first.id == second.id
    job = app.job(first.id).refresh()
    assert job.record.unique, job.record
    call_command("longshore", "worker", "--burst", "-c", "1")
    assert job.refresh().record.failures == 1, job.record
"""
    )
    *steps, refused = [line[2:] for line in said.splitlines() if line.startswith("= ")]
    begun = ["enqueued READY 0", "started RUNNING 1"]
    assert steps == [
        str([f"{name} {step}" for step in [*begun, end]])
        for name, end in [
            ("endless", "finished FAILED 1"), ("alone", "finished SUCCESSFUL 1"), ("alone", "finished SUCCESSFUL 1")
        ]
    ]  # fmt: skip
    assert refused.endswith(" True"), refused
