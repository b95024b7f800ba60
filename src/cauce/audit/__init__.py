"""The audit trail: who did what to which record, written in the transaction of the deed."""

from typing import Any

from cauce.core.actors import Actor


def record(actor: Actor, action: str, *, subject: str = "", outcome: str = "success", **detail: Any) -> None:
    """Write one audit row in the current transaction.

    `action` is `<noun>.<verb>` (`study.read`, `login.refused`); `subject` is a `public_id`; `detail` holds ids and
    counts of ours, never a patient's identity.
    """
    from cauce.audit.models import AuditEvent  # models load only once Django is set up

    AuditEvent.objects.create(**row(actor, action, subject=subject, outcome=outcome, **detail))


def row(actor: Actor, action: str, *, subject: str = "", outcome: str = "success", **detail: Any) -> dict[str, Any]:
    """Return what `record` writes, for who writes many rows at once."""
    return {
        "actor_kind": actor.kind,
        "actor_name": actor.name,
        "actor_role": actor.role.value,
        "address": actor.address,
        "action": action,
        "subject": subject,
        "outcome": outcome,
        "detail": detail,
    }
