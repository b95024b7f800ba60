"""Ending a revision in the SQL database: its causes, its status, and the report of what was done to each instance."""

import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from cauce.adapters.ledger_sql import CANCELLED
from cauce.adapters.progress_sql import batches_of
from cauce.adapters.sql_errors import transaction_of_ours
from cauce.core.identifiers import PublicId
from cauce.core.statuses import AttentionCause, HeldStatus, JobStatus, StudyStatus
from cauce.records.models import (
    BatchItem,
    DeidentificationReport,
    DeidentifiedInstance,
    HeldInstance,
    InstanceResult,
    Job,
    Revision,
    Study,
    Version,
)

REPORT_FORMAT: Final = "cauce-deidentification-report-1"
_REJECTED: Final = HeldStatus.REJECTED.value
_RULED: Final = (HeldStatus.RELEASED.value, HeldStatus.REDACTED.value)


def deliver(revision_pk: int, *, profile: str, pipeline: str, about: Mapping[str, Any]) -> PublicId:
    """End a revision and keep its report; only the newest revision speaks for the study. Return the study's id."""
    with transaction_of_ours():
        study = Study.objects.select_for_update().get(revisions=revision_pk)  # before the revision, as a closing does
        locked = Revision.objects.select_for_update(of=("self",)).select_related("study__project", "profile")
        revision = locked.get(pk=revision_pk)
        report = _report(revision, profile=profile, about=about)
        causes = _causes(revision, profile=profile, pipeline=pipeline, unaccounted=report["instances"]["unaccounted"])
        revision.status = Revision.Status.ATTENTION if causes else Revision.Status.READY
        revision.causes, revision.finished_at = causes, timezone.now()
        revision.save(update_fields=["status", "causes", "finished_at"])
        _keep(revision, report)
        is_newest = not study.revisions.filter(number__gt=revision.number).exists()
        if is_newest:
            study.causes = causes
            if study.status != StudyStatus.RECEIVING.value:
                study.status = revision.status
            study.save(update_fields=["causes", "status", "updated_at"])
        return PublicId(study.public_id)


def _causes(revision: Revision, *, profile: str, pipeline: str, unaccounted: int) -> list[dict[str, Any]]:
    """Return why a person should look: `{"cause", "detail", "count"}`, most frequent first."""
    batches = batches_of(revision)
    counted: Counter[tuple[str, str]] = Counter()
    outputs = DeidentifiedInstance.objects.filter(profile=profile, version__batch_items__batch__in=batches)
    held = outputs.exclude(cause="").exclude(held__status=_REJECTED)
    counted.update(held.values_list("cause", "detail"))
    undecodable = InstanceResult.objects.filter(deidentified__in=outputs, pipeline=pipeline, outcome="undecodable")
    for measurements in undecodable.values_list("measurements", flat=True):
        counted[AttentionCause.UNDECODABLE_PIXELS.value, str(measurements.get("detail", ""))] += 1
    damaged = Version.objects.filter(instance__series__study_id=revision.study_id).exclude(damage="")
    counted.update((AttentionCause.OBJECT_DAMAGED.value, detail) for detail in damaged.values_list("damage", flat=True))
    failed = Q(status=JobStatus.DEAD.value) | Q(status=JobStatus.CANCELLED.value, code=CANCELLED)
    here = Q(batch__in=batches) | Q(revision=revision)
    dead = Job.objects.filter(failed, here, study_id=revision.study_id)
    counted.update(
        (AttentionCause.JOB_DEAD.value, f"{step}: {cause}") for step, cause in dead.values_list("step", "cause")
    )
    if unaccounted:
        counted[AttentionCause.UNACCOUNTED.value, "Neither an output nor a reason for having none is known."] = (
            unaccounted
        )
    return [{"cause": cause, "detail": detail, "count": count} for (cause, detail), count in counted.most_common()]


