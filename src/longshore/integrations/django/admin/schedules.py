"""Schedules in the admin."""

# What Django decorates has no types.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

from itertools import islice
from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.contrib.admin.models import CHANGE, DELETION
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect

from longshore.integrations.django.admin.base import OverApp, Request, note, over_store
from longshore.integrations.django.admin.facts import Fact, Time, arguments, pretty, when
from longshore.periodic import Planned
from longshore.ticks import moment

#: so many coming times are shown
_TICKS: Final = 5


class Verb(NamedTuple):
    """``permission`` is Django's word."""

    name: str
    label: str
    permission: str


VERBS: Final = {
    one.name: one
    for one in (
        Verb("trigger", "Run now", "change"),
        Verb("pause", "Pause", "change"),
        Verb("resume", "Resume", "change"),
        Verb("remove", "Remove", "delete"),
    )
}


class Row(NamedTuple):
    """One line of the list."""

    planned: Planned
    address: str
    state: str
    last: Time | None
    next: Time | None


class ScheduleAdmin(OverApp):
    """List and detail of the project's schedules; pause, resume, run now, remove."""

    @over_store("view")
    def changelist_view(self, request: Request, extra_context: Any = None) -> HttpResponse:
        """All schedules, by name; a POST changes those that are ticked."""
        app = self.app
        known = app.schedules.list()
        if request.method == "POST":
            chosen = [known[key] for key in request.POST.getlist("_selected_action") if key in known]
            return self._act(request, chosen, request.get_full_path())
        now = app.store.now()
        text = request.GET.get("q", "").strip()
        context = {
            "title": "Schedules",
            "note": note(app),
            "rows": [
                self._row(planned, now)
                for key, planned in known.items()
                if text.lower() in f"{key} {planned.task}".lower()
            ],
            "total": len(known),
            "text": text,
            "verbs": [verb for verb in VERBS.values() if self.may(request, verb.permission)],
        }
        return self.page(request, "schedules", {**context, **(extra_context or {})})

    def get_object(self, request: Request, object_id: str, from_field: Any = None) -> Any:
        """For the history: the schedule as a model, without fields; None: there is none."""
        key = unquote(object_id)
        return self.model(pk=key) if self.app.schedules.get(key) is not None else None

    @over_store("view")
    def change_view(
        self, request: Request, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Everything there is to know of one schedule; a POST changes it."""
        app, key = self.app, unquote(object_id)
        planned = app.schedules.get(key)
        if planned is None:
            return self._gone(request, key)
        if request.method == "POST":
            return self._act(request, [planned], self.address("change", key))
        now = app.store.now()
        offered = ("trigger", "pause" if planned.paused is None else "resume")
        context = {
            "title": f"Schedule {key}",
            "note": note(app),
            "row": self._row(planned, now),
            "facts": _facts(planned, now),
            "upcoming": [
                when(tick.timestamp(), now) for tick in islice(planned.upcoming(moment(now)), _TICKS)
            ],
            "arguments": arguments(planned.entry.payload),
            "options": pretty(planned.entry.options) if planned.entry.options else "",
            "verbs": [VERBS[name] for name in offered if self.may(request, VERBS[name].permission)],
            "delete_address": self.address("delete", key) if self.may(request, "delete") else "",
            "history_address": self.address("history", key),
        }
        return self.page(request, "schedule", {**context, **(extra_context or {})})

    @over_store("delete")
    def delete_view(self, request: Request, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Ask, then remove."""
        key = unquote(object_id)
        planned = self.app.schedules.get(key)
        if planned is None:
            return self._gone(request, key)
        if request.method == "POST":
            return self._do(request, VERBS["remove"], [planned], self.address("changelist"))
        return self._confirm(request, VERBS["remove"], [planned], self.address("change", key))

    # -- changes -------------------------------------------------------------------------------------------------

    def _act(self, request: Request, chosen: list[Planned], back: str) -> HttpResponse:
        verb = VERBS.get(request.POST.get("action", ""))
        if verb is None or not chosen:
            messages.warning(request, "Tick some schedules and choose what to do.")
            return HttpResponseRedirect(back)
        if not self.may(request, verb.permission):
            raise PermissionDenied
        sure = "confirmed" in request.POST or (len(chosen) == 1 and verb.name != "remove")
        return self._do(request, verb, chosen, back) if sure else self._confirm(request, verb, chosen, back)

    def _confirm(self, request: Request, verb: Verb, chosen: list[Planned], back: str) -> HttpResponse:
        number = _count_of(len(chosen))
        context = {
            "title": f"{verb.label} {number}?",
            "yes": f"Yes, {verb.label.lower()} {number}",
            "verb": verb,
            "chosen": chosen,
            "declared": any(planned.entry.declared for planned in chosen) and verb.name == "remove",
            "back": back,
        }
        return self.page(request, "confirm_schedules", context)

    def _do(self, request: Request, verb: Verb, chosen: list[Planned], back: str) -> HttpResponse:
        schedules = self.app.schedules
        keys = [planned.key for planned in chosen]
        if verb.name == "trigger":
            said = f"1 job enqueued for each of {_count_of(len(keys))}"
            if len(keys) == 1:
                said = f"Job {schedules.trigger(keys[0]).id} enqueued"
            else:
                for key in keys:
                    schedules.trigger(key)
        else:
            change = {"pause": schedules.pause, "resume": schedules.resume, "remove": schedules.remove}
            for key in keys:
                change[verb.name](key)
            done = {"pause": "paused", "resume": "resumed", "remove": "removed"}[verb.name]
            said = f"{_count_of(len(keys))} {done}"
        messages.success(request, f"{said}.")
        self.log(request, keys, DELETION if verb.name == "remove" else CHANGE, f"{said}.")
        return HttpResponseRedirect(back)

    # -- pieces --------------------------------------------------------------------------------------------------

    def _row(self, planned: Planned, now: float) -> Row:
        state = "paused" if planned.paused is not None else "problem" if planned.problem else "active"
        coming = planned.next(moment(now))
        return Row(
            planned,
            self.address("change", planned.key),
            state,
            None if planned.last is None else when(planned.last.timestamp(), now),
            None if coming is None else when(coming.timestamp(), now),
        )

    def _gone(self, request: Request, key: str) -> HttpResponse:
        messages.warning(request, f"There is no schedule “{key:.100}” any more.")
        return HttpResponseRedirect(self.address("changelist"))


def _facts(planned: Planned, now: float) -> list[Fact]:
    entry = planned.entry
    bound = f"at most {_count_of(entry.most, 'tick')}" if entry.most else None
    bound = f"not older than {entry.oldest:g} s" if entry.oldest else bound
    found = [
        Fact("Rule", entry.text),
        Fact("Task", entry.task),
        Fact("Comes from", "code" if entry.declared else "app.schedules.put"),
        Fact("Paused", when(planned.paused, now)),
        Fact("Problem", planned.problem or None),
        Fact("Last tick", None if planned.last is None else when(planned.last.timestamp(), now)),
        Fact("Rule seen", when(entry.since or None, now)),
        Fact("Missed ticks", f"{entry.catch_up}{f', {bound}' if bound else ''}"),
        Fact("Overlap", "a function in code" if entry.overlap == "code" else entry.overlap),
    ]
    return [fact for fact in found if fact.value is not None]


def _count_of(number: int, noun: str = "schedule") -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
