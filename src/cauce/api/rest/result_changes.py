"""Results created, changed and deleted by clients: each in one transaction with its row of the audit trail."""

import datetime as dt
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from cauce import audit
from cauce.audit.models import AuditEvent
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, Forbidden, NotFound
from cauce.core.normalisation import Averages
from cauce.records.models import ProcessingResult

AT_ONCE = dt.timedelta(seconds=10)
"""So long after a rename, a change of the old id is told of it, whoever renamed it."""
_log = structlog.get_logger("cauce.results")


class ReadOnlyResult(Forbidden):
    """The platform's own results follow their series and nothing else."""

    code = "read_only_result"


class IdTaken(Conflicting):
    """There is a result of this id already; `field` names where the id was given."""

    def __init__(self, *, field: str = "id") -> None:
        super().__init__("There is a result of this id already.")
        self.field = field


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A result that is to be created; `field` is how the request names it."""

    id: str
    device_name: str
    raw_data: Any
    averages: Averages
    field: str = "id"


def create(actor: Actor, drafts: Sequence[Draft]) -> list[ProcessingResult]:
    """Create results, all or none.

    Raises:
        IdTaken: there is one of an id already; the first of them is named.
    """
    now = timezone.now()
    rows = [
        ProcessingResult(
            id=draft.id,
            device_name=draft.device_name,
            mean_before_normalization=draft.averages.mean,
            mean_after_normalization=draft.averages.mean_normalised,
            data_size=draft.averages.size,
            raw_data=draft.raw_data,
            created_at=now,
            updated_at=now,
        )
        for draft in drafts
    ]
    try:
        with transaction.atomic():
            ProcessingResult.objects.bulk_create(rows)
            for row in rows:
                audit.record(actor, "result.create", subject=row.public_id, data_size=row.data_size)
    except IntegrityError as error:
        raise IdTaken(field=_first_taken(drafts)) from error
    _log.info("results.created", count=len(rows), data_size=sum(row.data_size for row in rows))
    return rows


def _first_taken(drafts: Sequence[Draft]) -> str:
    taken = set(ProcessingResult.objects.filter(pk__in=[draft.id for draft in drafts]).values_list("pk", flat=True))
    return next((draft.field for draft in drafts if draft.id in taken), drafts[0].field)


def change(
    actor: Actor, result: ProcessingResult, *, result_id: str | None = None, device_name: str | None = None
) -> ProcessingResult:
    """Change a result as it was read before; a new id moves the row.

    Raises:
        IdTaken: there is a result of the new id already.
        Conflicting: it was renamed or deleted since it was read.
    """
    values: dict[str, Any] = {}
    if result_id is not None and result_id != result.pk:
        values["id"] = result_id
    if device_name is not None and device_name != result.device_name:
        values["device_name"] = device_name
    noted: dict[str, Any] = {"changed": sorted(values)}
    if "id" in values:
        noted["was"] = _mark(result.pk)
    try:
        with transaction.atomic():
            held = ProcessingResult.objects.filter(pk=result.pk, public_id=result.public_id, series__isnull=True)
            if not held.update(**values, updated_at=timezone.now()):
                raise Conflicting("Somebody else has renamed or deleted this result meanwhile.")
            audit.record(actor, "result.change", subject=result.public_id, **noted)
    except IntegrityError as error:
        raise IdTaken from error
    _log.info("result.changed", record=result.public_id, changed=noted["changed"])
    return ProcessingResult.objects.get(public_id=result.public_id)


def refuse_if_renamed(result_id: str) -> None:
    """Return if nobody has just renamed a result of this id.

    Of two clients who rename one result at once, the second may come after the first is done. To it the result is not
    missing, and its client is told so; so is the one that renamed it, if it comes again with the old id.

    Raises:
        Conflicting: somebody has, within `AT_ONCE`.
    """
    recent = AuditEvent.objects.filter(at__gt=timezone.now() - AT_ONCE, action="result.change")
    if recent.filter(detail__was=_mark(result_id)).exists():
        raise Conflicting("This result was renamed a moment ago; its id is now another.")


def _mark(result_id: str) -> str:
    """Return what stands for an id in the audit trail: ids are the sender's and may carry identity."""
    text = result_id.encode("utf-8", "surrogatepass")
    return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()[:32]


def remove(actor: Actor, result: ProcessingResult) -> None:
    """Delete a result.

    Raises:
        ReadOnlyResult: it is the platform's.
        NotFound: somebody else has deleted or renamed it meanwhile.
    """
    refuse_platforms(result)
    with transaction.atomic():
        deleted, _ = ProcessingResult.objects.filter(
            pk=result.pk, public_id=result.public_id, series__isnull=True
        ).delete()
        if not deleted:
            raise NotFound("There is no such result.")
        audit.record(actor, "result.delete", subject=result.public_id)
    _log.info("result.deleted", record=result.public_id)


def refuse_platforms(result: ProcessingResult) -> None:
    """Return if a client may change this result.

    Raises:
        ReadOnlyResult: it is the platform's.
    """
    if result.is_platforms:
        raise ReadOnlyResult("The platform's own results are read-only.")
