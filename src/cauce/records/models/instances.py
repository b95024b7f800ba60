"""Instances and their versions: an object is written once; what differs is another version, never an overwrite."""

import json
import zlib
from typing import Any

from django.db import models

from cauce.records.models.fields import text, uid
from cauce.records.models.projects import Project
from cauce.records.models.studies import Series


class Instance(models.Model):
    """One SOP instance of one project, whatever its versions."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="instances")
    sop_instance_uid = uid()
    sop_class_uid = uid()

    class Meta:
        """Unique per project."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["project", "sop_instance_uid"], name="instance_once_per_project")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Version(models.Model):
    """One stored content of an instance. The first stays current until a person settles a conflict."""

    class State(models.TextChoices):
        """Whether this content is the one that is served and processed."""

        CURRENT = "current"
        CONFLICT = "conflict"
        SUPERSEDED = "superseded"

    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="versions")
    object_id = models.CharField(max_length=32, unique=True)
    state = models.CharField(max_length=16, choices=State.choices)
    transfer_syntax_uid = uid()
    dataset_sha256 = models.BinaryField(max_length=32)
    canonical_digest = models.BinaryField(max_length=32, null=True)
    size_bytes = models.BigIntegerField()
    dataset_offset = models.BigIntegerField()
    pixel_offset = models.BigIntegerField(null=True)
    instance_number = models.BigIntegerField(null=True)
    rows = models.PositiveIntegerField(null=True)
    columns = models.PositiveIntegerField(null=True)
    bits_allocated = models.PositiveIntegerField(null=True)
    number_of_frames = models.BigIntegerField(default=1)
    decoded_bytes = models.BigIntegerField(default=0)
    photometric_interpretation = text()
    image_type = text()
    content_date = text()
    content_time = text()
    timezone_offset = text()
    source = models.CharField(max_length=16)
    damage = text()
    received_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        """One current version an instance; contested ones are found without looking at the others."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(
                fields=["instance"], condition=models.Q(state="current"), name="one_current_version"
            )
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["-id"], condition=models.Q(state="conflict"), name="version_contested"),
            models.Index(
                fields=["instance_number", "instance"], condition=models.Q(state="current"), name="version_by_number"
            ),
        ]

    def __str__(self) -> str:
        return self.object_id


class VersionHeader(models.Model):
    """What metadata requests and frame reads need, kept off the row that listings scan. Both blobs are deflated."""

    version = models.OneToOneField(Version, on_delete=models.CASCADE, primary_key=True, related_name="header")
    dicom_json = models.BinaryField()
    frames = models.BinaryField(null=True)
    warnings = models.JSONField(default=list, blank=True)

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def document(self) -> dict[str, Any]:
        """The header in the DICOM JSON model."""
        held: dict[str, Any] = json.loads(zlib.decompress(bytes(self.dicom_json)))
        return held


class AlternateEncoding(models.Model):
    """Another encoding of a version that was received and proven to be the same data set."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="encodings")
    transfer_syntax_uid = uid()
    dataset_sha256 = models.BinaryField(max_length=32)
    received_at = models.DateTimeField()

    class Meta:
        """Noted once."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(
                fields=["version", "transfer_syntax_uid", "dataset_sha256"], name="encoding_noted_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
