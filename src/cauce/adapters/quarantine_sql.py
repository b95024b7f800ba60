"""The quarantine in the SQL database: decisions of people, and what the worker makes of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from cauce import audit
from cauce.adapters.closing_sql import close_now
from cauce.adapters.reasons import stated
from cauce.adapters.sql_errors import transaction_of_ours
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, Forbidden, InvalidRequest, NotFound
from cauce.core.messages import Ruling
from cauce.core.statuses import AttentionCause, HeldStatus
from cauce.ports.quarantine import Box
from cauce.records.models import DeidentifiedInstance, HeldInstance, Study

BOXES_MAX: Final = 200
ELEMENTS_MAX: Final = 200
_SIDE_MAX: Final = 65535
_RULED: Final = (HeldStatus.RELEASED.value, HeldStatus.REDACTED.value, HeldStatus.REJECTED.value)
_KEPT: Final = frozenset({0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Without these it would be no instance any more."""
_META_GROUPS: Final = frozenset({0x0000, 0x0002, 0xFFFE})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Decision:
    status: HeldStatus
    verb: str
    reason: str
    boxes: tuple[Box, ...] = ()
    elements: tuple[int, ...] = ()

    def is_that_of(self, row: HeldInstance) -> bool:
        """Tell whether this has been decided already."""
        return row.status == self.status.value and self.stored == (row.boxes, row.elements)

    @property
    def stored(self) -> tuple[list[list[int]], list[str]]:
        return [list(box) for box in self.boxes], [f"{tag:08X}" for tag in self.elements]


class SqlQuarantine:
    """Fulfils `cauce.ports.quarantine.Quarantine`."""

    def release(self, held_id: str, *, reason: str, actor: Actor) -> None:
        """Let its output be made although this cause speaks against it."""
        _decide(held_id, _Decision(status=HeldStatus.RELEASED, verb="release", reason=reason), actor)

    def redact(
        self, held_id: str, *, reason: str, actor: Actor, boxes: Sequence[Box] = (), elements: Sequence[int] = ()
    ) -> None:
        """Let its output be made with parts of it blanked or removed."""
        decision = _Decision(
            status=HeldStatus.REDACTED,
            verb="redact",
            reason=reason,
            boxes=_boxes(boxes),
            elements=_elements(elements),
        )
        if not boxes and not elements:
            raise InvalidRequest("Nothing is named to be blanked or removed.", field="boxes")
        _decide(held_id, decision, actor)

    def reject(self, held_id: str, *, reason: str, actor: Actor) -> None:
        """Keep it out for good."""
        _decide(held_id, _Decision(status=HeldStatus.REJECTED, verb="reject", reason=reason), actor)


def _boxes(given: Sequence[Box]) -> tuple[Box, ...]:
    if len(given) > BOXES_MAX:
        raise InvalidRequest(f"At most {BOXES_MAX} boxes are taken.", field="boxes")
    for x, y, width, height in given:
        inside = min(x, y) >= 0 and min(width, height) > 0 and max(x + width, y + height) <= _SIDE_MAX
        if not inside:
            raise InvalidRequest("A box is x, y, width, height in pixels, and not empty.", field="boxes")
    return tuple(given)


def _elements(given: Sequence[int]) -> tuple[int, ...]:
    if len(given) > ELEMENTS_MAX:
        raise InvalidRequest(f"At most {ELEMENTS_MAX} elements are taken.", field="elements")
    for tag in given:
        if tag in _KEPT or tag >> 16 in _META_GROUPS:
            raise InvalidRequest(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) cannot be removed.", field="elements")
    return tuple(sorted(set(given)))


def _decide(held_id: str, decision: _Decision, actor: Actor) -> None:
    if not actor.may_review:
        raise Forbidden("This account may not decide about images.")
    stated(decision.reason)
    with transaction_of_ours():
        row = HeldInstance.objects.filter(public_id=held_id).first()
        if row is None:
            raise NotFound("There is no such held instance.")
        study = Study.objects.select_for_update().get(pk=row.study_id)
        row.refresh_from_db()
        if decision.is_that_of(row):
            return
        _require_open(row, decision)
        _require_inside(row, decision.boxes)
        row.reason = stated(decision.reason, names=[study.patient_name], ids=[study.patient_id])
        row.status, (row.boxes, row.elements) = decision.status.value, decision.stored
        row.decided_by, row.decided_at = actor.name, timezone.now()
        row.save(update_fields=["status", "boxes", "elements", "reason", "decided_by", "decided_at"])
        close_now(study)
        audit.record(
            actor,
            f"quarantine.{decision.verb}",
            subject=held_id,
            study=study.public_id,
            cause=row.cause,
            reason=row.reason,
            boxes=row.boxes,
            elements=row.elements,
        )


