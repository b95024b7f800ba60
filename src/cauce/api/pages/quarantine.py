"""The pages of what was held back: the list, one image with what is to be decided, and the decision."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from rest_framework.request import Request

from cauce import audit, bootstrap
from cauce.api.pages.access import for_signed_in
from cauce.api.pages.decisions import refuse
from cauce.api.pages.frame import frame
from cauce.api.pages.studies import Chip, Order, query_of
from cauce.api.rest import parameters
from cauce.api.rest.pagination import NewestFirst
from cauce.api.rest.quarantine import HeldSerializer, held_of, listed, tag_of
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, Forbidden, InvalidRequest, NotFound
from cauce.core.statuses import HeldStatus
from cauce.ports.quarantine import Box
from cauce.records.models import HeldInstance
from cauce.records.visibility import Visible, visible_to

_TABS: Final = [
    status.value for status in (HeldStatus.HELD, HeldStatus.RELEASED, HeldStatus.REDACTED, HeldStatus.REJECTED)
]
_BOX_NUMBERS: Final = 4
_WRONG: Final[dict[str, str | Promise]] = {
    "reason": _("A reason is wanted, of 5 to 500 characters, that does not name the patient."),
    "boxes": _("Say which boxes are to be blanked: x, y, width and height in pixels, a line each."),
    "elements": _("An element is a keyword of the standard, or a tag such as 00104000; some cannot be removed."),
    "": _("That cannot be decided so, or somebody has decided it already."),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entered:
    """What somebody has typed, to be shown again where it was wrong."""

    reason: str = ""
    boxes: str = ""
    elements: str = ""


@require_safe
@for_signed_in
def quarantine(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List what was held back, for those who may see originals."""
    status = request.GET.get("status", HeldStatus.HELD.value)
    if status not in _TABS or not actor.may_see_originals:
        raise Http404
    pages = NewestFirst()
    try:
        found = listed(visible_to(actor)).filter(status=status)
        if study := parameters.public_id(request.GET, "study"):
            found = found.filter(study__public_id=study)
        page: list[HeldInstance] = pages.paginate_queryset(found, Request(request), Order(("-id",)))
    except InvalidRequest as error:
        raise Http404 from error
    audit.record(actor, "quarantine.list", count=len(page))
    waiting = visible_to(actor).held.filter(status=HeldStatus.HELD.value).count()
    context = {
        "rows": page,
        "status": status,
        "of_study": study,
        "chips": [Chip(name=tab, count=waiting, is_chosen=tab == status) for tab in _TABS],
        "next": query_of(pages.next_url),
        "previous": query_of(pages.previous_url),
    }
    return render(request, "cauce/quarantine.html", {**frame(actor, section="quarantine"), **context})


@require_safe
@for_signed_in
def held(request: HttpRequest, actor: Actor, held_id: str) -> HttpResponse:
    """Show one held image and what can be decided about it."""
    row = _row(visible_to(actor), held_id)
    audit.record(actor, "quarantine.read", subject=held_id)
    return _page(request, actor, row, entered=Entered())


@require_POST
@for_signed_in
def decide(request: HttpRequest, actor: Actor, held_id: str) -> HttpResponse:
    """Release, redact or reject it; what is wrong is said on its page."""
    row = _row(visible_to(actor), held_id)
    if not actor.may_review:
        refuse(request, actor, route="decide-page")
    entered = Entered(**{name: request.POST.get(name, "") for name in ("reason", "boxes", "elements")})
    services = bootstrap.services().quarantine
    try:
        match request.POST.get("decision"):
            case "release":
                services.release(held_id, reason=entered.reason, actor=actor)
            case "reject":
                services.reject(held_id, reason=entered.reason, actor=actor)
            case "redact":
                boxes, elements = _boxes(entered.boxes), [tag_of(one) for one in entered.elements.split()]
                services.redact(held_id, reason=entered.reason, boxes=boxes, elements=elements, actor=actor)
            case _:
                raise Http404
    except InvalidRequest as error:
        return _page(request, actor, row, entered=entered, wrong=error.field or "", status=HTTPStatus.BAD_REQUEST)
    except Conflicting:
        row.refresh_from_db()
        return _page(request, actor, row, entered=entered, wrong="", status=HTTPStatus.CONFLICT)
    return HttpResponseRedirect(reverse("held-page", args=[held_id]))


def _row(visible: Visible, held_id: str) -> HeldInstance:
    try:
        return held_of(visible, held_id)
    except (NotFound, Forbidden) as error:
        raise Http404 from error


def _boxes(text: str) -> list[Box]:
    """Return the boxes that were typed, a line each.

    Raises:
        InvalidRequest: a line is none.
    """
    found = []
    for line in text.splitlines():
        numbers = line.replace(",", " ").split()
        if len(numbers) == _BOX_NUMBERS and all(number.isascii() and number.isdigit() for number in numbers):
            x, y, width, height = map(int, numbers)
            found.append((x, y, width, height))
        elif numbers:
            raise InvalidRequest("A box is four numbers.", field="boxes")
    return found


def _page(
    request: HttpRequest,
    actor: Actor,
    row: HeldInstance,
    *,
    entered: Entered,
    wrong: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    frames = max(row.version.number_of_frames, 1)
    context: dict[str, Any] = {
        "held": row,
        "shown": HeldSerializer(row, context={"request": None}).data,
        "frame": _frame(request, frames),
        "frames": frames,
        "has_picture": bool(row.version.rows and row.version.columns),
        "entered": entered,
        "wrong": None if wrong is None else _WRONG.get(wrong, _WRONG[""]),
        "wrong_field": wrong,
        "can_be_made": row.cause != "deidentification_failed",
        "is_open": row.status == HeldStatus.HELD.value and actor.may_review,
    }
    return render(request, "cauce/held.html", {**frame(actor, section="quarantine"), **context}, status=status)


def _frame(request: HttpRequest, frames: int) -> int:
    """Return which frame is shown: the one that is asked for, or the middle one."""
    try:
        wanted = parameters.integer(request.GET, "frame")
    except InvalidRequest as error:
        raise Http404 from error
    if wanted is None:
        return frames // 2
    return min(max(wanted, 0), frames - 1)
