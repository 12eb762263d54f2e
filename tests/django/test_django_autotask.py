"""The words of autotask: its document's examples, in a project that lists ``longshore.compat.autotask`` and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from project import Project

TASKS = """\
from longshore.compat.autotask.tasks import delayed_task, periodic_task, cron_task

@delayed_task(delay=0, retries=0, ttl=300)
def some_function(*args, **kwargs):
    return [list(args), kwargs]

@delayed_task()
def failing(text):
    raise ValueError(text)

@delayed_task(retries=2)
def stubborn(path):
    with open(path, "a") as file:
        file.write("run\\n")
    raise ValueError("again")

@delayed_task(delay=3600)
def in_an_hour():
    "At some other time."

@delayed_task(ttl=0)
def gone_at_once():
    return 1

@periodic_task(seconds=3600, start_now=False)
def hourly():
    print("hourly")

@periodic_task(seconds=3600, start_now=True)
def at_once():
    raise RuntimeError("this time")

@cron_task(crontab="15,30 7 * * *")
def mornings():
    pass
"""

PERIODIC = """\
from shop.tasks import *

@periodic_task(seconds=0.1, start_now=True)
def often():
    raise RuntimeError
"""

VIEWS = """\
from longshore.compat.autotask.tasks import delayed_task

@delayed_task()
def mail():
    return "sent"
"""

CALLS = """
from django.db import transaction
from longshore.compat.autotask import tasks as words
from longshore.compat.autotask.task import WAITING, RUNNING, DONE, ERROR
from longshore.integrations.django import app
from shop import tasks
from shop.views import mail

assert (WAITING, RUNNING, DONE, ERROR, words.DONE) == (1, 2, 3, 4, 3)
assert app.store.count() == {} == app.store.list("schedule"), "registration wrote"
assert tasks.in_an_hour.__doc__ == "At some other time." and tasks.in_an_hour.__name__ == "in_an_hour"
made = [
    tasks.some_function(1, name="x"), tasks.failing("no such thing"), tasks.stubborn("runs"), tasks.in_an_hour(),
    tasks.gone_at_once(), mail(), words.DelayedTask("nothing"),
]
for task in made[:-1]:
    assert (task.ready, task.status, task.result, task.error_message) == (False, WAITING, None, "")
with transaction.atomic():
    undone = tasks.some_function()
    assert undone.status == WAITING
    transaction.set_rollback(True)
print(*[task.pk for task in [*made, undone]])
"""

TOLD = """
from longshore.compat.autotask.tasks import DelayedTask
from longshore.integrations.django import app
from longshore.model import Where

app.store.purge(10)
for pk in {!r}:
    task = DelayedTask(pk)
    print(task.ready, task.status, task.result, repr(task.error_message))
print(*(job.task for job in app.store.find(Where(), 100) if job.task.endswith(("ly", "once"))))
"""

MANY = """
from longshore.integrations.django import app
from longshore.model import Where
from longshore.testing.waiting import until
import shop.periodic

def runs(name):
    return [job.state for job in app.store.find(Where(task=f"shop.{name}"), 100)]

with app.worker(concurrency=1):
    until(lambda: len(runs("periodic.often")) > 2, "three runs")
assert set(runs("periodic.often")[1:]) == {"failed"}
print(runs("tasks.at_once"), runs("tasks.hourly"), runs("tasks.mornings"))
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """With autotask's line in INSTALLED_APPS for ours, and no worker beside those a test starts."""
    return with_autotask(project)


def with_autotask(project: Project) -> Project:
    installed = ["django.contrib.contenttypes", "django.contrib.auth", "longshore.compat.autotask", "shop"]
    project.set(INSTALLED_APPS=installed, AUTOTASK_IS_ACTIVE=False, AUTOTASK_RETRY_DELAY=0)
    project.write("shop/tasks.py", TASKS)
    project.write("shop/views.py", VIEWS)
    project.write("site_urls.py", "import shop.views\nurlpatterns = []\n")
    return project


def test_calls_return_at_once_and_a_worker_runs_them(shop: Project) -> None:
    """Results, errors, retries, delays, the time to live, a rolled back call, and a function that only the URLs import."""
    called = shop.do(CALLS).split()
    shop.manage("longshore", "worker", "--burst", "-c", "1")
    assert (shop.folder / "runs").read_text().split() == ["run"] * 3
    assert shop.do(TOLD.format(called)).splitlines() == [
        "True 3 [[1], {'name': 'x'}] ''",
        "True 4 None 'ValueError: no such thing'",
        "True 4 None 'ValueError: again'",
        "False 1 None ''",
        "None None None ''",
        "True 3 sent ''",
        "None None None ''",
        "None None None ''",
        "shop.tasks.at_once",
    ]


@pytest.mark.parametrize("project", ["sqlite"], indirect=True)
def test_a_periodic_task_that_fails_runs_again_next_time(shop: Project) -> None:
    shop.write("shop/periodic.py", PERIODIC)
    assert shop.do(MANY) == "['failed'] [] []"


@pytest.mark.parametrize("project", ["sqlite"], indirect=True)
def test_a_changed_schedule_takes_effect(shop: Project) -> None:
    look = """
from django.core.management import call_command
from longshore.integrations.django import app
call_command("longshore", "worker", "--burst")
print(app.schedules.get("shop.tasks.hourly").schedule)
"""
    before = shop.do(look)
    shop.write("shop/tasks.py", TASKS.replace("seconds=3600, start_now=False", "seconds=1800"))
    assert ("every 3600 s" in before, "every 1800 s" in shop.do(look)) == (True, True)


