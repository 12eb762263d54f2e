"""Workers of a project: connections, processes, a server that goes away, and what waits for a commit."""

from __future__ import annotations

import json

from project import Project

POSTGRES = "postgresql"
#: In a module of the name that huey gave it.
OFTEN = """
from longshore import every
from shop.models import Order
from shop.tasks import app

@app.periodic(every(0.1))
def often() -> None:
    Order.objects.get_or_create(name="ticked")
"""


def test_connections_are_kept_or_closed_as_django_is_told(project: Project) -> None:
    said = project.do(
        """
import json
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from longshore.model import Where
from shop.tasks import app, session

def sessions():
    session.enqueue_many([() for _ in range(6)])
    call_command("longshore", "worker", "--burst", "-c", "1")
    jobs = app.jobs.find(Where(task=session.name))
    print(json.dumps([job.result() for job in jobs]))
    app.jobs.delete([job.id for job in jobs])

sessions()
connections.settings["default"]["CONN_MAX_AGE"] = 60
sessions()
settings.DEBUG = True
sessions()
"""
    )
    closed, kept, debug = (json.loads(line) for line in said.splitlines() if line.startswith("[["))
    if project.settings["DATABASES"]["default"]["ENGINE"].endswith(POSTGRES):
        assert len({session for session, *_ in closed}) == 6
        assert len({session for session, *_ in kept}) == 1
    assert {queries for *_, queries in debug} == {1}


def test_processes_and_coroutines_of_a_worker_know_django(project: Project) -> None:
    said = project.do(
        """
from shop.models import Order
from shop.tasks import aship, elsewhere
Order.objects.create(name="tea")
print(elsewhere.enqueue("tea").id, *[job.id for job in aship.enqueue_many([("tea",)] * 20)])
"""
    )
    process, *coroutines = said.split()
    project.manage("longshore", "worker", "--burst")
    said = project.do(
        f"""
import os
from shop.tasks import app
print(app.job({process!r}).result(5)[1], {{app.job(one).result(5) for one in {coroutines!r}}})
"""
    )
    assert said == "1 {'tea is shipped'}"


def test_ticks_included_and_nothing_waited_for(project: Project) -> None:
    project.write("shop/commands.py", OFTEN)
    said = project.do(
        """
from datetime import UTC, datetime
from django.core.management import call_command
from shop.models import Order
from shop.tasks import add, tidy
later = add.using(delay=600).enqueue(1, 2)
# The first worker makes the schedule known, the second finds a time of it past.
call_command("longshore", "worker", "--burst", "-c", "1")
call_command("longshore", "worker", "--burst", "-c", "1")
print(later.refresh().state, Order.objects.get().name)
print(tidy.schedule.next(datetime(2030, 1, 1, 0, 30, tzinfo=UTC)).utcoffset() is not None)
"""
    )
    assert said.splitlines()[-2:] == ["queued ticked", "True"]
