"""What de-identification held back and what people decided about it; the reports that say so of each revision."""

import json
import zlib
from typing import Any

from django.db import models

from cauce.core.statuses import AttentionCause, HeldStatus
from cauce.records.models.fields import choices_of, public_id, text
from cauce.records.models.instances import Version
from cauce.records.models.revisions import DeidentifiedInstance, Revision
from cauce.records.models.studies import Study

REASON_LENGTH_MAX = 500


class HeldInstance(models.Model):
    """One instance in quarantine: why it was held back, what was decided, by whom and for what reason.

    `deidentified` is the outcome that it is about, until an output takes its place. A decision `is_applied` once a
    revision was made with it.
    """

    public_id = public_id()
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="held")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="held")
    deidentified = models.OneToOneField(DeidentifiedInstance, null=True, on_delete=models.SET_NULL, related_name="held")
    profile = models.CharField(max_length=64)
    cause = models.CharField(max_length=32, choices=choices_of(AttentionCause))
    detail = text()
    status = models.CharField(max_length=16, choices=choices_of(HeldStatus), default=HeldStatus.HELD.value)
    boxes = models.JSONField(default=list, blank=True)
    elements = models.JSONField(default=list, blank=True)
    reason = models.CharField(max_length=REASON_LENGTH_MAX, blank=True, default="")
    decided_by = models.CharField(max_length=200, blank=True, default="")
    decided_at = models.DateTimeField(null=True)
    is_applied = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        """What waits for a person is found without looking at the others."""

        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["-id"], condition=models.Q(status="held"), name="held_waiting")
        ]

    def __str__(self) -> str:
        return self.public_id


class DeidentificationReport(models.Model):
    """What was done to a revision, as it was when it was delivered. Rows are only ever added.

    A revision that is delivered again with another outcome (a dead job was replayed) gets another one.
    """

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="reports", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()

    class Meta:
        """Numbered from 1 within the revision."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["revision", "number"], name="report_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.revision_id}/{self.number}"

    @property
    def document(self) -> dict[str, Any]:
        """The report, as JSON says it."""
        held: dict[str, Any] = json.loads(self.text)
        return held

    @property
    def text(self) -> bytes:
        """The very bytes that `sha256` is the digest of."""
        return zlib.decompress(bytes(self.content))
