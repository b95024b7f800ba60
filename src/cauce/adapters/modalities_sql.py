"""The register of calling AE titles in the SQL database."""

import ipaddress
from collections.abc import Sequence

from django.db.models import F
from django.utils import timezone

from cauce import audit
from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.actors import Actor
from cauce.core.errors import Forbidden, InvalidRequest, NotFound
from cauce.core.identifiers import PublicId
from cauce.ports.modalities import Modality
from cauce.records.models import CallingAe
from cauce.records.models.modalities import AE_TITLE_LENGTH_MAX

UNALLOWED_MAX = 500
"""Most AE titles kept that are not allowed: whoever makes titles up only pushes out others that did not get in."""


class SqlModalities:
    """One row an AE title and address."""

    def access(self, calling_ae: str, address: str) -> bool:
        """Tell whether this calling AE title may store from this address."""
        with translated():
            return CallingAe.objects.filter(ae_title=calling_ae, address=address, allowed=True).exists()

    def note_attempt(self, calling_ae: str, address: str) -> None:
        """Write down that one that is not allowed has asked."""
        now = timezone.now()
        with transaction_of_ours():
            CallingAe.objects.bulk_create(
                [CallingAe(ae_title=calling_ae, address=address, first_seen=now)], ignore_conflicts=True
            )
            CallingAe.objects.filter(ae_title=calling_ae, address=address).update(
                attempts=F("attempts") + 1, last_seen=now
            )
            CallingAe.objects.filter(ae_title=calling_ae, address=address, first_seen=None).update(first_seen=now)
            newest = CallingAe.objects.filter(allowed=False).order_by(F("last_seen").desc(nulls_last=True), "-pk")
            CallingAe.objects.filter(pk__in=list(newest.values_list("pk", flat=True)[UNALLOWED_MAX:])).delete()

    def allow(self, ae_title: str, address: str, *, actor: Actor) -> Modality:
        """Let an AE title store from an address, seen before or not."""
        _require_administrator(actor)
        with transaction_of_ours():
            row, _ = CallingAe.objects.get_or_create(ae_title=_ae_title(ae_title), address=_address(address))
            return _set(row, actor, allowed=True)

    def forbid(self, ae_title: str, address: str, *, actor: Actor) -> Modality:
        """Take the permission back."""
        _require_administrator(actor)
        with transaction_of_ours():
            row = CallingAe.objects.filter(ae_title=_ae_title(ae_title), address=_address(address)).first()
            if row is None:
                raise NotFound("There is no such modality.")
            return _set(row, actor, allowed=False)

    def list(self, *, actor: Actor) -> Sequence[Modality]:
        """Return all that are known: those that want in first, then by AE title and address."""
        _require_administrator(actor)
        with translated():
            return [_modality(row) for row in CallingAe.objects.order_by("allowed", "ae_title", "address")]


def _set(row: CallingAe, actor: Actor, *, allowed: bool) -> Modality:
    """Change a row, in the transaction that the caller has begun."""
    row.allowed = allowed
    row.save(update_fields=["allowed"])
    action = "modality.allow" if allowed else "modality.forbid"
    audit.record(actor, action, subject=row.public_id, ae_title=row.ae_title, address=row.address)
    return _modality(row)


def _modality(row: CallingAe) -> Modality:
    return Modality(
        public_id=PublicId(row.public_id),
        ae_title=row.ae_title,
        address=row.address,
        is_allowed=row.allowed,
        attempts=row.attempts,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
    )


def _require_administrator(actor: Actor) -> None:
    if not actor.may_administer:
        raise Forbidden("Only an administrator decides which modalities may store.")


def _ae_title(text: str) -> str:
    title = text.strip()
    if not 1 <= len(title) <= AE_TITLE_LENGTH_MAX or not (title.isascii() and title.isprintable()) or "\\" in title:
        raise InvalidRequest("An AE title has 1 to 16 printable characters.", field="ae_title")
    return title


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError as error:
        raise InvalidRequest("The address is a numeric one, such as 192.0.2.7.", field="address") from error
