"""Work items: what others ask to be done, by whom it is done, and the values that they are searched for by."""

from django.db import models

from cauce.core.work_items import WorkItemState
from cauce.records.models.fields import choices_of, public_id, uid
from cauce.records.models.jobs import Job
from cauce.records.models.projects import Project
from cauce.records.models.revisions import Revision
from cauce.records.models.studies import Study

KEY_LENGTH_MAX = 512
PATH_LENGTH_MAX = 64


class WorkItem(models.Model):
    """One unified procedure step of a project's worklist. Its data set holds identity, as an original does.

    What the platform itself is to carry out has a `study`, and the `job` that begins it; it waits for a revision after
    `after_revision`, and `revision` is the one that it ended with. `transaction_uid` locks it while it is in progress.
    """

    public_id = public_id()
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    sop_instance_uid = uid()
    state = models.CharField(max_length=16, choices=choices_of(WorkItemState), default=WorkItemState.SCHEDULED.value)
    transaction_uid = uid(blank=True, default="")
    study = models.ForeignKey(Study, null=True, on_delete=models.CASCADE, related_name="work_items", db_index=False)
    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL, related_name="work_item")
    after_revision = models.PositiveIntegerField(null=True)
    revision = models.ForeignKey(Revision, null=True, on_delete=models.SET_NULL, related_name="+")
    document = models.BinaryField()
    performed = models.BinaryField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """Unique per worklist; looked through by state, newest first; those that wait for a study are few."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["project", "sop_instance_uid"], name="work_item_once_per_worklist")
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["project", "state", "id"], name="work_item_by_state"),
            models.Index(fields=["project", "id"], name="work_item_newest"),
            models.Index(
                fields=["study"],
                condition=models.Q(state__in=["SCHEDULED", "IN PROGRESS"]),
                name="work_item_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class WorkItemKey(models.Model):
    """One value of a work item that searches look for: `path` are tags with dots, `place` the item of the sequence."""

    item = models.ForeignKey(WorkItem, on_delete=models.CASCADE, related_name="keys", db_index=False)
    path = models.CharField(max_length=PATH_LENGTH_MAX)
    place = models.PositiveSmallIntegerField(default=0)
    value = models.CharField(max_length=KEY_LENGTH_MAX)

    class Meta:
        """Found by value, and by work item when it changes."""

        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["path", "value", "item"], name="work_item_by_key"),
            models.Index(fields=["item", "path", "value"], name="work_item_keys"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
