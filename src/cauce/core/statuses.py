"""Statuses and codes that users and scripts rely on. Their values are part of the public surface."""

from enum import StrEnum


class ItemStatus(StrEnum):
    """What became of one uploaded file."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    SKIPPED = "skipped"
    PENDING = "pending"
    REFUSED = "refused"


class StudyStatus(StrEnum):
    """Where a study is in the flow."""

    RECEIVING = "receiving"
    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    ATTENTION = "attention"


class JobStatus(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    RETRYING = "retrying"
    DEAD = "dead"
    CANCELLED = "cancelled"


class RefusalCode(StrEnum):
    """Why an input was refused. Stable: scripts compare these."""

    NOT_DICOM = "not_dicom"
    TRUNCATED = "truncated"
    MISSING_UID = "missing_uid"
    INVALID_UID = "invalid_uid"
    UNSUPPORTED_SOP_CLASS = "unsupported_sop_class"
    PIXEL_LENGTH_MISMATCH = "pixel_length_mismatch"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    ARCHIVE_UNSAFE = "archive_unsafe"
    STORAGE_FULL = "storage_full"
    FORBIDDEN = "forbidden"


class Space(StrEnum):
    """The two realms of objects, each under keys of its own. Processing is given only the second."""

    ORIGINALS = "originals"
    DEIDENTIFIED = "deidentified"


class AttentionCause(StrEnum):
    """Why a study, or an instance of it, waits for a person."""

    PIXELS_UNPROVEN = "pixels_unproven"
    IDENTITY_SUSPECTED = "identity_suspected"
    DEIDENTIFICATION_FAILED = "deidentification_failed"
    UNDECODABLE_PIXELS = "undecodable_pixels"
    CONFLICT = "conflict"
    JOB_DEAD = "job_dead"
    OBJECT_DAMAGED = "object_damaged"
    UNACCOUNTED = "unaccounted"


class HeldStatus(StrEnum):
    """What a person has decided about an instance that de-identification held back.

    Outdated: nobody has to decide any more, since another content or another profile took its place.
    """

    HELD = "held"
    RELEASED = "released"
    REDACTED = "redacted"
    REJECTED = "rejected"
    OUTDATED = "outdated"


class Role(StrEnum):
    """What an account may do."""

    ADMIN = "admin"
    CLINICIAN = "clinician"
    TECHNOLOGIST = "technologist"
    RESEARCHER = "researcher"
    AUDITOR = "auditor"
    SERVICE = "service"
