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
    def sessions() -> list[list[int]]:
        project.do("from shop.tasks import session; session.enqueue_many([() for _ in range(6)])")
        project.manage("longshore", "worker", "--burst", "-c", "1")
        said = project.do(
            """
import json
from longshore.model import Where
from shop.tasks import app, session
print(json.dumps([job.result() for job in app.jobs.find(Where(task=session.name))]))
app.jobs.delete([job.id for job in app.jobs.find()])
"""
        )
        found: list[list[int]] = json.loads(said)
        return found

    if project.settings["DATABASES"]["default"]["ENGINE"].endswith(POSTGRES):
        assert len({session for session, *_ in sessions()}) == 6
        default = project.settings["DATABASES"]["default"]
        project.set(DATABASES={"default": {**default, "CONN_MAX_AGE": 60}})
        assert len({session for session, *_ in sessions()}) == 1
    project.set(DEBUG=True)
    assert {queries for *_, queries in sessions()} == {1}


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
    later = project.do("from shop.tasks import add; print(add.using(delay=600).enqueue(1, 2).id)")
    said = project.do(
        """
from datetime import UTC, datetime
from shop.tasks import tidy
print(tidy.schedule.next(datetime(2030, 1, 1, 0, 30, tzinfo=UTC)).utcoffset() is not None)
"""
    )
    assert said == "True"
    project.write("shop/commands.py", OFTEN)
    # The first worker makes the schedule known, the second finds a time of it past.
    project.manage("longshore", "worker", "--burst", "-c", "1")
    project.manage("longshore", "worker", "--burst", "-c", "1")
    assert project.do(f"from shop.tasks import app; print(app.job({later!r}).state)") == "queued"
    assert project.do("from shop.models import Order; print(Order.objects.get().name)") == "ticked"
