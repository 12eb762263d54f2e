"""What projects test with: inside `TestCase` and `TransactionTestCase`, on a database in memory too."""

from __future__ import annotations

from pathlib import Path

import pytest
from project import Project

TESTS = """
from django.db import transaction
from django.test import TestCase, TransactionTestCase, override_settings
from longshore import JobFailed
from longshore.integrations.django.testing import JobsMixin, capture_jobs, run_jobs
from shop.models import Order
from shop.tasks import add, app, aship, ship


class InTransaction(JobsMixin, TestCase):
    def test_run(self):
        Order.objects.create(name="tea")
        with capture_jobs(ship) as jobs:
            self.client.get("/order/coffee")
            ship.enqueue("tea")
            aship.using(priority=5, delay=60).enqueue("tea")
        assert [job.state for job in jobs] == ["queued", "queued"], jobs
        self.assertEnqueued(ship, "tea")
        with self.assertRaisesMessage(AssertionError, "no job of shop.tasks.ship waits, 2 with other arguments"):
            self.assertEnqueued(ship, "milk")
        ran = self.run_jobs()
        assert [job.result() for job in ran] == ["coffee is shipped", "tea is shipped"], ran
        [later] = self.run_jobs(later=True)
        assert later.result() == "tea is shipped"
        assert Order.objects.filter(state="shipped").count() == 2

    def test_nothing_is_left(self):
        assert app.store.count() == {}, app.store.count()

    def test_failing(self):
        ship.enqueue("nobody")
        with self.assertRaisesMessage(JobFailed, "Order matching query does not exist"):
            run_jobs()

    async def test_in_a_coroutine(self):
        await Order.objects.acreate(name="tea")
        job = await aship.aenqueue("tea")
        assert (await job.arefresh()).state == "queued"

    def test_rollback(self):
        try:
            with transaction.atomic():
                ship.enqueue("tea")
                raise KeyError
        except KeyError:
            pass
        assert app.store.count() == {}

    @override_settings(LONGSHORE={"EAGER": True})
    def test_eager(self):
        Order.objects.create(name="tea")
        assert ship.enqueue("tea").result() == "tea is shipped"
        assert aship.enqueue("tea").result() == "tea is shipped"

    def test_a_worker_is_refused(self):
        if "memory" not in app.url:
            with self.assertRaisesMessage(Exception, "cannot see the jobs of a transaction"), app.worker():
                pass


class Committed(JobsMixin, TransactionTestCase):
    def test_run(self):
        Order.objects.create(name="tea")
        job = ship.enqueue("tea")
        if "memory" in app.url:
            run_jobs()
        else:
            with app.worker(burst=True) as worker:
                worker.join(20)
        assert job.refresh().result() == "tea is shipped"

    def test_nothing_is_left(self):
        assert app.store.count() == {}, app.store.count()
"""


def test_a_projects_tests(bare: Project) -> None:
    bare.write("shop/tests.py", TESTS)
    said = bare.manage("test", "-v1")
    assert "Ran 9 tests" in said
    assert "OK" in said


@pytest.mark.parametrize("bare", ["sqlite"], indirect=True)
def test_on_sqlite_in_a_file(bare: Project) -> None:
    database = bare.settings["DATABASES"]["default"]
    bare.set(DATABASES={"default": {**database, "TEST": {"NAME": str(Path(bare.folder, "test.sqlite3"))}}})
    bare.write("shop/tests.py", TESTS)
    assert "OK" in bare.manage("test", "-v1")
