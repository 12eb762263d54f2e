"""The jobs of an app: looking at them, and changing them by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from longshore import model
from longshore.advice import why_waiting
from longshore.codec import ResultCodec
from longshore.courier import Courier
from longshore.errors import JobNotFound
from longshore.job import CancelAnswer, Job
from longshore.model import Change, JobRecord, Where
from longshore.outbox import Outbox
from longshore.stores.base import Store, Subscription
from longshore.task import Task

Decide = Callable[[JobRecord, float], Change | None]


class Jobs:
    """``app.jobs``. ``store`` gives the store, opened."""

    def __init__(
        self,
        store: Callable[[], Store],
        courier: Courier,
        tasks: Mapping[str, Task[..., Any]],
        outbox: Outbox | None = None,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._courier = courier
        self._tasks = tasks

    def find(self, where: Where | None = None, limit: int = 100, after: str | None = None) -> list[Job[Any]]:
        """Handles of the jobs selected, newest first, below the id ``after``."""
        return [Job(record.id, self, record) for record in self._store().find(where or Where(), limit, after)]

    def fetch(self, ids: Sequence[str]) -> dict[str, JobRecord]:
        found = self._store().get(ids)
        return found if self._outbox is None or len(found) == len(ids) else self._sought(ids, found)

    async def afetch(self, ids: Sequence[str]) -> dict[str, JobRecord]:
        found = await self._courier.get(ids)
        if self._outbox is None or len(found) == len(ids):
            return found
        return await self._courier.call(lambda: self._sought(ids, found))

    def _sought(self, ids: Sequence[str], found: dict[str, JobRecord]) -> dict[str, JobRecord]:
        """With those that wait in the outbox, and those that left it just now."""
        assert self._outbox is not None
        found = self._outbox.get([i for i in ids if i not in found]) | found
        left = [i for i in ids if i not in found]
        return found | self._store().get(left) if left else found

    def on_end(self, job_id: str, callback: Callable[[], object]) -> Subscription:
        return self._store().subscribe([f"job:{job_id}"], callback)

    async def aon_end(self, job_id: str, callback: Callable[[], object]) -> Subscription:
        """As `on_end`, without blocking the event loop: the first subscription may have to connect."""
        made: list[Subscription] = []
        abandoned = False

        def subscribe() -> Subscription:
            made.append(self.on_end(job_id, callback))
            if abandoned:
                made[0].close()
            return made[0]

        try:
            return await self._courier.call(subscribe)
        except BaseException:
            # Who asked was cancelled; the courier may be at it all the same.
            abandoned = True
            for subscription in made:
                subscription.close()
            raise

    def decode_result(self, record: JobRecord) -> Any:
        """The value a succeeded job returned."""
        if record.result is None:
            return None
        task = self._tasks.get(record.task)
        return ResultCodec().decode(record.result) if task is None else task.decode_result(record.result)

    def why_waiting(self, record: JobRecord) -> str:
        """What a person should know who waited in vain for this job; empty where there is nothing to say."""
        return why_waiting(self._store(), record)

    def cancel(self, job_id: str, reason: str = "cancelled by hand") -> CancelAnswer:
        """See `Job.cancel`."""

        def decide(job: JobRecord, now: float) -> Change | None:
            return model.cancel(job, now, reason)

        changed = self._change(job_id, decide)
        if changed is None:
            return "too late"
        job, change = changed
        if "state" in change.values:
            self._store().publish([f"job:{job.id}"])
            return "cancelled"
        self._store().publish(["leases"])
        return "asked"

    async def acancel(self, job_id: str, reason: str = "cancelled by hand") -> CancelAnswer:
        """See `Job.acancel`."""
        return await self._courier.call(lambda: self.cancel(job_id, reason))

    def retry(self, job_id: str) -> bool:
        """Put a finished or held job back into its queue, as new; False: it has not ended, or its unique key is held."""
        changed = self._change(job_id, model.retried, tries=1)
        if changed is None:
            return False
        self._store().publish([f"queue:{changed[0].queue}"])
        return True

    def hasten(self, job_id: str) -> bool:
        """Make a queued job due now that waits for its time, or for its next try; False: it does not."""
        return job_id in self.hasten_many([job_id])

    def cancel_many(self, ids: Sequence[str], reason: str = "cancelled by hand") -> dict[str, CancelAnswer]:
        """As `cancel`, each of these that exists, in one round trip for those that do not move meanwhile."""
        found, changes = self._change_all(ids, lambda job, now: model.cancel(job, now, reason))
        answers: dict[str, CancelAnswer] = dict.fromkeys(found, "too late")
        for job_id, change in changes.items():
            answers[job_id] = "cancelled" if "state" in change.values else "asked"
        for job_id in [one for one in found if one not in changes and found[one].state not in model.FINAL]:
            answers[job_id] = self.cancel(job_id, reason)
        ended = {f"job:{job_id}" for job_id in changes if answers[job_id] == "cancelled"}
        self._store().publish({*ended, "leases"})
        return answers

    def retry_many(self, ids: Sequence[str]) -> frozenset[str]:
        """As `retry`, each of these; the ids of those put back."""
        return self._requeue(ids, model.retried)

    def hasten_many(self, ids: Sequence[str]) -> frozenset[str]:
        """As `hasten`, each of these; the ids of those that were made due."""
        return self._requeue(ids, model.hastened)

    def expire_many(self, ids: Sequence[str]) -> frozenset[str]:
        """Cancel those of these that are queued past their expiry, as a worker would that came to them; the ids of those."""
        _, changes = self._change_all(ids, model.expire)
        self._store().publish({f"job:{job_id}" for job_id in changes})
        return frozenset(changes)

    def _requeue(self, ids: Sequence[str], decide: Decide) -> frozenset[str]:
        found, changes = self._change_all(ids, decide)
        self._store().publish({f"queue:{found[job_id].queue}" for job_id in changes})
        return frozenset(changes)

    def _change_all(
        self, ids: Sequence[str], decide: Decide
    ) -> tuple[dict[str, JobRecord], dict[str, Change]]:
        """Those that exist, and the changes that were made."""
        store = self._store()
        found, now = store.get(ids), store.now()
        changes = {job.id: change for job in found.values() if (change := decide(job, now)) is not None}
        accepted = store.apply(list(changes.values())) if changes else frozenset()
        return found, {job_id: change for job_id, change in changes.items() if job_id in accepted}

    def delete(self, ids: Sequence[str]) -> frozenset[str]:
        """Remove jobs that are finished or held; the ids of those removed."""
        return self._store().delete(ids)

    def _change(self, job_id: str, decide: Decide, tries: int = 20) -> tuple[JobRecord, Change] | None:
        """Read, decide, apply; once more where the job moved meanwhile. None: there is nothing to change."""
        store = self._store()
        for _ in range(tries):
            job = store.get([job_id]).get(job_id)
            if job is None:
                raise JobNotFound(
                    f"no job {job_id}: it never existed in this store, or retention removed it", job_id
                )
            change = decide(job, store.now())
            if change is None:
                return None
            if store.apply([change]):
                return job, change
        return None
