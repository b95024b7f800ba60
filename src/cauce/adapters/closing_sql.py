"""Closing a study in the SQL database: what has arrived, and what people have decided, becomes its next revision."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from cauce.adapters.ledger_sql import enqueue
from cauce.adapters.sql_errors import transaction_of_ours
from cauce.core.messages import ProfileText
from cauce.core.profiles import output_key
from cauce.core.statuses import HeldStatus, JobStatus, StudyStatus
from cauce.ports.ledger import JobRequest
from cauce.records.models import (
    Batch,
    BatchItem,
    DeidentifiedInstance,
    HeldInstance,
    Job,
    ProfileVersion,
    Revision,
    Study,
    Version,
)

BATCH_INSTANCES_MAX: Final = 64
BATCH_BYTES_MAX: Final = 64 * 1024 * 1024
_PLATFORM: Final = "cauce"
_REDONE: Final = (HeldStatus.RELEASED.value, HeldStatus.REDACTED.value)
_DECIDED: Final = (*_REDONE, HeldStatus.REJECTED.value)


def close_study(study_pk: int, *, default: ProfileText, engine: str) -> int | None:
    """Make the next revision of a study; return its key, or `None` when there is nothing to make it of."""
    with transaction_of_ours():
        study = Study.objects.select_for_update().get(pk=study_pk)
        study.closings += 1
        study.save(update_fields=["closings"])
        newest = study.revisions.order_by("-number").first()
        number = newest.number if newest else 0
        profile = kept_profile(study.project_id, default)
        key = output_key(text_of(profile), engine=engine)
        _end(study, number, ~Q(version__state=Version.State.CURRENT))
        decided = HeldInstance.objects.filter(study=study, status__in=_DECIDED, is_applied=False)
        redone = list(decided.filter(status__in=_REDONE).values_list("version_id", flat=True))
        _end(study, number, Q(version__in=redone))
        if not _unbatched(study) and not decided.exists():
            return None
        if newest and newest.profile_key != key:
            _open_batches(study).update(last_revision=number)
        _cancel_unfinished(study)
        revision = Revision.objects.create(study=study, number=number + 1, profile=profile, profile_key=key)
        _apply(study, decided, redone, key)
        _make_batches(study, _unbatched(study), revision.number)
        Study.objects.filter(pk=study_pk).update(status=StudyStatus.QUEUED.value, updated_at=timezone.now())
        return revision.pk


def close_now(study: Study) -> None:
    """Enqueue the closing that makes the next revision; a closing that waits for more arrivals covers it, too."""
    key = f"close:{study.public_id}:{study.closings}"
    enqueue([JobRequest(key=key, step="close", study_pk=study.pk, again=True)])
    if study.status != StudyStatus.RECEIVING.value:
        study.status, study.updated_at = StudyStatus.QUEUED.value, timezone.now()
        study.save(update_fields=["status", "updated_at"])


def work_anew(study: Study, newest: Revision | None) -> None:
    """Let all of a study be batched anew for its next revision; `newest` is the one that it has."""
    if newest is not None:
        _open_batches(study).update(last_revision=newest.number)
    close_now(study)


def kept_profile(project_pk: int, default: ProfileText) -> ProfileVersion:
    """Return the present profile of a project; one that was never given any keeps the default from now on."""
    held = ProfileVersion.objects.filter(project_id=project_pk).order_by("-number")
    newest = held.first()
    if newest is None:
        first = ProfileVersion(
            project_id=project_pk,
            number=1,
            name=default.name,
            version=default.version,
            digest=default.digest,
            text=default.text,
            author=_PLATFORM,
        )
        ProfileVersion.objects.bulk_create([first], ignore_conflicts=True)  # another study closes at the same moment
        newest = held.get()
    return newest


def text_of(row: ProfileVersion) -> ProfileText:
    """Return a kept profile as a message."""
    return ProfileText(name=row.name, version=row.version, digest=row.digest, text=row.text, number=row.number)


def _open_batches(study: Study) -> "QuerySet[Batch]":
    return Batch.objects.filter(study=study, last_revision__isnull=True)


def _end(study: Study, newest: int, members: Q) -> None:
    """End the open batches that hold one of `members`; what else they hold is batched anew."""
    outdated = BatchItem.objects.filter(members, batch__study=study, batch__last_revision__isnull=True)
    Batch.objects.filter(pk__in=outdated.values("batch_id")).update(last_revision=newest)


def _unbatched(study: Study) -> list[Version]:
    current = Version.objects.filter(instance__series__study=study, state=Version.State.CURRENT)
    batched = BatchItem.objects.filter(batch__study=study, batch__last_revision__isnull=True)
    return list(
        current.exclude(pk__in=batched.values("version_id"))
        .select_related("instance")
        .order_by("instance__series_id", "instance_number", "pk")
    )


def _apply(study: Study, decided: "QuerySet[HeldInstance]", redone: Sequence[int], key: str) -> None:
    """Make room for the outputs that people have asked for, and let go of questions that nobody has to answer now."""
    DeidentifiedInstance.objects.filter(version__in=redone, profile=key).exclude(cause="").delete()
    decided.update(is_applied=True)
    moot = ~Q(profile=key) | ~Q(version__state=Version.State.CURRENT)
    HeldInstance.objects.filter(moot, study=study, status=HeldStatus.HELD.value).update(
        status=HeldStatus.OUTDATED.value
    )


def _cancel_unfinished(study: Study) -> None:
    """Let go of what an older revision has not started; its batches go on, they are the new revision's too."""
    Job.objects.filter(
        study=study,
        step__in=("summarise", "deliver"),
        status__in=(JobStatus.QUEUED.value, JobStatus.RETRYING.value),
    ).update(status=JobStatus.CANCELLED.value, finished_at=timezone.now(), cause="a newer revision took its place")
    open_states = (Revision.Status.QUEUED, Revision.Status.PROCESSING)
    study.revisions.filter(status__in=open_states).update(status=Revision.Status.CANCELLED, finished_at=timezone.now())


def _make_batches(study: Study, versions: Sequence[Version], revision_number: int) -> None:
    members: list[BatchItem] = []
    for group in _groups(versions):
        batch = Batch.objects.create(
            study=study,
            series_id=group[0].instance.series_id,
            first_revision=revision_number,
            instances=len(group),
            size_bytes=sum(version.size_bytes for version in group),
            cost_bytes=max(version.decoded_bytes for version in group),
        )
        members.extend(BatchItem(batch=batch, version=version) for version in group)
    BatchItem.objects.bulk_create(members)


def _groups(versions: Sequence[Version]) -> Iterable[list[Version]]:
    by_series: dict[int, list[Version]] = defaultdict(list)
    for version in versions:
        by_series[version.instance.series_id].append(version)
    for members in by_series.values():
        group: list[Version] = []
        size_bytes = 0
        for version in members:
            if group and (len(group) == BATCH_INSTANCES_MAX or size_bytes + version.size_bytes > BATCH_BYTES_MAX):
                yield group
                group, size_bytes = [], 0
            group.append(version)
            size_bytes += version.size_bytes
        yield group
