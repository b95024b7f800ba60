"""What the worker's steps read and write of the catalogue, in the SQL database."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Max, Q
from django.utils import timezone

from cauce.adapters import rows
from cauce.adapters.ledger_sql import CANCELLED
from cauce.adapters.progress_sql import batches_of
from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.identifiers import ObjectId, PublicId, SopInstanceUid, StudyInstanceUid
from cauce.core.messages import ProjectRef
from cauce.core.statuses import AttentionCause, JobStatus, StudyStatus
from cauce.ports.catalogue import BatchMember, CleanInstance, WrittenInstance
from cauce.records.models import (
    Batch,
    BatchItem,
    DeidentifiedInstance,
    InstanceResult,
    Job,
    Revision,
    Study,
    Version,
)

BATCH_INSTANCES_MAX = 64
BATCH_BYTES_MAX = 64 * 1024 * 1024


class SqlWork:
    """Each method is one transaction, or one read."""

    def close_study(self, study_pk: int) -> int | None:
        """Make the study's next revision of all current versions; only what is new gets new batches."""
        with transaction_of_ours():
            study = Study.objects.select_for_update().get(pk=study_pk)
            study.closings += 1
            study.save(update_fields=["closings"])
            newest = study.revisions.aggregate(number=Max("number"))["number"] or 0
            self._end_outdated_batches(study, newest)
            new = self._unbatched(study)
            if not new:
                return None
            self._cancel_unfinished(study)
            revision = Revision.objects.create(study=study, number=newest + 1)
            self._make_batches(study, new, revision.number)
            Study.objects.filter(pk=study_pk).update(status=StudyStatus.QUEUED.value, updated_at=timezone.now())
            return revision.pk

    @staticmethod
    def _end_outdated_batches(study: Study, newest: int) -> None:
        """End the batches that hold a version which is no longer current; what else they hold is batched anew."""
        outdated = BatchItem.objects.filter(batch__study=study, batch__last_revision__isnull=True).exclude(
            version__state=Version.State.CURRENT
        )
        Batch.objects.filter(pk__in=outdated.values("batch_id")).update(last_revision=newest)

    @staticmethod
    def _unbatched(study: Study) -> list[Version]:
        current = Version.objects.filter(instance__series__study=study, state=Version.State.CURRENT)
        batched = BatchItem.objects.filter(batch__study=study, batch__last_revision__isnull=True)
        return list(
            current.exclude(pk__in=batched.values("version_id"))
            .select_related("instance")
            .order_by("instance__series_id", "instance_number", "pk")
        )

    @staticmethod
    def _cancel_unfinished(study: Study) -> None:
        """Let go of what an older revision has not started; its batches go on, they are the new revision's too."""
        Job.objects.filter(
            study=study,
            step__in=("summarise", "deliver"),
            status__in=(JobStatus.QUEUED.value, JobStatus.RETRYING.value),
        ).update(status=JobStatus.CANCELLED.value, finished_at=timezone.now(), cause="a newer revision took its place")
        open_states = (Revision.Status.QUEUED, Revision.Status.PROCESSING)
        study.revisions.filter(status__in=open_states).update(
            status=Revision.Status.CANCELLED, finished_at=timezone.now()
        )

    @staticmethod
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

    def project_of(self, study_pk: int) -> ProjectRef:
        """Return the project of a study."""
        with translated():
            pk, slug = Study.objects.values_list("project_id", "project__slug").get(pk=study_pk)
        return ProjectRef(pk=pk, slug=slug)

    def batch_members(self, batch_pk: int, *, profile: str) -> Sequence[BatchMember]:
        """Return the members of a batch that have no output under `profile` yet."""
        done = DeidentifiedInstance.objects.filter(profile=profile, version__batch_items__batch_id=batch_pk)
        items = (
            BatchItem.objects.filter(batch_id=batch_pk)
            .exclude(version_id__in=done.values("version_id"))
            .select_related("version__instance__series__study")
            .order_by("pk")
        )
        with translated():
            return [_member(item.version) for item in items]

    def write_deidentified(self, written: Sequence[WrittenInstance], *, profile: str) -> Sequence[ObjectId]:
        """Commit outputs; return the objects that are not referred to because another worker was first."""
        with transaction_of_ours():
            DeidentifiedInstance.objects.bulk_create(
                [_deidentified_row(one, profile) for one in sorted(written, key=lambda one: one.version_pk)],
                ignore_conflicts=True,
            )
            ours = {one.object_id for one in written if one.object_id is not None}
            kept = DeidentifiedInstance.objects.filter(object_id__in=ours).values_list("object_id", flat=True)
            return sorted(ours - {ObjectId(object_id) for object_id in kept})

    def clean_instances(self, batch_pk: int, *, profile: str) -> Sequence[CleanInstance]:
        """Return the de-identified instances of a batch, in order."""
        found = DeidentifiedInstance.objects.filter(version__batch_items__batch_id=batch_pk)
        return self._clean(found, profile)

    def clean_series(self, series_pk: int, revision_pk: int, *, profile: str) -> Sequence[CleanInstance]:
        """Return the de-identified instances of a series as of a revision, in order."""
        with translated():
            batches = batches_of(Revision.objects.get(pk=revision_pk)).filter(series_id=series_pk)
        found = DeidentifiedInstance.objects.filter(version__batch_items__batch__in=batches)
        return self._clean(found, profile)

    @staticmethod
    def _clean(found: Any, profile: str) -> list[CleanInstance]:
        ordered = (
            found.filter(profile=profile, cause="").select_related("version").order_by("version__instance_number", "pk")
        )
        with translated():
            return [
                CleanInstance(
                    pk=row.pk,
                    object_id=ObjectId(row.object_id),
                    instance_number=row.version.instance_number,
                    number_of_frames=row.version.number_of_frames,
                )
                for row in ordered.distinct()
            ]

    def deliver(self, revision_pk: int, *, profile: str, pipeline: str) -> PublicId:
        """End a revision: gather its causes; only the newest revision speaks for the study."""
        with transaction_of_ours():
            revision = Revision.objects.select_for_update().select_related("study").get(pk=revision_pk)
            study = Study.objects.select_for_update().get(pk=revision.study_id)
            causes = _causes(revision, profile=profile, pipeline=pipeline)
            revision.status = Revision.Status.ATTENTION if causes else Revision.Status.READY
            revision.causes, revision.finished_at = causes, timezone.now()
            revision.save(update_fields=["status", "causes", "finished_at"])
            is_newest = not study.revisions.filter(number__gt=revision.number).exists()
            if is_newest:
                study.causes = causes
                if study.status != StudyStatus.RECEIVING.value:
                    study.status = revision.status
                study.save(update_fields=["causes", "status", "updated_at"])
            return PublicId(study.public_id)


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


