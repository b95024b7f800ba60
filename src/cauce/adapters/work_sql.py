"""What the worker's steps read and write of the catalogue, in the SQL database."""

from collections.abc import Mapping, Sequence
from typing import Any

from cauce.adapters import closing_sql, delivering_sql, rows
from cauce.adapters.clean_index import index_clean
from cauce.adapters.progress_sql import batches_of
from cauce.adapters.quarantine_sql import hold, rulings
from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.identifiers import ObjectId, PublicId, SopInstanceUid, StudyInstanceUid
from cauce.core.messages import ProfileText, ProjectRef, RevisionProfile, Ruling
from cauce.ports.catalogue import BatchMember, CleanInstance, WrittenInstance
from cauce.records.models import BatchItem, DeidentifiedInstance, Revision, Study, Version
from cauce.records.models.fields import TEXT_LENGTH_MAX


class SqlWork:
    """Each method is one transaction, or one read."""

    def close_study(self, study_pk: int, *, default: ProfileText, engine: str) -> int | None:
        """Make the study's next revision of all current versions; only what is new gets new batches."""
        return closing_sql.close_study(study_pk, default=default, engine=engine)

    def profile_of(self, revision_pk: int) -> RevisionProfile:
        """Return the profile that a revision is worked on under."""
        with translated():
            row = Revision.objects.select_related("profile").get(pk=revision_pk)
        number, text = (row.profile.number, row.profile.text) if row.profile else (0, "")
        return RevisionProfile(key=row.profile_key, number=number, text=text)

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
            found = [item.version for item in items]
            ruled = rulings([version.pk for version in found], profile=profile)
            return [_member(version, ruled.get(version.pk)) for version in found]

    def write_deidentified(self, written: Sequence[WrittenInstance], *, profile: str) -> Sequence[ObjectId]:
        """Commit outputs; return the objects that are not referred to because another worker was first."""
        with transaction_of_ours():
            places = index_clean(written, profile=profile)
            DeidentifiedInstance.objects.bulk_create(
                [_deidentified_row(one, profile, places) for one in sorted(written, key=lambda one: one.version_pk)],
                ignore_conflicts=True,
            )
            hold([one.version_pk for one in written], profile=profile)
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

    def deliver(
        self, revision_pk: int, *, profile: str, pipeline: str, about: Mapping[str, Any] | None = None
    ) -> PublicId:
        """End a revision: gather its causes and its report; only the newest revision speaks for the study."""
        return delivering_sql.deliver(revision_pk, profile=profile, pipeline=pipeline, about=about or {})


def _member(version: Version, ruling: Ruling | None) -> BatchMember:
    study = version.instance.series.study
    return BatchMember(
        version_pk=version.pk,
        object_id=ObjectId(version.object_id),
        sop_instance_uid=SopInstanceUid(version.instance.sop_instance_uid),
        study_instance_uid=StudyInstanceUid(study.study_instance_uid),
        patient_id=study.patient_id,
        issuer_of_patient_id=study.issuer_of_patient_id,
        ruling=ruling,
    )


def _deidentified_row(one: WrittenInstance, profile: str, places: Mapping[int, int]) -> DeidentifiedInstance:
    outcome, header = one.outcome, one.header
    return DeidentifiedInstance(
        version_id=one.version_pk,
        clean_series_id=places.get(one.version_pk),
        **(rows.columns(header.attributes, rows.CLEAN_COLUMNS) if header else {}),
        profile=profile,
        object_id=one.object_id or "",
        sop_instance_uid=outcome.sop_instance_uid,
        series_instance_uid=outcome.series_instance_uid,
        study_instance_uid=outcome.study_instance_uid,
        transfer_syntax_uid=header.transfer_syntax_uid if header else "",
        size_bytes=outcome.size_bytes,
        dataset_sha256=header.dataset_sha256 if header else None,
        file_sha256=one.file_sha256,
        dicom_json=rows.pack_json(header.dicom_json) if header else None,
        frames=rows.pack_frames(header.frames) if header else None,
        actions=dict(outcome.actions),
        boxes=[list(box) for box in outcome.boxes] or None,
        cause=outcome.cause.value if outcome.cause else "",
        detail=outcome.detail[:TEXT_LENGTH_MAX],
    )
