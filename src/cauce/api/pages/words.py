"""The platform's codes in words, in the reader's language."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cauce.core.statuses import AttentionCause, ItemStatus, JobStatus, StudyStatus

STUDY: dict[str, str | Promise] = {
    StudyStatus.RECEIVING.value: _("receiving"),
    StudyStatus.QUEUED.value: _("queued"),
    StudyStatus.PROCESSING.value: _("processing"),
    StudyStatus.READY.value: _("ready"),
    StudyStatus.ATTENTION.value: _("attention"),
    "cancelled": _("cancelled"),
}
JOB: dict[str, str | Promise] = {
    JobStatus.QUEUED.value: _("queued"),
    JobStatus.RUNNING.value: _("running"),
    JobStatus.SUCCEEDED.value: _("succeeded"),
    JobStatus.RETRYING.value: _("retrying"),
    JobStatus.DEAD.value: _("dead"),
    JobStatus.CANCELLED.value: _("cancelled"),
}
ITEM: dict[str, str | Promise] = {
    ItemStatus.STORED.value: _("stored"),
    ItemStatus.DUPLICATE.value: _("duplicate"),
    ItemStatus.CONFLICT.value: _("conflict"),
    ItemStatus.SKIPPED.value: _("skipped"),
    ItemStatus.PENDING.value: _("pending"),
    ItemStatus.REFUSED.value: _("refused"),
}
STEP: dict[str, str | Promise] = {
    "close": _("close"),
    "deidentify": _("de-identify"),
    "process": _("process"),
    "summarise": _("summarise"),
    "deliver": _("deliver"),
}
CAUSE: dict[str, str | Promise] = {
    AttentionCause.PIXELS_UNPROVEN.value: _("Pixels may show who the patient is"),
    AttentionCause.IDENTITY_SUSPECTED.value: _("Identity may be left in the header"),
    AttentionCause.DEIDENTIFICATION_FAILED.value: _("De-identification failed"),
    AttentionCause.UNDECODABLE_PIXELS.value: _("Pixels cannot be decoded"),
    AttentionCause.CONFLICT.value: _("Another version of an image arrived"),
    AttentionCause.JOB_DEAD.value: _("A job gave up"),
}