def _member(version: Version) -> BatchMember:
    study = version.instance.series.study
    return BatchMember(
        version_pk=version.pk,
        object_id=ObjectId(version.object_id),
        sop_instance_uid=SopInstanceUid(version.instance.sop_instance_uid),
        study_instance_uid=StudyInstanceUid(study.study_instance_uid),
        patient_id=study.patient_id,
        issuer_of_patient_id=study.issuer_of_patient_id,
    )


def _deidentified_row(one: WrittenInstance, profile: str) -> DeidentifiedInstance:
    outcome, header = one.outcome, one.header
    return DeidentifiedInstance(
        version_id=one.version_pk,
        profile=profile,
        object_id=one.object_id or "",
        sop_instance_uid=outcome.sop_instance_uid,
        series_instance_uid=outcome.series_instance_uid,
        study_instance_uid=outcome.study_instance_uid,
        transfer_syntax_uid=header.transfer_syntax_uid if header else "",
        size_bytes=outcome.size_bytes,
        dataset_sha256=header.dataset_sha256 if header else None,
        dicom_json=rows.pack_json(header.dicom_json) if header else None,
        frames=rows.pack_frames(header.frames) if header else None,
        actions=dict(outcome.actions),
        cause=outcome.cause.value if outcome.cause else "",
        detail=outcome.detail,
    )


def _causes(revision: Revision, *, profile: str, pipeline: str) -> list[dict[str, Any]]:
    """Return why a person should look: `{"cause", "detail", "count"}`, most frequent first."""
    batches = batches_of(revision)
    counted: Counter[tuple[str, str]] = Counter()
    outputs = DeidentifiedInstance.objects.filter(profile=profile, version__batch_items__batch__in=batches)
    counted.update(outputs.exclude(cause="").values_list("cause", "detail"))
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
    return [{"cause": cause, "detail": detail, "count": count} for (cause, detail), count in counted.most_common()]
