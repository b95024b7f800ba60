"""Results of processing: a row an instance, a summary a series, and pictures."""

from typing import Any, ClassVar

from django.db import models

from cauce.records.models.fields import public_id, text
from cauce.records.models.revisions import DeidentifiedInstance, Revision
from cauce.records.models.studies import Series, Study


class KnownOrLeast(models.Func):
    """A number, or the least there is where it is not known: an order without nulls.

    The least is written out, since an index is found by its expression and not by a parameter.
    """

    template = "COALESCE(%(expressions)s, -1.7976931348623157e308)"
    output_field: ClassVar[Any] = models.FloatField()


class ProcessingResult(models.Model):
    """A line of the results list. The platform's own are summaries of a series and read-only.

    The id is the sender's and can change; `public_id` is ours and stays, so that the audit trail follows a record.
    """

    id = models.CharField(max_length=200, primary_key=True)
    public_id = public_id()
    device_name = text()
    mean_before_normalization = models.FloatField(null=True)
    mean_after_normalization = models.FloatField(null=True)
    data_size = models.BigIntegerField()
    raw_data = models.JSONField(null=True)
    series = models.ForeignKey(Series, null=True, on_delete=models.CASCADE, related_name="results")
    study = models.ForeignKey(Study, null=True, on_delete=models.CASCADE, related_name="results")
    revision = models.ForeignKey(Revision, null=True, on_delete=models.CASCADE, related_name="results")
    pipeline = models.CharField(max_length=64, blank=True, default="")
    measurements = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        """Each order of the list has an index; read backwards it serves the opposite order."""

        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["created_at", "id"], name="result_by_creation"),
            models.Index(fields=["updated_at", "id"], name="result_by_update"),
            models.Index(fields=["data_size", "id"], name="result_by_size"),
            models.Index(fields=["device_name", "id"], name="result_by_device"),
            models.Index(KnownOrLeast("mean_before_normalization"), "id", name="result_by_mean"),
            models.Index(KnownOrLeast("mean_after_normalization"), "id", name="result_by_normalised"),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def is_platforms(self) -> bool:
        """Whether the platform wrote it, as the summary of a series."""
        return self.series_id is not None


class InstanceResult(models.Model):
    """What one processing pipeline measured on one de-identified instance."""

    deidentified = models.ForeignKey(DeidentifiedInstance, on_delete=models.CASCADE, related_name="results")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="instance_results")
    pipeline = models.CharField(max_length=64)
    outcome = models.CharField(max_length=16)
    measurements = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        """Exactly once an instance and pipeline version."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["deidentified", "pipeline"], name="measured_once_per_pipeline")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Artifact(models.Model):
    """A file that processing made of a series: its preview, later segmentations and reports."""

    public_id = public_id()
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="artifacts")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="artifacts")
    kind = models.CharField(max_length=32)
    pipeline = models.CharField(max_length=64)
    object_id = models.CharField(max_length=32, unique=True)
    media_type = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """One of a kind a series and pipeline version."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["series", "kind", "pipeline"], name="artifact_once_per_pipeline")
        ]

    def __str__(self) -> str:
        return self.public_id