def _require_open(row: HeldInstance, decision: _Decision) -> None:
    if row.status != HeldStatus.HELD.value:
        raise Conflicting(f"It is {row.status} already.")
    if decision.status is HeldStatus.REJECTED:
        return
    if row.cause == AttentionCause.DEIDENTIFICATION_FAILED.value:
        raise Conflicting("Nothing can be made of it, so that it can only be rejected.")
    is_about_pixels = row.cause == AttentionCause.PIXELS_UNPROVEN.value
    if decision.status is HeldStatus.REDACTED and is_about_pixels and not decision.boxes:
        raise InvalidRequest("It is held because of its pixels: say which boxes are to be blanked.", field="boxes")


def _require_inside(row: HeldInstance, boxes: Sequence[Box]) -> None:
    """Return if each box covers some of the image, as far as its size is known."""
    columns, rows = row.version.columns, row.version.rows
    if any((columns and x >= columns) or (rows and y >= rows) for x, y, _, _ in boxes):
        raise InvalidRequest(f"A box lies outside of the image, which is {columns} by {rows} pixels.", field="boxes")


def rulings(version_pks: Sequence[int], *, profile: str) -> Mapping[int, Ruling]:
    """Return what people have decided about versions, by their key.

    What is said of pixels holds whatever the profile, as does what is rejected or removed; that identity in the header
    is none was said of one profile's output, and holds for that alone.
    """
    found: dict[int, list[HeldInstance]] = defaultdict(list)
    for row in HeldInstance.objects.filter(version__in=version_pks, status__in=_RULED).order_by("pk"):
        found[row.version_id].append(row)
    return {pk: _ruling(rows, profile) for pk, rows in found.items()}


def _ruling(rows: Sequence[HeldInstance], profile: str) -> Ruling:
    rejected = next((row for row in rows if row.status == HeldStatus.REJECTED.value), None)
    about_pixels = AttentionCause.PIXELS_UNPROVEN.value
    return Ruling(
        overridden=frozenset(
            (row.cause, row.detail)
            for row in rows
            if (row.cause == about_pixels and (row.boxes or row.status == HeldStatus.RELEASED.value))
            or (row.profile == profile and row.status == HeldStatus.RELEASED.value)
        ),
        boxes=tuple(dict.fromkeys((x, y, width, height) for row in rows for x, y, width, height in row.boxes)),
        elements=tuple(sorted({int(tag, 16) for row in rows for tag in row.elements})),
        is_rejected=rejected is not None,
        cause=rejected.cause if rejected else "",
        detail=rejected.detail if rejected else "",
    )


def hold(version_pks: Sequence[int], *, profile: str) -> None:
    """Put what was held back of these versions into quarantine, in the current transaction; once each.

    What was rejected before, under another profile, stays so without being asked again.
    """
    outcomes = DeidentifiedInstance.objects.filter(version__in=version_pks, profile=profile, held__isnull=True)
    waiting = list(outcomes.exclude(cause="").select_related("version__instance__series").order_by("version_id"))
    if not waiting:
        return
    versions = [one.version_id for one in waiting]
    rejected = HeldInstance.objects.filter(version__in=versions, status=HeldStatus.REJECTED.value).order_by("pk")
    earlier = {row.version_id: row for row in rejected}
    HeldInstance.objects.bulk_create(
        [_held_row(one, earlier.get(one.version_id)) for one in waiting], ignore_conflicts=True
    )


def _held_row(outcome: DeidentifiedInstance, rejected: HeldInstance | None) -> HeldInstance:
    row = HeldInstance(
        study_id=outcome.version.instance.series.study_id,
        version_id=outcome.version_id,
        deidentified=outcome,
        profile=outcome.profile,
        cause=outcome.cause,
        detail=outcome.detail,
        created_at=timezone.now(),
    )
    if rejected:
        row.status, row.is_applied, row.reason = rejected.status, True, rejected.reason
        row.decided_by, row.decided_at = rejected.decided_by, rejected.decided_at
    return row