def _report(revision: Revision, *, profile: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report of a revision as it stands: every instance that went in, and what became of it."""
    members = BatchItem.objects.filter(batch__in=batches_of(revision)).values_list("version_id", flat=True)
    versions = sorted(set(members))
    outcomes = _outcomes(versions, profile)
    written = [one for one in outcomes if not one.cause]
    held = [one for one in outcomes if one.cause]
    rejected = sum(_status(one) == _REJECTED for one in held)
    ruled = _ruled(revision, profile)
    return {
        "format": REPORT_FORMAT,
        "project": revision.study.project.slug,
        "study": revision.study.public_id,
        "revision": {"id": revision.public_id, "number": revision.number},
        "profile": {"number": revision.profile.number if revision.profile else 0, "key": profile, **about},
        "instances": {
            "in": len(versions),
            "written": len(written),
            "held": len(held) - rejected,
            "rejected": rejected,
            "unaccounted": len(versions) - len(outcomes),
        },
        "actions": dict(sorted(_summed(one.actions for one in written).items())),
        "outputs": [_output(one, ruled.get(one.version_id, ())) for one in written],
        "held": [_held(one) for one in held],
    }


def _outcomes(versions: Sequence[int], profile: str) -> list[DeidentifiedInstance]:
    """Return what became of versions, in the order of their arrival, without the headers of the outputs."""
    of_profile = DeidentifiedInstance.objects.filter(profile=profile).defer("dicom_json", "frames")
    found: list[DeidentifiedInstance] = []
    for start in range(0, len(versions), _AT_ONCE):
        some = versions[start : start + _AT_ONCE]
        found += of_profile.filter(version__in=some).select_related("held").order_by("version_id")
    return found


_AT_ONCE: Final = 500


def _status(outcome: DeidentifiedInstance) -> str:
    held = getattr(outcome, "held", None)
    return str(held.status) if held else HeldStatus.HELD.value


def _ruled(revision: Revision, profile: str) -> dict[int, list[HeldInstance]]:
    """Return the decisions that outputs under `profile` were made with, by version; see `quarantine_sql.rulings`."""
    found: dict[int, list[HeldInstance]] = {}
    decisions = HeldInstance.objects.filter(study_id=revision.study_id, status__in=_RULED, is_applied=True)
    of_any_profile = Q(cause=AttentionCause.PIXELS_UNPROVEN.value) | Q(status=HeldStatus.REDACTED.value)
    for row in decisions.filter(Q(profile=profile) | of_any_profile).order_by("pk"):
        found.setdefault(row.version_id, []).append(row)
    return found


def _summed(counts: Any) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return total


def _output(one: DeidentifiedInstance, decisions: Sequence[HeldInstance]) -> dict[str, Any]:
    return {
        "sop_instance_uid": one.sop_instance_uid,
        "series_instance_uid": one.series_instance_uid,
        "study_instance_uid": one.study_instance_uid,
        "transfer_syntax_uid": one.transfer_syntax_uid,
        "size_bytes": one.size_bytes,
        "sha256": bytes(one.file_sha256).hex() if one.file_sha256 else None,
        "dataset_sha256": bytes(one.dataset_sha256).hex() if one.dataset_sha256 else None,
        "boxes": one.boxes or [],
        "decisions": [_decision(row) for row in decisions],
    }


def _held(one: DeidentifiedInstance) -> dict[str, Any]:
    row = getattr(one, "held", None)
    return {
        "id": row.public_id if row else None,
        "status": _status(one),
        "cause": one.cause,
        "detail": one.detail,
        "decisions": [_decision(row)] if row and row.status == _REJECTED else [],
    }


def _decision(row: HeldInstance) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "decision": row.status,
        "cause": row.cause,
        "detail": row.detail,
        "reason": row.reason,
        "by": row.decided_by,
        "at": row.decided_at.isoformat() if row.decided_at else None,
        "boxes": row.boxes,
        "elements": row.elements,
    }


def _keep(revision: Revision, report: Mapping[str, Any]) -> None:
    """Keep a report beside those before it, unless it says what the newest of them says."""
    newest = revision.reports.order_by("-number").first()
    if newest and {**newest.document, "delivered_at": None} == {**report, "delivered_at": None}:
        return
    now = timezone.now()
    text = json.dumps({**report, "delivered_at": now.isoformat()}, ensure_ascii=False, sort_keys=True).encode()
    DeidentificationReport.objects.create(
        revision=revision,
        number=newest.number + 1 if newest else 1,
        content=zlib.compress(text),
        sha256=sha256(text).digest(),
        created_at=now,
    )
