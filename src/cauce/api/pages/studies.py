"""The first page, with the drop zone and the studies, and the page of one study."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from cauce import audit
from cauce.api.pages.access import for_signed_in
from cauce.api.pages.timeline import timeline_of
from cauce.api.rest import parameters, summaries
from cauce.api.rest.pagination import NewestFirst
from cauce.api.rest.studies import StudyFilter, filtered, keyset_of, study_of, whole
from cauce.core.actors import Actor
from cauce.core.errors import InvalidRequest, NotFound
from cauce.core.statuses import StudyStatus
from cauce.records.visibility import Visible, visible_to

JOBS_MAX = 200
_STATUSES = [status.value for status in StudyStatus]


@dataclass(frozen=True, slots=True)
class _Order:
    """What the pagination asks of a view."""

    keyset: tuple[str, ...]
    limit: int = 50


@require_safe
@for_signed_in
def home(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the drop zone and the studies; with `rows` the table alone, for the script that keeps it live."""
    visible = visible_to(actor)
    try:
        context = _listing(request, actor, visible)
    except InvalidRequest as error:
        raise Http404 from error
    audit.record(actor, "study.list", count=len(context["lines"]))
    context["projects"] = list(visible.projects.order_by("slug").values_list("slug", "name"))
    return render(request, "cauce/studies_table.html" if "rows" in request.GET else "cauce/home.html", context)


def _listing(request: HttpRequest, actor: Actor, visible: Visible) -> dict[str, Any]:
    wanted = StudyFilter(
        statuses=[status for status in request.GET.getlist("status") if status in _STATUSES],
        projects=[project for project in request.GET.getlist("project") if project],
        modalities=[],
        patient=parameters.text(request.GET, "patient") if actor.may_see_originals else "",
    )
    pages = NewestFirst()
    studies = filtered(visible.studies.select_related("project"), wanted)
    order = _Order(keyset_of(shows_identity=actor.may_see_originals))
    page = pages.paginate_queryset(studies, Request(request), order)
    return {
        "actor": actor,
        "lines": summaries.study_lines(page, visible),
        "next": query_of(pages.next_url),
        "previous": query_of(pages.previous_url),
        "wanted": wanted,
        "statuses": _STATUSES,
        "is_filtered": bool(wanted.statuses or wanted.projects or wanted.patient),
    }


def query_of(url: str | None) -> str:
    """Return the query of a page's link, without what only the script asks for."""
    if not url:
        return ""
    query = url.partition("?")[2]
    return "?" + "&".join(part for part in query.split("&") if part.partition("=")[0] != "rows")


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
    jobs = visible.jobs.filter(study=found.study).select_related("series").order_by("-id")[:JOBS_MAX]
    context = {
        "actor": actor,
        "found": found,
        "study": found.study,
        "timeline": timeline_of(list(jobs)),
        "shows_identity": actor.may_see_originals,
    }
    return render(request, "cauce/study_body.html" if "rows" in request.GET else "cauce/study.html", context)
