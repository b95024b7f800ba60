"""Results of processing in the SQL database: exactly once an instance and pipeline, by their unique keys."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from django.utils import timezone

from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.identifiers import ObjectId
from cauce.core.messages import Measurement
from cauce.ports.results import InstanceMeasured, SeriesSummary
from cauce.records.models import Artifact, InstanceResult, ProcessingResult, Series

PREVIEW_KIND = "preview"


class SqlResults:
    """Writes in bulk; the same result twice is one row."""

    def write_instances(self, series_pk: int, measured: Sequence[InstanceMeasured], *, pipeline: str) -> None:
        """Commit measurements of instances."""
        now = timezone.now()
        with transaction_of_ours():
            InstanceResult.objects.bulk_create(
                [
                    InstanceResult(
                        deidentified_id=one.deidentified_pk,
                        series_id=series_pk,
                        pipeline=pipeline,
                        outcome=one.measurement.outcome,
                        measurements=asdict(one.measurement),
                        created_at=now,
                    )
                    for one in sorted(measured, key=lambda one: one.deidentified_pk)
                ],
                update_conflicts=True,
                unique_fields=["deidentified", "pipeline"],
                update_fields=["outcome", "measurements"],
            )

    def measurements(self, deidentified_pks: Sequence[int], *, pipeline: str) -> Mapping[int, Measurement]:
        """Return the measurements held for these instances, by key."""
        with translated():
            rows = InstanceResult.objects.filter(deidentified_id__in=deidentified_pks, pipeline=pipeline)
            return {row.deidentified_id: Measurement(**row.measurements) for row in rows}

    def write_summary(self, summary: SeriesSummary, *, pipeline: str) -> Sequence[ObjectId]:
        """Commit a series summary and its preview; return the preview objects that it replaces."""
        now = timezone.now()
        with transaction_of_ours():
            series = Series.objects.select_related("study").get(pk=summary.series_pk)
            values = {
                "device_name": series.manufacturer or series.modality,
                "mean_before_normalization": summary.mean,
                "mean_after_normalization": summary.mean_normalised,
                "data_size": summary.data_size,
                "series": series,
                "study": series.study,
                "revision_id": summary.revision_pk,
                "pipeline": pipeline,
                "measurements": dict(summary.figures),
                "updated_at": now,
            }
            ProcessingResult.objects.update_or_create(
                id=f"series-{series.public_id}", defaults=values, create_defaults={**values, "created_at": now}
            )
            return self._replace_preview(summary, series, pipeline)

    @staticmethod
    def _replace_preview(summary: SeriesSummary, series: Series, pipeline: str) -> list[ObjectId]:
        held = Artifact.objects.filter(series=series, kind=PREVIEW_KIND)
        replaced = [ObjectId(object_id) for object_id in held.values_list("object_id", flat=True)]
        held.delete()
        if summary.preview_object is None:
            return replaced
        Artifact.objects.create(
            study=series.study,
            series=series,
            kind=PREVIEW_KIND,
            pipeline=pipeline,
            object_id=summary.preview_object,
            media_type="image/png",
            size_bytes=summary.preview_bytes,
        )
        return replaced
