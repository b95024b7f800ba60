"""A study that work items ask to be processed, and what tests of that look at."""

from work_item_rows import STUDY

from cauce.core.errors import Unexpected
from cauce.samples import small_instance, stable_uid

PATH = "/workitems/1.2.3.4"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
PROGRESS = "ProcedureStepProgressInformationSequence"
PASS = ["close", "deidentify", "process", "summarise", "deliver"]


def image(number, **attributes):
    return small_instance(
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=stable_uid(7, "series"),
        SOPInstanceUID=stable_uid(7, "instance", str(number)),
        InstanceNumber=number,
        **attributes,
    )


def close_now():
    """Let the quiet time of all studies be over."""
    from django.utils import timezone

    from cauce.records.models import Job

    Job.objects.filter(step="close", status="queued").update(due_at=timezone.now())


def dead(detail="it broke"):
    error = Unexpected(detail)
    error.retryable = False
    return error


def revisions():
    from cauce.records.models import Revision

    return list(Revision.objects.order_by("number").values_list("number", "status"))
