"""Jobs in the admin."""

# What Django decorates has no types.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from django.contrib import messages
from django.contrib.admin.models import CHANGE, DELETION
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import NoReverseMatch, reverse

from longshore.errors import LongshoreError
from longshore.integrations.django.admin.asked import Asked, asked, cursors
from longshore.integrations.django.admin.base import OverApp, Request, note, over_store
from longshore.integrations.django.admin.facts import (
    arguments,
    facts,
    failed,
    pretty,
    result,
    row,
    said,
    when,
)
from longshore.integrations.django.admin.filters import address, filters
from longshore.integrations.django.admin.page import SIZE, Page, look
from longshore.integrations.django.admin.verbs import VERBS, Verb, count_of, fit, perform, summary
from longshore.model import JobRecord
from longshore.shown import headers, view_of

#: So many jobs are changed at once.
MOST: Final = 1000
_SHOWN: Final = 20


class JobAdmin(OverApp):
    """List, detail and changes by hand of the project's jobs."""

    # -- the list ------------------------------------------------------------------------------------------------

    @over_store("view")
    def changelist_view(self, request: Request, extra_context: Any = None) -> HttpResponse:
        """The newest jobs that are meant; a POST changes some."""
        if request.method == "POST":
            return self._act(request)
        app, given = self.app, request.GET
        wanted, problem = asked(given)
        trail = cursors(given.getlist("after"))
        page = look(app.store, wanted, trail[-1] if trail else None)
        now = app.store.now()
        counted = "counts" in given
        context = {
            "title": "Jobs",
            "note": note(app),
            "wrong": problem,
            "rows": [row(job, now) for job in page.jobs],
            "more": _more(page, now),
            "filters": filters(app, wanted, given, app.store.count() if counted else None),
            "filtered": wanted != Asked(),
            "counted": counted,
            "counts_address": address(given, counts="" if counted else "1"),
            "kept": [(name, given[name]) for name in given if name not in ("after", "q")],
            "kept_besides_times": [
                (name, given[name]) for name in given if name not in ("after", "from", "to", "created")
            ],
            "given": {name: given.get(name, "") for name in ("q", "from", "to")},
            "newest": address(given) if trail else "",
            "newer": _trail(address(given), trail[:-1]) if trail else "",
            "older": _trail(address(given), [*trail, page.after]) if page.after else "",
            "verbs": [verb for verb in VERBS.values() if self.may(request, verb.permission)],
            "most": MOST,
        }
        return self.page(request, "jobs", {**context, **(extra_context or {})})

    # -- one job -------------------------------------------------------------------------------------------------

    def get_object(self, request: Request, object_id: str, from_field: Any = None) -> Any:
        """For the history: the job as a model, without fields; None: there is none."""
        job_id = unquote(object_id)
        return self.model(pk=job_id) if self.app.store.get([job_id]) else None

    @over_store("view")
    def change_view(
        self, request: Request, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Everything there is to know of one job; a POST changes it."""
        app, job_id = self.app, unquote(object_id)
        job = app.store.get([job_id]).get(job_id)
        if job is None:
            return self._gone(request, job_id)
        if request.method == "POST":
            return self._act_on(request, job)
        now = app.store.now()
        passed = headers(job.headers)
        links = self._links(job, passed)
        context = {
            "title": f"Job {job.id}",
            "subtitle": job.task[:100],
            "note": note(app),
            "job": job,
            "view": view_of(job, now),
            "why": job.reason or app.jobs.why_waiting(job).lstrip(" ,:."),
            "facts": facts(job, now, links),
            "arguments": arguments(job.args),
            "result": self._result(job),
            "progress": said(job),
            "failed": failed(job, now),
            "headers": pretty(passed) if passed else "",
            "verbs": [
                verb
                for verb in VERBS.values()
                if fit(verb, job, now) and self.may(request, verb.permission) and verb.name != "delete"
            ],
            "delete_address": self.address("delete", job.id)
            if fit(VERBS["delete"], job, now) and self.may(request, "delete")
            else "",
            "history_address": self.address("history", job.id),
        }
        return self.page(request, "job", {**context, **(extra_context or {})})

    @over_store("delete")
    def delete_view(self, request: Request, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Ask, then delete."""
        job_id = unquote(object_id)
        job = self.app.store.get([job_id]).get(job_id)
        if job is None:
            return self._gone(request, job_id)
        verb = VERBS["delete"]
        if request.method == "POST":
            return self._do(request, verb, [job.id], self.address("changelist"))
        return self._confirm(request, verb, [job], self.address("change", job.id))

    # -- changes -------------------------------------------------------------------------------------------------

    def _act(self, request: Request) -> HttpResponse:
        """Do to many jobs what was chosen in the list: asked for first, done where that is confirmed."""
        back = request.get_full_path()
        verb = self._verb(request)
        if verb is None:
            messages.warning(request, "Choose what to do.")
            return HttpResponseRedirect(back)
        if "confirmed" in request.POST:
            ids = request.POST.get("ids", "").split(",")[:MOST]
            return self._do(request, verb, ids, back)
        if "all" in request.POST:
            page = look(self.app.store, asked(request.GET)[0], None, MOST)
            return self._confirm(request, verb, page.jobs, back, more=page.after is not None)
        ids = request.POST.getlist("_selected_action")[:SIZE]
        found = self.app.store.get(ids)
        if not found:
            messages.warning(request, "No jobs are chosen: tick some, or “all that match”.")
            return HttpResponseRedirect(back)
        return self._confirm(request, verb, [found[one] for one in ids if one in found], back)

    def _act_on(self, request: Request, job: JobRecord) -> HttpResponse:
        """Do to one job what its page offers."""
        verb = self._verb(request)
        back = self.address("change", job.id)
        if verb is None:
            return HttpResponseRedirect(back)
        if verb.name == "cancel" and "confirmed" not in request.POST:
            return self._confirm(request, verb, [job], back)
        return self._do(
            request, verb, [job.id], self.address("changelist") if verb.name == "delete" else back
        )

    def _verb(self, request: Request) -> Verb | None:
        """What is to be done. PermissionDenied: this user must not."""
        verb = VERBS.get(request.POST.get("action", ""))
        if verb is not None and not self.may(request, verb.permission):
            raise PermissionDenied
        return verb

    def _confirm(
        self, request: Request, verb: Verb, jobs: Sequence[JobRecord], back: str, more: bool = False
    ) -> HttpResponse:
        now = self.app.store.now()
        able = [job for job in jobs if fit(verb, job, now)]
        if not able:
            messages.warning(request, f"Nothing to do: {count_of(len(jobs))} {verb.unfit}.")
            return HttpResponseRedirect(back)
        context = {
            "title": f"{verb.label} {count_of(len(able))}?",
            "verb": verb,
            "summary": summary(able),
            "shown": [row(job, now) for job in able[:_SHOWN]],
            "not_shown": max(0, len(able) - _SHOWN),
            "yes": f"Yes, {verb.label.lower()} {count_of(len(able))}",
            "unfit": count_of(len(jobs) - len(able)) if len(jobs) > len(able) else "",
            "more": more,
            "ids": ",".join(job.id for job in able),
            "back": back,
        }
        return self.page(request, "confirm", context)

    def _do(self, request: Request, verb: Verb, ids: Sequence[str], back: str) -> HttpResponse:
        done = perform(self.app, verb, ids)
        total = 0
        for words, changed in done.items():
            total += len(changed)
            if changed:
                messages.success(request, f"{count_of(len(changed))} {words}.")
                flag = DELETION if verb.name == "delete" else CHANGE
                self.log(request, changed, flag, f"{words[0].upper()}{words[1:]}.")
        if total < len(ids):
            left = count_of(len(ids) - total)
            why = "or the unique key is held by another job" if verb.name == "retry" else "or is gone"
            messages.warning(request, f"{left} skipped: {verb.unfit}, changed meanwhile, {why}.")
        return HttpResponseRedirect(back)

    # -- pieces --------------------------------------------------------------------------------------------------

    def _gone(self, request: Request, job_id: str) -> HttpResponse:
        messages.warning(request, f"There is no job {job_id:.40}: it never was, or its time was over.")
        return HttpResponseRedirect(self.address("changelist"))

    def _result(self, job: JobRecord) -> str:
        if job.result is None:
            return "null" if job.state == "succeeded" else ""
        try:
            return result(self.app.jobs.decode_result(job))
        except LongshoreError as error:
            return f"({len(job.result):,} bytes that cannot be read: {error})"

    def _links(self, job: JobRecord, passed: dict[str, Any]) -> dict[str, str]:
        listed = self.address("changelist")
        links = {
            "task": f"{listed}{address(QueryDict(), task=job.task)}",
            "queue": f"{listed}{address(QueryDict(), queue=job.queue)}",
        }
        key = passed.get("schedule")
        if isinstance(key, str):
            links["schedule key"] = key
            with suppress(NoReverseMatch):  # a site without schedules
                links["schedule"] = reverse(
                    "admin:longshore_schedule_change", args=[quote(key)], current_app=self.admin_site.name
                )
        return links


def _trail(query: str, trail: Sequence[str]) -> str:
    """The address of a page, with those where the pages before it began: the last few, to go back by."""
    begins = "&".join(f"after={one}" for one in trail[-20:])
    return f"{query}{'&' if len(query) > 1 and begins else ''}{begins}"


def _more(page: Page, now: float) -> str:
    """How far a search came that was broken off."""
    if page.looked_to is None:
        return ""
    made = when((int(page.looked_to, 16) >> 80) / 1000, now)
    return f"looked through all jobs enqueued since {made.text if made else ''}; there are older ones"
