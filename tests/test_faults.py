"""The tests are tested: each planted fault of the engine is caught by the check that guards against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

import engine_checks
from engine_checks import CHECKS
from longshore import model
from longshore.model import Change, JobRecord
from longshore.outcome import Done, Parked
from longshore.stores.hints import Hub
from longshore.stores.memory import MemoryStore
from longshore.worker import execute, feed, keeper
from longshore.worker.dealings import Dealt
from longshore.worker.executors.coroutines import CoroutineExecutor
from longshore.worker.executors.threads import ThreadExecutor
from longshore.worker.feed import Feed
from longshore.worker.keeper import Keeper
from longshore.worker.run import Run
from longshore.worker.suspects import Suspects
from longshore.worker.worker import Worker

Patch = pytest.MonkeyPatch
FAULTS: list[tuple[str, Callable[[Patch], None]]] = []


def caught_by(check: str) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """The fault that follows must make this check fail."""

    def plant(fault: Callable[[Patch], None]) -> Callable[[Patch], None]:
        FAULTS.append((check, fault))
        return fault

    return plant


def nothing(*_: object, **__: object) -> None:
    """Instead of what should be done."""


@caught_by("a_job_is_settled_only_after_it_ran")
def settled_before_it_ran(patch: Patch) -> None:
    submit = ThreadExecutor.submit

    def early(self: ThreadExecutor, runs: Any) -> None:
        for run in runs:
            self._ended(run, Done(None))
        submit(self, runs)

    patch.setattr(ThreadExecutor, "submit", early)


@caught_by("dropped_jobs_are_rescued_on_a_quiet_queue")
def no_rescue(patch: Patch) -> None:
    patch.setattr(Keeper, "_sweep", nothing)


@caught_by("a_job_that_never_began_is_never_held")
def rescue_counts_innocents(patch: Patch) -> None:
    real = model.crashed

    def counting(job: JobRecord, now: float, cause: str, max_crashes: int) -> Change:
        return real(replace(job, started_at=now), now, cause, max_crashes)

    patch.setattr(keeper.model, "crashed", counting)


@caught_by("a_job_that_always_kills_its_worker_is_held")
def crashes_are_not_counted(patch: Patch) -> None:
    patch.setattr(keeper.model, "crashed", lambda job, now, cause, most: model.released(job, now))


@caught_by("leases_are_renewed_while_a_job_runs")
def leases_are_not_renewed(patch: Patch) -> None:
    patch.setattr(Keeper, "_renew", nothing)


@caught_by("cancelling_reaches_a_running_coroutine")
def cancel_flag_ignored(patch: Patch) -> None:
    extend = MemoryStore.extend
    patch.setattr(MemoryStore, "extend", lambda *given: dict.fromkeys(extend(*given), False))


@caught_by("draining_gives_back_what_has_not_begun")
def drain_drops_the_unbegun(patch: Patch) -> None:
    withdraw = ThreadExecutor.withdraw

    def drop(self: ThreadExecutor) -> list[Run]:
        withdraw(self)
        return []

    patch.setattr(ThreadExecutor, "withdraw", drop)


@caught_by("draining_gives_back_jobs_that_crashed_before")
def drain_keeps_suspects(patch: Patch) -> None:
    patch.setattr(Suspects, "withdraw", lambda self: [])


@caught_by("jobs_that_crashed_before_begin_one_at_a_time")
def suspects_begin_together(patch: Patch) -> None:
    def eager(self: Suspects) -> Run | None:
        return self._waiting.popleft() if self._waiting else None

    patch.setattr(Suspects, "next", eager)


@caught_by("a_lost_lease_writes_nothing_and_is_counted")
def a_store_without_a_fence(patch: Patch) -> None:
    change = MemoryStore._change

    def unfenced(self: MemoryStore, asked: Change) -> bool:
        job = self._jobs[asked.id]
        return change(self, replace(asked, state=job.state, attempt=job.attempt))

    patch.setattr(MemoryStore, "_change", unfenced)


@caught_by("a_coroutine_ends_at_its_timeout")
def timeouts_of_coroutines_ignored(patch: Patch) -> None:
    patch.setattr(CoroutineExecutor, "_expire", nothing)


@caught_by("a_thread_that_outlives_its_timeout_fails")
def timeouts_of_threads_ignored(patch: Patch) -> None:
    patch.setattr(Keeper, "_overdue", nothing)


@caught_by("a_thread_that_returns_late_fails_though_nobody_looked")
def late_threads_are_believed(patch: Patch) -> None:
    patch.setattr(Run, "late", lambda _: False)


@caught_by("an_unknown_task_is_kept")
def an_unknown_task_fails(patch: Patch) -> None:
    real = feed.change

    def failing(job: JobRecord, outcome: Any, now: float, most: int) -> Change:
        if isinstance(outcome, Parked):
            return model.held(job, outcome.reason, now)
        return real(job, outcome, now, most)

    patch.setattr(feed, "change", failing)


@caught_by("a_burst_ends_when_nothing_is_left")
def a_burst_ends_early(patch: Patch) -> None:
    step = Feed._step

    def eager(self: Feed) -> None:
        step(self)
        if self.idle is not None:
            self.idle()

    patch.setattr(Feed, "_step", eager)


@caught_by("retries_count_failures_not_attempts")
def retries_count_attempts(patch: Patch) -> None:
    failed = execute.Execution.failed

    def counting(self: Any, run: Run, error: BaseException) -> Any:
        run.job = replace(run.job, failures=run.job.attempt - 1)
        return failed(self, run, error)

    patch.setattr(execute.Execution, "failed", counting)


@caught_by("an_expired_job_never_runs")
def expiry_ignored(patch: Patch) -> None:
    patch.setattr(execute, "expired", lambda job, now: False)


@caught_by("outcomes_are_kept_while_the_store_is_away")
def outcomes_dropped_on_errors(patch: Patch) -> None:
    def careless(self: Feed, changes: Any, claim: Any) -> Dealt:
        try:
            return Dealt(*self._store.exchange(changes, claim), {})
        except Exception:
            return Dealt(frozenset(), [], None, {})

    patch.setattr(Feed, "_exchange", careless)


@caught_by("a_worker_whose_keeper_dies_ends_and_gives_back")
@caught_by("a_worker_whose_feed_dies_ends_and_gives_back")
def a_dead_thread_goes_unnoticed(patch: Patch) -> None:
    patch.setattr(Worker, "_die", nothing)


@caught_by("a_worker_whose_feed_dies_ends_and_gives_back")
def a_dying_feed_keeps_its_jobs(patch: Patch) -> None:
    patch.setattr(Feed, "last_words", nothing)


@caught_by("the_last_progress_stays_readable")
def the_last_progress_is_left_to_the_keeper(patch: Patch) -> None:
    conclude = Feed._conclude
    patch.setattr(
        Feed,
        "_conclude",
        lambda self, job, outcome, seconds, said=None: conclude(self, job, outcome, seconds),
    )
    patch.setattr(
        Keeper, "_write_progress", nothing
    )  # whose look might come just between the last step and the end


@caught_by("hints_wake_who_waits")
def hints_are_lost(patch: Patch) -> None:
    patch.setattr(Hub, "tell", nothing)


def test_there_are_enough() -> None:
    assert len({fault for _, fault in FAULTS}) >= 20
    assert {check for check, _ in FAULTS} == set(CHECKS)


@pytest.mark.parametrize(
    ("check", "fault"), FAULTS, ids=[f"{fault.__name__}-{check}" for check, fault in FAULTS]
)
def test_a_planted_fault_is_caught(check: str, fault: Callable[[Patch], None], monkeypatch: Patch) -> None:
    CHECKS[check]("memory://")
    monkeypatch.setattr(engine_checks, "PATIENCE", 1.0)
    fault(monkeypatch)
    with pytest.raises((Exception, pytest.fail.Exception)) as caught:
        CHECKS[check]("memory://")
    assert not isinstance(caught.value, (TypeError, AttributeError, NameError)), "the fault itself is broken"
