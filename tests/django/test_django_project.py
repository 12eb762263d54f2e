"""The app in a project: tables, command line, discovery, and jobs that are done."""

from __future__ import annotations

from project import Project


def test_a_job_from_enqueue_to_result(project: Project) -> None:
    job = project.do("from shop.tasks import add; print(add.enqueue(2, 3).id)")
    said = project.manage("longshore", "worker", "--burst", "-c", "1")
    assert "1 done" in said
    assert project.do(f"from shop.tasks import app; print(app.job({job!r}).result(5))") == "5"
    assert "succeeded" in project.manage("longshore", "jobs", "show", job)


def test_a_worker_of_several_processes_finds_the_project(project: Project) -> None:
    project.do("from shop.tasks import add; add.enqueue_many([(n, n) for n in range(20)])")
    said = project.manage("longshore", "worker", "--burst", "--processes", "2")
    assert "2" in said
    assert (
        project.do("from shop.tasks import app; print(app.store.count())") == "{('default', 'succeeded'): 20}"
    )


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
