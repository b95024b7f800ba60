"""Uploads: each delivery and the verdict on every file of it."""

from django.conf import settings
from django.db import models

from cauce.core.statuses import ItemStatus
from cauce.records.models.fields import choices_of, public_id, uid
from cauce.records.models.instances import Version
from cauce.records.models.projects import Project
from cauce.records.models.studies import Study

NAME_LENGTH_MAX = 1024


class Upload(models.Model):
    """One delivery: a form, a STOW request, an association, an import."""

    public_id = public_id()
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="uploads", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    sender = models.CharField(max_length=200, blank=True, default="")
    source = models.CharField(max_length=16)
    final = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.public_id


class UploadItem(models.Model):
    """The verdict on one file. `name` is the sender's and may carry identity: it never reaches a log."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="items", db_index=False)
    name = models.CharField(max_length=NAME_LENGTH_MAX)
    status = models.CharField(max_length=16, choices=choices_of(ItemStatus))
    code = models.CharField(max_length=64, blank=True, default="")
    detail = models.CharField(max_length=500, blank=True, default="")
    sop_instance_uid = uid(blank=True, default="")
    study = models.ForeignKey(Study, null=True, on_delete=models.SET_NULL, related_name="+")
    version = models.ForeignKey(Version, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        """Verdicts are counted and filtered, and archives found pending, without looking at the other files."""

        indexes = [models.Index(fields=["upload", "status", "id"], name="item_by_verdict")]  # noqa: RUF012 - Django's way

    def __str__(self) -> str:
        return str(self.pk)
