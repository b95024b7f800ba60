"""The page of the work: what waits, what runs, what gave up and why; administrators replay."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from rest_framework.request import Request

from cauce import bootstrap
from cauce.api.operations import figures
from cauce.api.pages import errors
from cauce.api.pages.access import for_signed_in
from cauce.api.pages.studies import query_of
from cauce.api.rest.jobs import listed
from cauce.api.rest.pagination import NewestFirst
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, InvalidRequest, NotFound
from cauce.core.statuses import JobStatus
from cauce.records.visibility import visible_to

_TABS = [status.value for status in (JobStatus.DEAD, JobStatus.RUNNING, JobStatus.RETRYING, JobStatus.QUEUED)]
_TABS += [JobStatus.SUCCEEDED.value, JobStatus.CANCELLED.value]


@dataclass(frozen=True, slots=True)
class _Newest:
    """What the pagination asks of a view."""

    keyset: tuple[str, ...] = ("-id",)


@require_safe
@for_signed_in
def jobs(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show jobs by status, those that gave up first."""
    status = request.GET.get("status", JobStatus.DEAD.value)
    if status not in _TABS:
        raise Http404
    pages = NewestFirst()
    try:
        page = pages.paginate_queryset(listed(visible_to(actor)).filter(status=status), Request(request), _Newest())
    except InvalidRequest as error:
        raise Http404 from error
    now = figures.figures.get()
    counts = now.jobs_by_status
    context = {
        "actor": actor,
        "jobs": page,
        "status": status,
        "tabs": [(tab, counts[tab]) for tab in _TABS],
        "workers": now.workers,
        "next": query_of(pages.next_url),
        "previous": query_of(pages.previous_url),
    }
    return render(request, "cauce/jobs_table.html" if "rows" in request.GET else "cauce/jobs.html", context)


@require_POST
@for_signed_in
def replay(request: HttpRequest, actor: Actor, job_id: str) -> HttpResponse:
    """Queue a dead or cancelled job again (administrators)."""
    if not actor.may_administer:
        return errors.forbidden(request, PermissionError())
    if not visible_to(actor).jobs.filter(public_id=job_id).exists():
        raise Http404
    try:
        bootstrap.services().ledger.replay(job_id, actor=actor)
    except NotFound as error:
        raise Http404 from error
    except Conflicting:
        pass  # somebody was faster: the list shows how it stands now
    figures.figures.forget()
    return HttpResponseRedirect(reverse("jobs-page"))
