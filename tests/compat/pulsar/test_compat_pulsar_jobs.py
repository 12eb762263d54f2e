"""Job classes and their registry: no store, no worker. The examples of the document, with only the imports changed."""

# ruff: noqa: DTZ001, DTZ005, DTZ011 - the document counts in local time
from __future__ import annotations

import logging
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pulsar_jobs.sums
import pytest
from pulsar_jobs.sums import Addition, Base, Derived

from longshore import ConfigError
from longshore.compat.pulsar import tasks
from longshore.compat.pulsar.apps import tasks as same
from longshore.compat.pulsar.tasks import Job, JobMetaClass, JobRegistry, PeriodicJob, anchorDate, models
from longshore.compat.pulsar.tasks.schedule import rule_of
from longshore.errors import TaskError


def test_the_names_are_where_the_document_has_them() -> None:
    assert same.Job is tasks.Job is models.Job
    assert set(models.__all__) == {"JobMetaClass", "Job", "PeriodicJob", "anchorDate", "JobRegistry"}


def test_the_documents_addition() -> None:
    assert Addition.name == "addition"
    assert Addition()(None, a=1, b=2) == 3
    job = Addition()
    assert (job.type, job.can_overlap, job.timeout, job.doc_syntax) == ("regular", True, None, "markdown")
    assert job.expires is None
    assert job.logger is logging.getLogger("pulsar.job.Addition")
    assert isinstance(Addition, JobMetaClass)


def test_name_abstract_and_log_prefix_are_the_classes_own() -> None:
    class Mailer(tasks.Job):
        name = "Send.Mail"
        log_prefix = "shop"

    class Fast(Mailer): ...

    assert (Mailer.name, Fast.name) == ("send.mail", "fast")
    assert (Mailer.logger.name, Fast.logger.name) == ("shop.job.Mailer", "pulsar.job.Fast")
    assert (Base.abstract, Base.can_register) == (True, False)
    assert (Derived.abstract, Derived.can_register, Derived.name) == (False, True, "shop.derived")
    assert (Job.abstract, PeriodicJob.abstract, Job.can_register) == (True, True, False)
    with pytest.raises(
        TaskError, match='class Wrong: the name of a job is text, not 7: write name = "wrong"'
    ):

        class Wrong(tasks.Job):
            name = 7  # type: ignore[assignment]


def test_the_metaclass_makes_a_base() -> None:
    made = JobMetaClass("JobBase", (object,), {"abstract": True})
    assert (made.can_register, made.name) == (False, "jobbase")


def test_register() -> None:
    registry = JobRegistry()
    registry.register(Addition)
    assert list(registry) == ["addition"]
    assert type(registry["addition"]) is Addition
    registry.register(Addition)  # imported into a second module, say
    for other in (Base, Job, PeriodicJob, 7, str, None):
        registry.register(other)
    assert list(registry) == ["addition"]
    own = Addition()
    registry.register(own)  # an instance of the user's own takes the place of the one made for the class
    registry.register(Addition)
    assert registry == {"addition": own}


def test_double_registration() -> None:
    class Other(tasks.Job):
        name = "addition"

    registry = JobRegistry()
    registry.register(Addition)
    with pytest.raises(
        TaskError, match=r'two jobs are called "addition": pulsar_jobs.sums.Addition and .*Other'
    ):
        registry.register(Other)
    one = JobRegistry()
    one.register(Addition())
    with pytest.raises(TaskError, match="Give one of them another name"):
        one.register(Addition())


def test_browsing_by_type() -> None:
    class Nightly(tasks.PeriodicJob):
        run_every = timedelta(days=1)

    registry = JobRegistry()
    registry.register(Nightly)
    registry.register(Addition)
    assert [name for name, _ in registry.regular()] == ["addition"]
    assert [(name, job.type) for name, job in registry.periodic()] == [("nightly", "periodic")]
    assert list(registry.filter_types("other")) == []