# -- schedules: they need no database -------------------------------------------------------------------------------


@pytest.fixture
def plain(tmp_path: Path) -> Project:
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db.sqlite3")}
    return with_autotask(Project(tmp_path, DATABASES={"default": database}))


START = datetime(2016, 3, 1, tzinfo=UTC)


def at(*times: str) -> list[datetime]:
    return [datetime.fromisoformat(time).replace(tzinfo=UTC) for time in times]


def april_and_july() -> list[datetime]:
    """What the document's third text means, by brute force over two years."""
    days = [START + timedelta(days=n) for n in range(730)]
    found = [day for day in days if day.month in (4, 7) and (day.weekday() == 0 or 10 <= day.day <= 15)]
    assert found[0] == datetime(2016, 4, 4, tzinfo=UTC)
    return [day + timedelta(hours=9, minutes=n) for day in found for n in range(60)]


TIMES = [
    ("cron_task(crontab='* * * * *')", [START + timedelta(minutes=n) for n in range(3)]),
    ("cron_task(crontab='15,30 7 * * *')", at("2016-03-01T07:15", "2016-03-01T07:30", "2016-03-02T07:15")),
    ("cron_task(crontab='15,30 7 * * *', order='cron')", at("2016-03-01T07:15", "2016-03-01T07:30")),
    # What is given beside a text is ignored, contradictions and all.
    ("cron_task(hours=[9], dom=[30], months=[2], crontab='15,30 7 * * *')", at("2016-03-01T07:15")),
    ("cron_task(crontab='* 9 0 4,7 10-15')", april_and_july()),
    ("cron_task(minutes=[30], hours=[7], dow=[0, 2])", at("2016-03-02T07:30", "2016-03-07T07:30")),
    ("cron_task(minutes=[0], hours=[0], dom=[31])", at("2016-03-31", "2016-05-31")),
    ("cron_task(minutes=[0], hours=[0], dow=[6], dom=[2])", at("2016-03-02", "2016-03-06")),
    ("cron_task(minutes=(45, 15), hours=[], months=[12])", at("2016-12-01T00:15", "2016-12-01T00:45")),
    ("cron_task(crontab='0 9 * * 7', order='cron')", at("2016-03-06T09:00", "2016-03-13T09:00")),
    ("periodic_task()", at("2016-03-01T00:59:59", "2016-03-01T01:59:59")),
]


def test_times(plain: Project) -> None:
    asked = [(call, len(expected)) for call, expected in TIMES]
    code = f"""
from datetime import UTC, datetime, timedelta
from django.test.utils import override_settings
from longshore.compat.autotask.tasks import cron_task, periodic_task

def times(call, count, after, numbers=iter(range(1000))):
    def some_function(): ...
    some_function.__qualname__ = f"number_{{next(numbers)}}"
    task = eval(call)(some_function)
    for _ in range(count):
        after = task.schedule.next(after)
        print(after.astimezone(UTC).isoformat(), end=" ")
    print()

with override_settings(TIME_ZONE="UTC"):
    for call, count in {asked!r}:
        times(call, count, datetime(2016, 2, 29, 23, 59, 59, tzinfo=UTC))
# Berlin, where the clock changes on 27 March 2016 and half past two is left out
times("cron_task(minutes=[30], hours=[2])", 2, datetime(2016, 3, 26, 12, tzinfo=UTC))
"""
    said = [[datetime.fromisoformat(text) for text in line.split()] for line in plain.do(code).splitlines()]
    for (call, expected), found in zip(TIMES, said, strict=False):
        assert found == expected, call
    assert said[-1] == at("2016-03-27T01:00", "2016-03-28T00:30")


BAD = [
    ("cron_task(crontab='* * * *')", 'crontab="* * * *" has 4 fields'),
    ("cron_task(crontab='*/5 * * * *')", '"*/5" in crontab="*/5 * * * *" cannot be read as minutes'),
    ("cron_task(crontab='* * 7 * *')", "7 is none of dow: whole numbers from 0 to 6, Monday is 0"),
    ("cron_task(crontab='9-5 * * * *')", '"9-5" in crontab="9-5 * * * *" runs backwards'),
    ("cron_task(minutes=[60])", "60 is none of minutes: whole numbers from 0 to 59"),
    ("cron_task(hours=7)", "hours must be a list of numbers, not 7: hours=[...]"),
    ("cron_task(dom=[30], months=[2])", "30"),
    ("cron_task(minutes=[1], order='cron')", 'order="cron" is about a text'),
    ("periodic_task(seconds=0)", "every must be more than zero, not 0"),
    ("periodic_task", "@periodic_task takes parentheses"),
    ("delayed_task", "@delayed_task takes parentheses"),
    ("delayed_task(retries=-1)", "retries must be a whole number, 0 or more, not -1"),
    ("delayed_task(delay='x')", "delay must be seconds or a timedelta, not 'x'"),
]


def test_what_cannot_be_is_said_where_it_is_written(plain: Project) -> None:
    calls = [call for call, _ in BAD]
    code = f"""
from longshore import LongshoreError
from longshore.compat.autotask.tasks import *
for call in {calls!r}:
    try:
        def some_function(): ...
        eval(call)(some_function)
    except LongshoreError as error:
        print(repr(str(error)))
    else:
        print("nothing was said:", call)
"""
    for (call, text), said in zip(BAD, plain.do(code).splitlines(), strict=True):
        assert text in said.encode().decode("unicode_escape"), call


def test_a_setting_without_effect_is_named(plain: Project) -> None:
    plain.set(AUTOTASK_CLEAN_INTERVAL=60)
    assert "longshore.W101" in plain.manage("check")
