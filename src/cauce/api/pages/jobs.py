"""The page of the work: what waits, what runs, what gave up and why; administrators replay."""

from contextlib import suppress

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from rest_framework.request import Request

from cauce import bootstrap
from cauce.api.operations import figures
from cauce.api.pages.access import for_signed_in
from cauce.api.pages.decisions import refuse
from cauce.api.pages.frame import frame
from cauce.api.pages.studies import Chip, Order, query_of
from cauce.api.pages.timeline import last_logs
from cauce.api.rest.jobs import listed
from cauce.api.rest.pagination import NewestFirst
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, InvalidRequest, NotFound
from cauce.core.statuses import JobStatus
from cauce.records.visibility import visible_to

_TABS = [
    status.value
    for status in (
        JobStatus.DEAD,
        JobStatus.RUNNING,
        JobStatus.RETRYING,
        JobStatus.QUEUED,
        JobStatus.SUCCEEDED,
        JobStatus.CANCELLED,
    )
]


@require_safe
@for_signed_in
def jobs(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show jobs by status, those that gave up first."""
    status = request.GET.get("status", JobStatus.DEAD.value)
    if status not in _TABS:
        raise Http404
    pages = NewestFirst()
    try:
        found = listed(visible_to(actor)).filter(status=status)
        page = pages.paginate_queryset(found, Request(request), Order(("-id",)))
    except InvalidRequest as error:
        raise Http404 from error
    logs = last_logs(page)
    counts = figures.figures.get().jobs_by_status
    context = {
        "jobs": [(job, logs.get(job.pk, "")) for job in page],
        "status": status,
        "chips": [Chip(name=tab, count=counts[tab], is_chosen=tab == status) for tab in _TABS],
        "next": query_of(pages.next_url),
        "previous": query_of(pages.previous_url),
    }
    return render(request, "cauce/jobs.html", {**frame(actor, section="jobs"), **context})


@require_POST
@for_signed_in
def replay(request: HttpRequest, actor: Actor, job_id: str) -> HttpResponse:
    """Queue a dead or cancelled job again (administrators)."""
    if not actor.may_administer:
        refuse(request, actor, route="job-replay-page")
    if not visible_to(actor).jobs.filter(public_id=job_id).exists():
        raise Http404
    with suppress(Conflicting, NotFound):  # somebody was faster: the list shows how it stands now
        bootstrap.services().ledger.replay(job_id, actor=actor)
    figures.figures.forget()
    return HttpResponseRedirect(reverse("jobs-page"))
