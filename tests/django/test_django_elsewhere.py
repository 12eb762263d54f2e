"""Jobs kept outside of the project's database: they wait for the commit in its outbox, or are stored after it."""

from __future__ import annotations

import pytest
from project import Project

from servers.group import free_port
from servers.shared import in_namespace

#: Four calls of which the second is rolled back, and the last is in no transaction.
CALLS = """
from django.db import connection, connections, transaction
from longshore.errors import LongshoreError
from shop.models import Order
from shop.tasks import add, app
jobs = []
with transaction.atomic():
    Order.objects.create(name="tea")
    jobs.append(add.enqueue(1, 2))
    try:
        with transaction.atomic():
            add.enqueue(3, 4)
            raise KeyError
    except KeyError:
        pass
    jobs += add.enqueue_many([(n, n) for n in range(100)])
    {inside}
with transaction.atomic():
    jobs.append(add.using(connection=connection).enqueue(5, 6))
    jobs.append(add.using(connection=connections["default"]).enqueue(5, 7))
try:
    add.using(connection=connection).enqueue(7, 8)
except LongshoreError as error:
    print(error)
{after}
app.close()
"""


def test_a_commit_keeps_the_jobs_while_redis_is_away(project: Project) -> None:
    project.set(LONGSHORE={"STORE": f"redis://127.0.0.1:{free_port()}/0"})
    said = project.do(MIGRATED + CALLS.format(inside="pass", after="print(Order.objects.count())"))
    assert "the table for jobs that wait for a commit is not there" in said
    assert "no transaction is open on it" in said
    assert said.endswith("\n1")
    project.set(LONGSHORE={"STORE": in_namespace(str(project.folder))})
    said = project.do(MOVED)
    assert "outbox: 103 jobs to be moved" in said
    assert "103 done" in said
    assert said.endswith("{'waiting'} {'succeeded'} {('default', 'succeeded'): 103}")


MIGRATED = """
from django.core.management import call_command
from django.db import transaction
from longshore.errors import SchemaError
from shop.tasks import add
try:
    with transaction.atomic():
        add.enqueue(1, 2)
except SchemaError as error:
    print(error)
call_command("migrate", verbosity=0)
"""
MOVED = """
from django.core.management import call_command
from django.db import connection
from longshore.outbox.record import unpacked
from shop.tasks import app
call_command("longshore", "stats")
table = "longshore.outbox" if connection.vendor == "postgresql" else "longshore_outbox"
with connection.cursor() as cursor:
    cursor.execute(f"SELECT job FROM {table}")
    ids = [unpacked(job).id for (job,) in cursor.fetchall()]
before = {app.job(i).refresh().state for i in ids}
call_command("longshore", "worker", "--burst")
print(before, {app.job(i).refresh().state for i in ids}, app.store.count())
"""


def test_inside_the_transaction_a_job_is_seen_and_a_running_worker_takes_it_soon(project: Project) -> None:
    project.set(LONGSHORE={"STORE": in_namespace(str(project.folder))})
    inside = "print(jobs[0].refresh().state, app.store.count())"
    after = """
with app.worker():
    assert [job.result(20) for job in jobs[:3]] == [3, 0, 2]
    with transaction.atomic():
        job = add.enqueue(8, 9)
    assert job.result(20) == 17
    assert add.enqueue(8, 10).result(20) == 18
"""
    said = project.do(MIGRATED + CALLS.format(inside=inside, after=after)).splitlines()
    assert "waiting {}" in said


@pytest.mark.parametrize("project", ["sqlite"], indirect=True)
def test_without_an_outbox_they_are_stored_after_the_commit(project: Project) -> None:
    project.set(LONGSHORE={"STORE": in_namespace(str(project.folder)), "OUTBOX": False})
    said = project.do(
        """
from django.db import transaction
from shop.tasks import add, app
try:
    with transaction.atomic():
        add.enqueue(1, 2)
        raise KeyError
except KeyError:
    pass
with transaction.atomic():
    with transaction.atomic():
        job = add.enqueue(1, 2)
    print(app.store.count())
print(app.store.count(), job.refresh().state)
app.close()
"""
    )
    assert said.splitlines() == ["{}", "{('default', 'queued'): 1} queued"]


TESTS = """
from django.db import transaction
from django.test import TestCase
from longshore.integrations.django.testing import JobsMixin
from shop.models import Order
from shop.tasks import add, app, ship

class InTransaction(JobsMixin, TestCase):
    def test_run(self):
        with self.capture_jobs() as jobs:
            self.client.get("/order/coffee")
        assert [job.task for job in jobs] == ["shop.tasks.ship"], jobs
        self.assertEnqueued(ship, "coffee")
        assert [job.result() for job in self.run_jobs()] == ["coffee is shipped"]

    def test_nothing_is_left(self):
        try:
            with transaction.atomic():
                add.enqueue(1, 2)
                raise KeyError
        except KeyError:
            pass
        assert self.run_jobs() == []
        add.enqueue(1, 2)
"""


def test_a_projects_tests(bare: Project) -> None:
    bare.set(LONGSHORE={"STORE": in_namespace(str(bare.folder))})
    bare.write("shop/tests.py", TESTS)
    assert "OK" in bare.manage("test")
