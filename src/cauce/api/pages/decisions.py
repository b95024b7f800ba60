"""What a person decides on the pages: which modality may store, which version of an image counts."""

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from cauce import audit, bootstrap
from cauce.api.pages.access import for_signed_in
from cauce.api.rest import conflicts
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, Forbidden, NotFound
from cauce.records.models import CallingAe, Version
from cauce.records.visibility import visible_to


@require_POST
@for_signed_in
def allow(request: HttpRequest, actor: Actor, calling_ae_id: str) -> HttpResponse:
    """Let a modality store (administrators)."""
    if not actor.may_administer:
        refuse(request, actor, route="allow-page")
    row = get_object_or_404(CallingAe, public_id=calling_ae_id)
    bootstrap.services().modalities.allow(row.ae_title, row.address, actor=actor)
    return HttpResponseRedirect(reverse("home"))


@require_POST
@for_signed_in
def settle(request: HttpRequest, actor: Actor, version_id: str) -> HttpResponse:
    """Settle a conflict: `accept` makes the contested version the current one, `reject` keeps the current one.

    `accept-study` and `reject-study` do so with those of its study that name the same patient.
    """
    visible = visible_to(actor)
    version = get_object_or_404(
        Version.objects.select_related("instance__series__study"),
        object_id=version_id,
        instance__series__in=visible.series,
    )
    page = reverse("study-page", args=[version.instance.series.study.public_id])
    verb, _, whole = request.POST.get("decision", "reject").partition("-")
    if verb not in {"accept", "reject"} or whole not in {"", "study"}:
        raise BadRequest
    try:
        (conflicts.settle_study if whole else conflicts.settle)(visible, version_id, accepted=verb == "accept")
    except Conflicting:  # somebody was faster, and the page shows how it stands now; or it would tear a study apart
        version.refresh_from_db(fields=["state"])
        is_open = version.state == Version.State.CONFLICT
        return HttpResponseRedirect(f"{page}?undecided=torn" if is_open else page)
    except Forbidden:
        refuse(request, actor, route="settle-page")
    except NotFound as error:
        raise Http404 from error
    return HttpResponseRedirect(page)


def refuse(request: HttpRequest, actor: Actor, *, route: str) -> None:
    """Leave a trace of an account that tried what it may not do, and refuse it.

    Raises:
        PermissionDenied: always.
    """
    audit.record(actor, "access.refused", outcome="refused", route=route, method=request.method)
    raise PermissionDenied
