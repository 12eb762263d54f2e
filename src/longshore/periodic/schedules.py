"""``app.schedules``: the schedules of an app's store, at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from longshore.courier import Courier
from longshore.errors import ConfigError
from longshore.periodic.declared import Declared
from longshore.periodic.entry import CURSOR, ENTRY, OPTIONS, PAUSE, Entry, OverlapRule, check_key, entry
from longshore.periodic.view import Planned
from longshore.schedules import Schedule, as_schedule
from longshore.stores.base import Store
from longshore.suggest import did_you_mean
from longshore.task import Call, Door, Request, Task, Using
from longshore.ticks import Bound, CatchUp, Cursor

if TYPE_CHECKING:
    from longshore.job import Job

#: published whenever a schedule changed
TOPIC = "ticks"
Target = Task[..., Any] | Using[..., Any] | Call[Any] | str


class Kept(NamedTuple):
    """What a store holds about schedules, read at one time."""

    entries: dict[str, Entry]
    cursors: dict[str, Cursor]
    #: key → (paused, since when)
    pauses: dict[str, tuple[bool, float]]


class Schedules:
    """Put, look at, pause, trigger and remove schedules. Kept in the store; every worker follows within seconds.

    ``store`` gives the store, opened; ``tasks`` are the app's. Each verb has a form for coroutines: `aput`, `aget` …
    """

    def __init__(
        self, store: Callable[[], Store], courier: Courier, tasks: Mapping[str, Task[..., Any]]
    ) -> None:
        self._store = store
        self._courier = courier
        self._tasks = tasks
        #: those declared in code, by key
        self.declared: dict[str, Declared] = {}

    # -- in code -------------------------------------------------------------------------------------------------

    def declare(
        self,
        task: Task[..., Any],
        rule: object,
        *,
        name: str | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        catch_up: CatchUp = "latest",
        bound: Bound = None,
        overlap: OverlapRule = "allow",
    ) -> None:
        """What ``@app.periodic`` comes to. Stored when a worker starts. ConfigError, ArgumentError: it cannot work."""
        key = check_key(name or task.name)
        if key in self.declared:
            raise ConfigError(
                f'there is a schedule "{key}" already, for {self.declared[key].task.name}. Give this one a name of its own: '
                '@app.periodic(..., name="...")'
            )
        schedule = as_schedule(rule)
        request = task.request(tuple(args), dict(kwargs or {}))
        stored = entry(
            request, schedule, options={}, catch_up=catch_up, bound=bound, overlap=overlap, declared=True
        )
        self.declared[key] = Declared(task, schedule, stored, overlap, tuple(args), dict(kwargs or {}))
        task.scheduled(schedule)

    def register(self) -> None:
        """Store what code declares: new schedules, and those that changed. What a worker does when it starts."""
        if not self.declared:
            return
        kept, now = self.kept(), self._store().now()
        for key, declared in self.declared.items():
            before = kept.entries.get(key)
            stored = declared.entry.succeeding(before, now)
            if stored != before:
                self._put(key, stored)

    # -- at run time ---------------------------------------------------------------------------------------------

    def put(
        self,
        key: str,
        schedule: Schedule,
        task: Target,
        *,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        catch_up: CatchUp = "latest",
        bound: Bound = None,
        overlap: OverlapRule = "allow",
        **options: Any,
    ) -> Planned:
        """Store a schedule under this name, or change the one that has it. It goes on where it was if its rule is the same.

        task       a task of this app or its name, with ``args`` and ``kwargs``; or ``task.call(...)``
        options    ``queue, priority, expires, keep, headers, unique, unique_mode`` of its jobs, if not the task's own
        catch_up, bound, overlap   see `App.periodic`

        ConfigError: the schedule is declared in code, or holds a function (which cannot be stored: such schedules live in
        code only), or the task is unknown. ArgumentError: the arguments do not fit, or an option cannot work.
        """
        key = check_key(key)
        if key in self.declared:
            raise ConfigError(
                f'the schedule "{key}" is declared in code and comes from there: change it there, or choose another name'
            )
        request, chosen = self._request(task, tuple(args), dict(kwargs or {}), options)
        stored = entry(
            request,
            as_schedule(schedule),
            options=chosen,
            catch_up=catch_up,
            bound=bound,
            overlap=overlap,
            declared=False,
        )
        before = self.kept().entries.get(key)
        self._put(key, stored.succeeding(before, self._store().now()))
        return self._found(key)

    def get(self, key: str) -> Planned | None:
        """The schedule of this name, or None."""
        return self.list().get(key)

    def list(self) -> dict[str, Planned]:
        """Every schedule by its name: those in the store, and those this app declares."""
        kept = self.kept()
        entries = {key: declared.entry for key, declared in self.declared.items()} | kept.entries
        return {key: self._planned(key, entries[key], kept) for key in sorted(entries)}

    def pause(self, key: str) -> Planned:
        """No tick becomes a job until `resume`. Kept across restarts. ConfigError: no such schedule."""
        self._found(key)
        self._store().put(PAUSE, key, {"paused": True, "at": self._store().now()})
        self._changed()
        return self._found(key)

    def resume(self, key: str) -> Planned:
        """Tick again from now on; ticks of the time in between are not made up for. ConfigError: no such schedule."""
        if self._found(key).paused is not None:
            self._store().put(PAUSE, key, {"paused": False, "at": self._store().now()})
            self._changed()
        return self._found(key)

    def trigger(self, key: str) -> Job[Any]:
        """One job now, besides its ticks; also while it is paused. With overlap "skip" or "queue": the unfinished one.

        ConfigError: no such schedule, or its task is not known to this app.
        """
        request, door = self._triggered(key)
        return door.enqueue((request,))[0]

    def _triggered(self, key: str) -> tuple[Request, Door]:
        planned = self._found(key)
        task = self._tasks.get(planned.task)
        if task is None:
            raise ConfigError(f'the schedule "{key}" runs "{planned.task}", which this app does not know')
        overlap = planned.entry.overlap
        if overlap == "code":
            overlap = self.declared[key].ask() if key in self.declared else "allow"
        return planned.entry.request(key, task, None, overlap), task.door

    def remove(self, key: str) -> bool:
        """Forget it; False: there was none. One that is declared in code comes back when a worker starts."""
        store = self._store()
        found = store.drop(ENTRY, key)
        for kind in (CURSOR, PAUSE):
            store.drop(kind, key)
        self._changed()
        return found

    # -- the same for coroutines ------------------------------------------------------------------------------------

    async def aput(
        self,
        key: str,
        schedule: Schedule,
        task: Target,
        *,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        catch_up: CatchUp = "latest",
        bound: Bound = None,
        overlap: OverlapRule = "allow",
        **options: Any,
    ) -> Planned:
        """As `put`, without blocking the event loop."""

        def put() -> Planned:
            return self.put(
                key,
                schedule,
                task,
                args=args,
                kwargs=kwargs,
                catch_up=catch_up,
                bound=bound,
                overlap=overlap,
                **options,
            )

        return await self._courier.call(put)

    async def aget(self, key: str) -> Planned | None:
        """As `get`, without blocking the event loop."""
        return await self._courier.call(lambda: self.get(key))

    async def alist(self) -> dict[str, Planned]:
        """As `list`, without blocking the event loop."""
        return await self._courier.call(self.list)

    async def apause(self, key: str) -> Planned:
        """As `pause`, without blocking the event loop."""
        return await self._courier.call(lambda: self.pause(key))

    async def aresume(self, key: str) -> Planned:
        """As `resume`, without blocking the event loop."""
        return await self._courier.call(lambda: self.resume(key))

    async def atrigger(self, key: str) -> Job[Any]:
        """As `trigger`, without blocking the event loop."""
        request, door = await self._courier.call(lambda: self._triggered(key))
        return (await door.aenqueue((request,)))[0]

    async def aremove(self, key: str) -> bool:
        """As `remove`, without blocking the event loop."""
        return await self._courier.call(lambda: self.remove(key))

    # -- for workers ---------------------------------------------------------------------------------------------

    def kept(self) -> Kept:
        """What the store holds. What cannot be read (a newer version wrote it) is left out."""
        store = self._store()
        return Kept(
            _converted(store.list(ENTRY), Entry),
            _converted(store.list(CURSOR), Cursor),
            {key: (bool(doc["paused"]), float(doc["at"])) for key, doc in store.list(PAUSE).items()},
        )

    def save(self, cursors: Mapping[str, Cursor]) -> None:
        """Remember how far schedules are."""
        for key, cursor in cursors.items():
            self._store().put(CURSOR, key, msgspec.to_builtins(cursor))

    # -- own -----------------------------------------------------------------------------------------------------

    def _put(self, key: str, stored: Entry) -> None:
        self._store().put(ENTRY, key, stored.to_doc())
        self._changed()

    def _changed(self) -> None:
        self._store().publish([TOPIC])

    def _found(self, key: str) -> Planned:
        known = self.list()
        if key not in known:
            raise ConfigError(f'there is no schedule "{key}"{did_you_mean(key, known)}')
        return known[key]

    def _planned(self, key: str, stored: Entry, kept: Kept) -> Planned:
        paused, at = kept.pauses.get(key, (False, 0.0))
        schedule, problem = self._rule(key, stored)
        return Planned(key, stored, schedule, problem, at if paused else None, kept.cursors.get(key))

    def _rule(self, key: str, stored: Entry) -> tuple[Schedule | None, str]:
        """Its rule, and why it does not tick here."""
        try:
            schedule = stored.schedule()
        except ConfigError as error:
            return None, str(error)
        declared = self.declared.get(key)
        if schedule is None and declared is not None:
            schedule = declared.schedule
        if stored.declared and declared is None:
            return schedule, "orphan: it was declared in code, and this app does not declare it"
        if stored.task not in self._tasks:
            return schedule, f'unknown task "{stored.task}"'
        return schedule, ""

    def _request(
        self, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any], options: dict[str, Any]
    ) -> tuple[Request, dict[str, Any]]:
        """The call to repeat, and which of its options differ from its task's."""
        if isinstance(target, str):
            if target not in self._tasks:
                raise ConfigError(f'there is no task "{target}"{did_you_mean(target, self._tasks)}')
            target = self._tasks[target]
        if isinstance(target, Call):
            if args or kwargs or options:
                raise ConfigError("task.call(...) has its arguments and options already: give it alone")
            request = target.request
        else:
            request = (target.using(**options) if options else target).request(args, kwargs)
        if request.delay is not None or request.eta is not None:
            raise ConfigError("a schedule says when its jobs run: leave out delay and eta")
        if self._tasks.get(request.task.name) is not request.task:
            raise ConfigError(f"{request.task.name} is not a task of this app")
        own = request.task.options
        said = {name: getattr(request, name) for name in OPTIONS}
        return request, {name: value for name, value in said.items() if value != getattr(own, name, None)}


def _converted(docs: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    found = {}
    for key, doc in docs.items():
        try:
            found[key] = msgspec.convert(doc, kind)
        except msgspec.ValidationError:
            continue
    return found
