"""The app in a project: tables, command line, discovery, and jobs that are done."""

from __future__ import annotations

from project import Project


def test_from_enqueue_to_result_in_workers_of_several_processes(project: Project) -> None:
    job = project.do("from shop.tasks import add; print(add.enqueue_many([(n, 3) for n in range(20)])[2].id)")
    project.manage("longshore", "worker", "--burst", "--processes", "2")
    said = project.do(
        f"""
from django.core.management import call_command
from shop.tasks import app
print(app.job({job!r}).result(5), app.store.count())
call_command("longshore", "jobs", "show", {job!r})
"""
    )
    assert said.startswith("5 {('default', 'succeeded'): 20}")
    assert "shop.tasks.add" in said


def test_rolled_back_with_the_transaction(project: Project) -> None:
    said = project.do(
        """
from django.db import transaction
from shop.tasks import add, app

def failing(*blocks):
    try:
        with transaction.atomic():
            add.enqueue(1, 1)
            add.enqueue(1, 2)
            raise KeyError
    except KeyError:
        pass

failing()
print(app.store.count())
with transaction.atomic():
    add.enqueue(2, 2)
    failing()
    job = add.enqueue(3, 3)
    print(job.refresh().state, app.store.count())
print(app.store.count())
"""
    )
    assert said.splitlines() == ["{}", "queued {('default', 'queued'): 2}", "{('default', 'queued'): 2}"]
