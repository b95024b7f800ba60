"""Deliveries and the receipt of one: what was sent, the verdict on each file, and how far each instance is."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from cauce import audit
from cauce.api.pages.access import for_signed_in
from cauce.api.pages.frame import frame
from cauce.api.pages.studies import Chip, Order, query_of
from cauce.api.rest import following
from cauce.api.rest.pagination import NewestFirst
from cauce.api.rest.uploads import counts_of, readable, upload_of
from cauce.core.actors import Actor
from cauce.core.errors import InvalidRequest, NotFound
from cauce.core.statuses import ItemStatus
from cauce.records.models import Upload
from cauce.records.visibility import visible_to

LINES = 100
_OWN, _MODALITIES, _EVERYONE = "", "modalities", "everyone"
_TIMES = ("stored_at", "settled_at", "closed_at", "held_back_at", "deidentified_at", "processed_at", "delivered_at")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A line of the list: a delivery and how many of its files got which verdict."""

    upload: Upload
    counts: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Line:
    """One file: its line in the receipt, and since when it is as far as it is."""

    item: dict[str, Any]
    since: dt.datetime | None

    @property
    def reason(self) -> tuple[str, str]:
        """What keeps it from more, as a code and in words."""
        became = self.item["became"]
        if became and became["cause"]:
            return became["cause"], became["detail"]
        return self.item["code"], self.item["detail"]


@require_safe
@for_signed_in
def deliveries(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List deliveries: one's own, those of modalities, for administrators those of everyone."""
    whose = request.GET.get("of", _OWN)
    tabs = [_OWN, _MODALITIES, *([_EVERYONE] if actor.may_administer else [])]
    if whose not in tabs or not actor.may_see_originals:
        raise Http404
    pages = NewestFirst()
    try:
        found = readable(visible_to(actor), everyones=whose == _EVERYONE, modalities=whose == _MODALITIES)
        page: list[Upload] = pages.paginate_queryset(found, Request(request), Order(("-id",)))
    except InvalidRequest as error:
        raise Http404 from error
    audit.record(actor, "upload.list", count=len(page))
    counts = counts_of([upload.pk for upload in page])
    context = {
        "deliveries": [Delivery(upload, _ordered(counts.get(upload.pk, {}))) for upload in page],
        "whose": whose,
        "tabs": tabs,
        "next": query_of(pages.next_url),
        "previous": query_of(pages.previous_url),
    }
    return render(request, "cauce/deliveries.html", {**frame(actor, section="deliveries"), **context})


@require_safe
@for_signed_in
def delivery(request: HttpRequest, actor: Actor, upload_id: str) -> HttpResponse:
    """Show the receipt of one delivery, a page of files at a time."""
    status = request.GET.get("status", "")
    if status and status not in set(ItemStatus):
        raise Http404
    pages = NewestFirst()
    try:
        upload = upload_of(visible_to(actor), upload_id)
        items = following.items_of(upload)
        if status:
            items = items.filter(status=status)
        page = pages.paginate_queryset(items, Request(request), Order(("id",), LINES))
    except (NotFound, InvalidRequest) as error:
        raise Http404 from error
    lines = following.lines_of(page, project_pk=upload.project_id)
    audit.record(actor, "upload.read", subject=upload_id, count=len(page))
    counts = counts_of([upload.pk]).get(upload.pk, {})
    context = {
        "upload": upload,
        "lines": [Line(line, _since(line)) for line in lines],
        "chips": [
            Chip(name="", count=sum(counts.values()), is_chosen=not status),
            *(Chip(name=name, count=count, is_chosen=name == status) for name, count in _ordered(counts)),
        ],
        "next": query_of(pages.next_url),
        "previous": query_of(pages.previous_url),
    }
    return render(request, "cauce/delivery.html", {**frame(actor, section="deliveries"), **context})


def _ordered(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Return counts in the order in which verdicts are explained."""
    return [(status.value, counts[status.value]) for status in ItemStatus if counts.get(status.value)]


def _since(line: dict[str, Any]) -> dt.datetime | None:
    became = line["became"]
    if became and became["state"] == "superseded" and became["settled_at"]:
        settled_at: dt.datetime = became["settled_at"]
        return settled_at  # its revision may have been delivered later all the same
    return max((became[name] for name in _TIMES if became[name]), default=None) if became else None
