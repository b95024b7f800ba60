"""The first page, with the drop zone and the studies, and the page of one study."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from cauce import audit
from cauce.api.operations import figures
from cauce.api.pages.access import for_signed_in
from cauce.api.pages.contested import contested_of
from cauce.api.pages.frame import frame
from cauce.api.pages.progress import steps_of
from cauce.api.pages.timeline import timeline_of
from cauce.api.rest import parameters, summaries
from cauce.api.rest.pagination import NewestFirst
from cauce.api.rest.studies import StudyFilter, filtered, keyset_of, study_of, whole
from cauce.core.actors import Actor
from cauce.core.errors import InvalidRequest, NotFound
from cauce.core.statuses import StudyStatus
from cauce.records.models import CallingAe
from cauce.records.visibility import Visible, visible_to

JOBS_MAX = 500
WANTING_MAX = 5
CHIPS = {
    "": [status.value for status in StudyStatus],
    "flow": [StudyStatus.RECEIVING.value, StudyStatus.QUEUED.value, StudyStatus.PROCESSING.value],
    "ready": [StudyStatus.READY.value],
    "attention": [StudyStatus.ATTENTION.value],
}


@dataclass(frozen=True, slots=True)
class Order:
    """What the pagination asks of a view."""

    keyset: tuple[str, ...]
    limit: int = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Chip:
    """One choice of the status filter."""

    name: str
    count: int
    is_chosen: bool


@require_safe
@for_signed_in
def home(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the drop zone and the studies."""
    visible = visible_to(actor)
    try:
        context = _listing(request, actor, visible)
    except InvalidRequest as error:
        raise Http404 from error
    audit.record(actor, "study.list", count=len(context["lines"]))
    context["wanting"] = _wanting(actor)
    context["projects"] = list(visible.projects.order_by("slug").values_list("slug", "name"))
    return render(request, "cauce/home.html", {**frame(actor, section="studies"), **context})


def _listing(request: HttpRequest, actor: Actor, visible: Visible) -> dict[str, Any]:
    chosen = request.GET.get("status", "")
    if chosen not in CHIPS:
        raise InvalidRequest("status is none of the choices", field="status")
    wanted = StudyFilter(
        statuses=CHIPS[chosen] if chosen else [],
        projects=[project for project in request.GET.getlist("project") if project and "\0" not in project],
        modalities=[],
        patient=parameters.text(request.GET, "patient") if actor.may_see_originals else "",
    )
    pages = NewestFirst()
    studies = filtered(visible.studies.select_related("project"), wanted)
    order = Order(keyset_of(shows_identity=actor.may_see_originals))
    page = pages.paginate_queryset(studies, Request(request), order)
    counts = figures.figures.get().studies
    return {
        "lines": summaries.study_lines(page, visible),
        "next": query_of(pages.next_url),
        "previous": query_of(pages.previous_url),
        "wanted": wanted,
        "chosen": chosen,
        "chips": [
            Chip(name=name, count=sum(counts[status] for status in statuses), is_chosen=name == chosen)
            for name, statuses in CHIPS.items()
        ],
        "instances": figures.totals.get().instances,
        "is_filtered": bool(wanted.statuses or wanted.projects or wanted.patient or request.GET.get("cursor")),
    }


def _wanting(actor: Actor) -> list[CallingAe]:
    """Return the modalities that asked in vain, for who may let them in."""
    if not actor.may_administer:
        return []
    return list(CallingAe.objects.filter(allowed=False, attempts__gt=0).order_by("-last_seen")[:WANTING_MAX])


def query_of(url: str | None) -> str:
    """Return the query of a page's link."""
    return "?" + url.partition("?")[2] if url else ""


@require_safe
@for_signed_in
def study(request: HttpRequest, actor: Actor, study_id: str) -> HttpResponse:
    """Show one study: facts, series, causes, revisions, what was done."""
    visible = visible_to(actor)
    try:
        found = whole(study_of(visible, study_id), visible)
    except NotFound as error:
        raise Http404 from error
    audit.record(actor, "study.read", subject=study_id)
    shows_conflicts = actor.may_see_originals and found.conflicts > 0
    if shows_conflicts:
        audit.record(actor, "conflict.list", study=study_id)
    jobs = visible.jobs.filter(study=found.study).select_related("revision").order_by("-id")[:JOBS_MAX]
    context = {
        "found": found,
        "study": found.study,
        "steps": steps_of(found.study.status, found.study.causes, found.jobs),
        "timeline": timeline_of(jobs),
        "contested": contested_of(found.study, visible, total=found.conflicts) if shows_conflicts else None,
        "is_torn": request.GET.get("undecided") == "torn",
        "shows_identity": actor.may_see_originals,
    }
    return render(request, "cauce/study.html", {**frame(actor, section="studies"), **context})
