"""Revisions: what of a study is worked on together. Batches are append-only: a late image costs only its own work."""

from django.db import models

from cauce.core.statuses import AttentionCause, StudyStatus
from cauce.records.models.fields import choices_of, public_id, text, uid
from cauce.records.models.instances import Version
from cauce.records.models.profiles import ProfileVersion
from cauce.records.models.searching import CleanSeries
from cauce.records.models.studies import Series, Study

FIRST_PROFILE_KEY = "Basic Profile"
"""Tells the outputs of revisions that were made before projects had profiles."""


class Revision(models.Model):
    """The study as it was when it closed for the n-th time. The newest finished one is served.

    All of it is worked on under one profile; `profile_key` tells its outputs from those under another.
    """

    class Status(models.TextChoices):
        """Where the revision is."""

        QUEUED = StudyStatus.QUEUED.value
        PROCESSING = StudyStatus.PROCESSING.value
        READY = StudyStatus.READY.value
        ATTENTION = StudyStatus.ATTENTION.value
        CANCELLED = "cancelled"

    public_id = public_id()
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    causes = models.JSONField(default=list, blank=True)
    profile = models.ForeignKey(ProfileVersion, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    profile_key = models.CharField(max_length=64, default=FIRST_PROFILE_KEY)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        """Numbered from 1 within the study."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["study", "number"], name="revision_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.study_id}/{self.number}"


class Batch(models.Model):
    """The unit of work: at most 64 instances or 64 MB of one series.

    A batch belongs to the revisions `first_revision` to `last_revision` (open while that is null): membership of a
    revision is an interval, so a revision of a million instances is not a copy of a million rows.
    """

    public_id = public_id()
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="batches")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="batches")
    first_revision = models.PositiveIntegerField()
    last_revision = models.PositiveIntegerField(null=True)
    instances = models.PositiveIntegerField()
    size_bytes = models.BigIntegerField()
    cost_bytes = models.BigIntegerField(default=0)

    class Meta:
        """Found by study and revision."""

        indexes = [models.Index(fields=["study", "first_revision"])]  # noqa: RUF012 - Django's way

    def __str__(self) -> str:
        return self.public_id


class BatchItem(models.Model):
    """One version in one batch."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="items")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="batch_items")

    class Meta:
        """Once a batch."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["batch", "version"], name="version_once_per_batch")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class DeidentifiedInstance(models.Model):
    """What de-identification made of one version: an object of the de-identified space, or why there is none.

    `file_sha256` is the digest of the whole object, `dataset_sha256` that of what follows its file meta information.
    `boxes` (x, y, width, height) were blanked in its pixels. `clean_series` is where searches find an object.
    """

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="deidentified")
    clean_series = models.ForeignKey(CleanSeries, null=True, on_delete=models.SET_NULL, related_name="instances")
    profile = models.CharField(max_length=64)
    object_id = models.CharField(max_length=32, blank=True, default="")
    sop_instance_uid = uid()
    series_instance_uid = uid()
    study_instance_uid = uid()
    transfer_syntax_uid = uid(blank=True, default="")
    size_bytes = models.BigIntegerField(default=0)
    dataset_sha256 = models.BinaryField(max_length=32, null=True)
    file_sha256 = models.BinaryField(max_length=32, null=True)
    dicom_json = models.BinaryField(null=True)
    frames = models.BinaryField(null=True)
    content_date = text()
    content_time = text()
    timezone_offset = text()
    actions = models.JSONField(default=dict, blank=True)
    boxes = models.JSONField(null=True)
    cause = models.CharField(max_length=32, blank=True, default="", choices=choices_of(AttentionCause))
    detail = text()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """One output a version and profile, whoever ran twice."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["version", "profile"], name="deidentified_once_per_profile")
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["study_instance_uid"], name="deidentified_by_study"),
            models.Index(fields=["sop_instance_uid"], name="deidentified_by_instance"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
