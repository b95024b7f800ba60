"""The platform's codes in words, in the reader's language."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cauce.core.statuses import AttentionCause, HeldStatus, ItemStatus, JobStatus, Role, StudyStatus

Words = dict[str, str | Promise]

STUDY: Words = {
    StudyStatus.RECEIVING.value: _("Receiving"),
    StudyStatus.QUEUED.value: _("Queued"),
    StudyStatus.PROCESSING.value: _("Processing"),
    StudyStatus.READY.value: _("Ready"),
    StudyStatus.ATTENTION.value: _("Attention"),
    "cancelled": _("Cancelled"),
}
JOB: Words = {
    JobStatus.QUEUED.value: _("Queued"),
    JobStatus.RUNNING.value: _("Running"),
    JobStatus.SUCCEEDED.value: _("Succeeded"),
    JobStatus.RETRYING.value: _("Retrying"),
    JobStatus.DEAD.value: _("Dead"),
    JobStatus.CANCELLED.value: _("Cancelled"),
}
ITEM: Words = {
    ItemStatus.STORED.value: _("Stored"),
    ItemStatus.DUPLICATE.value: _("Duplicate"),
    ItemStatus.CONFLICT.value: _("Conflict"),
    ItemStatus.SKIPPED.value: _("Skipped"),
    ItemStatus.PENDING.value: _("Pending"),
    ItemStatus.REFUSED.value: _("Refused"),
}
STATE: Words = {
    "waiting": _("Waiting for the rest"),
    "closed": _("In line"),
    "held_back": _("Held back"),
    "deidentified": _("De-identified"),
    "processed": _("Measured"),
    "delivered": _("Delivered"),
    "contested": _("To be decided"),
    "superseded": _("Superseded"),
}
SOURCE: Words = {
    "upload": _("Upload"),
    "stow": _("DICOMweb"),
    "dimse": _("DICOM association"),
}
STEP: Words = {
    "close": _("Close the study"),
    "deidentify": _("De-identify"),
    "process": _("Measure"),
    "summarise": _("Summarise the series"),
    "deliver": _("Deliver"),
    "perform": _("Begin a work item"),
    "settle": _("End work items"),
}
CAUSE: Words = {
    AttentionCause.PIXELS_UNPROVEN.value: _("Pixels may show who the patient is"),
    AttentionCause.IDENTITY_SUSPECTED.value: _("Identity may be left in the header"),
    AttentionCause.DEIDENTIFICATION_FAILED.value: _("De-identification failed"),
    AttentionCause.UNDECODABLE_PIXELS.value: _("Pixels cannot be decoded"),
    AttentionCause.OBJECT_DAMAGED.value: _("A stored image is damaged"),
    AttentionCause.CONFLICT.value: _("Another version of an image arrived"),
    AttentionCause.JOB_DEAD.value: _("A job gave up"),
    AttentionCause.UNACCOUNTED.value: _("Images are not accounted for"),
}
HELD: Words = {
    HeldStatus.HELD.value: _("To be decided"),
    HeldStatus.RELEASED.value: _("Released"),
    HeldStatus.REDACTED.value: _("Redacted"),
    HeldStatus.REJECTED.value: _("Kept out"),
    HeldStatus.OUTDATED.value: _("Outdated"),
}
ACTION: Words = {
    "removed": _("Removed"),
    "private": _("Private elements removed"),
    "emptied": _("Emptied"),
    "replaced": _("Replaced"),
    "uids": _("UIDs replaced"),
    "pseudonym": _("Pseudonym written"),
    "shifted": _("Dates moved"),
    "frames_looked_at": _("Frames looked at for text"),
    "scrubbed": _("Texts cleaned"),
}
ROLE: Words = {
    Role.ADMIN.value: _("Administrator"),
    Role.CLINICIAN.value: _("Clinician"),
    Role.TECHNOLOGIST.value: _("Technologist"),
    Role.RESEARCHER.value: _("Researcher"),
    Role.AUDITOR.value: _("Auditor"),
    Role.SERVICE.value: _("Service"),
}
DEPENDENCY: Words = {
    "database": _("database"),
    "object_store": _("object store"),
    "key_ring": _("key ring"),
    "disk_reserve": _("disk reserve"),
}

TABLES = {
    "study": STUDY,
    "job": JOB,
    "item": ITEM,
    "state": STATE,
    "source": SOURCE,
    "step": STEP,
    "cause": CAUSE,
    "role": ROLE,
    "held": HELD,
    "action": ACTION,
}
