"""What became of the files of a delivery: each is followed from the bytes that were stored to the study's delivery.

Everything here takes a page of lines and asks the database a fixed number of questions about all of them together.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import QuerySet

from cauce import flow
from cauce.core.statuses import AttentionCause, ItemStatus, JobStatus
from cauce.records.models import (
    AlternateEncoding,
    BatchItem,
    DeidentifiedInstance,
    InstanceResult,
    Job,
    Revision,
    Upload,
    UploadItem,
    Version,
    VersionHeader,
)

STATES: Final = (
    "waiting",
    "closed",
    "held_back",
    "deidentified",
    "processed",
    "delivered",
    "contested",
    "superseded",
)
"""How far a stored instance is: its study still receives; it belongs to a revision; it is withheld from processing; it
has a clean copy; it was measured; its revision is delivered. Contested: a person has to settle a conflict first.
Superseded: another content took its place."""

DUPLICATE: Final = ItemStatus.DUPLICATE.value
_DELIVERED: Final = (Revision.Status.READY.value, Revision.Status.ATTENTION.value)
_TAKEN_BACK: Final = "cancelled"
"""Code of a job that a person took back; one that a newer revision made needless has none."""


@dataclass(frozen=True, slots=True)
class _Stay:
    """A version in one batch: the revisions that it belongs to, the last open while `last` is null."""

    batch_pk: int
    study_pk: int
    first: int
    last: int | None


@dataclass(frozen=True, slots=True)
class _Stop:
    """A job of a batch that will not be done unless somebody replays it."""

    step: str
    detail: str


@dataclass(slots=True)
class _Followed:
    """One version and all that is known of its way."""

    state: str
    received_at: dt.datetime
    dataset_sha256: bytes
    dataset_bytes: int
    damage: str
    settled_at: dt.datetime | None
    warnings: Sequence[Mapping[str, str]] = ()
    is_reencoded: bool = False
    stays: list[_Stay] = field(default_factory=list)
    stops: list[_Stop] = field(default_factory=list)
    output: tuple[str, str, dt.datetime] | None = None
    measured: tuple[str, dt.datetime] | None = None
    closed_at: dt.datetime | None = None
    delivered: tuple[int, dt.datetime] | None = None


def items_of(upload: Upload) -> QuerySet[UploadItem]:
    """Return the lines of a delivery as `lines_of` wants them, without an order."""
    columns = ("upload_id", "name", "status", "code", "detail", "sop_instance_uid", "version_id", "study__public_id")
    return UploadItem.objects.filter(upload=upload).select_related("study").only(*columns)


def lines_of(items: Sequence[UploadItem], *, project_pk: int) -> list[dict[str, Any]]:
    """Return the lines of a receipt as plain data; `items` are some of `items_of` a delivery."""
    followed = _followed(items, project_pk)
    return [_line(item, followed.get(item.pk)) for item in items]


def _line(item: UploadItem, version: _Followed | None) -> dict[str, Any]:
    # What was received as a duplicate may have been another encoding of what is held: its own digest is not kept.
    is_digest_known = version is not None and not (item.status == DUPLICATE and version.is_reencoded)
    return {
        "name": item.name,
        "status": item.status,
        "code": item.code,
        "detail": item.detail,
        "sop_instance_uid": item.sop_instance_uid,
        "study": item.study.public_id if item.study else None,
        "dataset_sha256": version.dataset_sha256.hex() if version and is_digest_known else None,
        "dataset_bytes": version.dataset_bytes if version and is_digest_known else None,
        "warnings": list(version.warnings) if version else [],
        "became": _became(item, version) if version else None,
    }


def _became(item: UploadItem, version: _Followed) -> dict[str, Any]:
    """Return how far a version is and when it got there."""
    state, cause, detail = _state(version)
    held_at = version.output[2] if version.output and version.output[0] else None
    clean_at = version.output[2] if version.output and not version.output[0] else None
    conflict = ""
    if item.status == ItemStatus.CONFLICT.value:
        conflict = "open" if version.state == Version.State.CONFLICT.value else "settled"
    return {
        "state": state,
        "cause": cause,
        "detail": detail,
        "outcome": version.measured[0] if version.measured else "",
        "conflict": conflict,
        "revision": version.delivered[0] if version.delivered else min((s.first for s in version.stays), default=None),
        "stored_at": version.received_at,
        "settled_at": version.settled_at,
        "closed_at": version.closed_at,
        "held_back_at": held_at,
        "deidentified_at": clean_at,
        "processed_at": version.measured[1] if version.measured else None,
        "delivered_at": version.delivered[1] if version.delivered and not held_at else None,
    }


def _state(version: _Followed) -> tuple[str, str, str]:
    """Return the state of a version, and the cause and detail of what keeps it from more."""
    if version.state == Version.State.CONFLICT.value:
        return "contested", AttentionCause.CONFLICT.value, ""
    if version.state == Version.State.SUPERSEDED.value:
        return "superseded", "", ""
    if version.output and version.output[0]:
        return "held_back", version.output[0], version.output[1]
    cause, detail = _trouble(version)
    if version.output is None:
        if cause:
            return "held_back", cause, detail
        return ("closed" if version.stays else "waiting"), "", ""
    state = "delivered" if version.delivered else "processed" if version.measured else "deidentified"
    return state, cause, detail


def _trouble(version: _Followed) -> tuple[str, str]:
    if version.damage:
        return AttentionCause.OBJECT_DAMAGED.value, version.damage
    if version.measured and version.measured[0] == "undecodable":
        return AttentionCause.UNDECODABLE_PIXELS.value, ""
    wanted = "deidentify" if version.output is None else "process"
    stop = next((stop for stop in version.stops if stop.step == wanted and not version.measured), None)
    return (AttentionCause.JOB_DEAD.value, stop.detail) if stop else ("", "")


def _followed(items: Sequence[UploadItem], project_pk: int) -> dict[int, _Followed]:
    """Return the version that each line speaks of, by the key of the line."""
    of_item = {item.pk: item.version_id for item in items if item.version_id is not None}
    of_item |= _versions_of_duplicates([item for item in items if item.status == DUPLICATE], project_pk)
    versions = _versions(sorted(set(of_item.values())))
    for fill_in in (_fill_in_warnings, _fill_in_stays, _fill_in_outputs, _fill_in_measurements):
        fill_in(versions)
    duplicated = sorted({of_item[item.pk] for item in items if item.status == DUPLICATE and item.pk in of_item})
    for pk in AlternateEncoding.objects.filter(version__in=duplicated).values_list("version_id", flat=True):
        versions[pk].is_reencoded = True
    return {item_pk: versions[pk] for item_pk, pk in of_item.items() if pk in versions}


def _versions_of_duplicates(items: Sequence[UploadItem], project_pk: int) -> dict[int, int]:
    """Return what duplicates are duplicates of, where only one content of the instance is held."""
    wanted = {item.sop_instance_uid for item in items if item.version_id is None and item.sop_instance_uid}
    held: dict[str, list[int]] = defaultdict(list)
    rows = Version.objects.filter(instance__project=project_pk, instance__sop_instance_uid__in=sorted(wanted))
    for uid, pk in rows.values_list("instance__sop_instance_uid", "pk"):
        held[uid].append(pk)
    lines = [(item.pk, held[item.sop_instance_uid]) for item in items if item.version_id is None]
    return {item_pk: pks[0] for item_pk, pks in lines if len(pks) == 1}


def _versions(pks: Sequence[int]) -> dict[int, _Followed]:
    names = ("pk", "state", "received_at", "dataset_sha256", "size_bytes", "dataset_offset", "damage", "settled_at")
    rows = Version.objects.filter(pk__in=pks).values_list(*names) if pks else ()
    return {
        pk: _Followed(
            state=state,
            received_at=received_at,
            dataset_sha256=bytes(sha256),
            dataset_bytes=size_bytes - offset,
            damage=damage,
            settled_at=settled_at,
        )
        for pk, state, received_at, sha256, size_bytes, offset, damage, settled_at in rows
    }


def _fill_in_warnings(versions: Mapping[int, _Followed]) -> None:
    irregular = VersionHeader.objects.filter(version__in=versions).exclude(warnings=[])
    for pk, warnings in irregular.values_list("version_id", "warnings"):
        versions[pk].warnings = warnings


def _fill_in_stays(versions: Mapping[int, _Followed]) -> None:
    """Add the batches of each version, what stopped in them, and the revisions that closed and delivered it."""
    names = ("version_id", "batch_id", "batch__study_id", "batch__first_revision", "batch__last_revision")
    for pk, *stay in BatchItem.objects.filter(version__in=versions).order_by("batch_id").values_list(*names):
        versions[pk].stays.append(_Stay(*stay))
    stays = [stay for version in versions.values() for stay in version.stays]
    stops = _stops(sorted({stay.batch_pk for stay in stays}))
    revisions = _revisions(sorted({stay.study_pk for stay in stays}))
    for version in versions.values():
        if not version.stays:
            continue
        version.stops = [stop for stay in version.stays for stop in stops.get(stay.batch_pk, ())]
        of_study = revisions[version.stays[0].study_pk]
        first = min(stay.first for stay in version.stays)
        version.closed_at = next((row.created_at for row in of_study if row.number == first), None)
        version.delivered = next(
            (
                (row.number, row.finished_at)
                for row in of_study
                if row.finished_at and row.status in _DELIVERED and any(_holds(stay, row) for stay in version.stays)
            ),
            None,
        )


def _holds(stay: _Stay, revision: Revision) -> bool:
    return stay.first <= revision.number and (stay.last is None or revision.number <= stay.last)


def _revisions(study_pks: Sequence[int]) -> dict[int, list[Revision]]:
    """Return the revisions of studies, oldest first."""
    found: dict[int, list[Revision]] = defaultdict(list)
    columns = ("study_id", "number", "status", "created_at", "finished_at")
    rows = Revision.objects.filter(study__in=study_pks).order_by("study_id", "number").only(*columns)
    for row in rows if study_pks else ():
        found[row.study_id].append(row)
    return found


def _stops(batch_pks: Sequence[int]) -> dict[int, list[_Stop]]:
    """Return, by batch, the jobs that died or were taken back."""
    found: dict[int, list[_Stop]] = defaultdict(list)
    stopped = Job.objects.filter(batch__in=batch_pks, status__in=(JobStatus.DEAD.value, JobStatus.CANCELLED.value))
    names = ("batch_id", "step", "status", "code", "cause")
    for batch_pk, step, status, code, cause in stopped.values_list(*names) if batch_pks else ():
        if status == JobStatus.DEAD.value or code == _TAKEN_BACK:
            found[batch_pk].append(_Stop(step, cause))
    return found


def _fill_in_outputs(versions: Mapping[int, _Followed]) -> None:
    """Add what de-identification made of each version last, under whatever profile."""
    outputs = DeidentifiedInstance.objects.filter(version__in=versions).order_by("pk")
    for pk, cause, detail, at in outputs.values_list("version_id", "cause", "detail", "created_at"):
        versions[pk].output = (cause, detail, at)


def _fill_in_measurements(versions: Mapping[int, _Followed]) -> None:
    measured = InstanceResult.objects.filter(deidentified__version__in=versions, pipeline=flow.PIPELINE)
    measured = measured.order_by("deidentified_id")
    for pk, outcome, at in measured.values_list("deidentified__version_id", "outcome", "created_at"):
        versions[pk].measured = (outcome, at)


def counted(lines: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Return how many of these lines are in which state."""
    return Counter(line["became"]["state"] for line in lines if line["became"])