def test_load() -> None:
    registry = JobRegistry.load(["pulsar_jobs.sums"])
    assert set(registry) == {"addition", "failing", "impatient", "shop.derived", "stubborn"}
    everything = JobRegistry.load(["pulsar_jobs.*"])  # its _private module would raise
    assert set(registry) < set(everything)
    assert {name for name, _ in everything.periodic()} == {"often", "hourly", "choosy"}
    assert set(JobRegistry.load("pulsar_jobs.sums")) == set(registry)
    assert JobRegistry.load([]) == {}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("pulsar_jobs.summs", '"pulsar_jobs.summs" leads nowhere: there is no module "pulsar_jobs.summs"'),
        ("pulsar_jbs.*", '"pulsar_jbs.*" leads nowhere: there is no module "pulsar_jbs"'),
        ("pulsar_jobs.sums.deeper", "leads nowhere"),
        ("pulsar_jobs.sums.*", 'is a module, not a package: write "pulsar_jobs.sums"'),
        ("", "a path is text"),
        (7, "a path is text"),
    ],
)
def test_paths_that_lead_nowhere(path: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        JobRegistry.load([path])
    assert words in str(caught.value)


def test_a_module_that_cannot_be_imported_is_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pulsar_broken.py").write_text("import no_such_thing\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_thing"):
        JobRegistry.load(["pulsar_broken"])


def test_an_instance_stands_for_a_class_that_needs_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pulsar_made.py").write_text(
        "from longshore.compat.pulsar import tasks\n"
        "class Report(tasks.PeriodicJob):\n    def __call__(self, consumer): return 1\n"
        "report = Report(run_every=60)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert JobRegistry.load(["pulsar_made"])["report"].run_every == 60  # type: ignore[attr-defined]
    del sys.modules["pulsar_made"]


def test_what_must_be_implemented() -> None:
    with pytest.raises(NotImplementedError, match=r"^Jobs must implement the __call__ method\.$"):
        Job()(None)

    class Report(tasks.PeriodicJob): ...

    with pytest.raises(
        NotImplementedError,
        match=r'^Periodic Jobs must have a run_every attribute set, "report" does not have one\. '
        r"Write it in class .*Report: "
        r"run_every = timedelta\(hours=1\)$",
    ):
        Report()
    assert Report(run_every=timedelta(minutes=1)).run_every == timedelta(minutes=1)
    with pytest.raises(
        ConfigError, match="run_every of job \"report\" must be seconds or a timedelta, not '1h'"
    ):
        Report(run_every="1h")  # type: ignore[arg-type]


def test_queue_task_from_a_job() -> None:
    class Backend:
        def queue_task(self, *args: Any, **kwargs: Any) -> Any:
            return args, kwargs

    class Consumer:
        backend = Backend()
        task_id = "t1"

    meta = {"user": "ann"}
    assert Addition().queue_task(Consumer(), "addition", a=1) == (
        ("addition",),
        {"meta_params": {"from_task": "t1"}, "a": 1},
    )
    _, kwargs = Addition().queue_task(Consumer(), "addition", meta, a=1)
    assert kwargs["meta_params"] == {"from_task": "t1", "user": "ann"}
    assert meta == {"user": "ann"}


def test_anchor_date() -> None:
    today = date.today()
    assert anchorDate(minute=25) == datetime(today.year, today.month, today.day, 0, 25)
    assert anchorDate(9, 30, 15).time().isoformat() == "09:30:15"


class Hourly(tasks.PeriodicJob):
    run_every = timedelta(hours=1)


def test_is_due() -> None:
    job, now = Hourly(), datetime.now()
    assert job.is_due(now - timedelta(hours=2)) == (True, 3600)
    assert job.is_due((now - timedelta(hours=2)).astimezone(UTC)) == (True, 3600)
    due, left = job.is_due(now - timedelta(minutes=59))
    assert not due
    assert left == pytest.approx(60, abs=5)
    assert job.is_due(None) == (True, 3600)


def test_is_due_with_an_anchor() -> None:
    job, now = Hourly(), datetime.now()
    job.anchor = now - timedelta(minutes=10)
    due, left = job.is_due(now - timedelta(minutes=20))
    assert due
    assert left == pytest.approx(3000, abs=5)
    due, left = job.is_due(now - timedelta(minutes=5))
    assert not due
    assert left == pytest.approx(3000, abs=5)


def test_an_anchored_hourly_job_is_due_at_hh_25() -> None:
    job = Hourly()
    job.anchor = datetime(2026, 11, 21, 0, 25, tzinfo=UTC)
    tick = rule_of(job).next(datetime(2026, 11, 21, 12, 30, tzinfo=UTC))
    assert tick == datetime(2026, 11, 21, 13, 25, tzinfo=UTC)
    # Whichever day the program starts: the same rule, so the schedule goes on where it was.
    job.anchor = datetime(2026, 11, 27, 0, 25, tzinfo=UTC)
    later = rule_of(job)
    job.anchor = datetime(2025, 1, 1, 7, 25, tzinfo=UTC)
    assert rule_of(job).to_doc() == later.to_doc()
    job.anchor = "00:25"
    with pytest.raises(ConfigError, match='anchor of job "hourly" must be a datetime'):
        rule_of(job)


def test_states() -> None:
    assert (tasks.SUCCESS, tasks.FAILURE, tasks.REVOKED) == (1, 2, 3)
    assert (tasks.RETRY, tasks.STARTED, tasks.QUEUED) == (4, 5, 6)
    assert {1, 2} == tasks.FULL_RUN_STATES
    assert {1, 2, 3} == tasks.READY_STATES
    assert {2, 3} == tasks.EXCEPTION_STATES
    assert {4, 5, 6} == tasks.UNREADY_STATES
    assert [tasks.status_string(n) for n in range(1, 8)] == [
        "SUCCESS", "FAILURE", "REVOKED", "RETRY", "STARTED", "QUEUED", "UNKNOWN",
    ]  # fmt: skip


def test_the_module_is_named() -> None:
    assert pulsar_jobs.sums.Addition.__module__ == "pulsar_jobs.sums"
