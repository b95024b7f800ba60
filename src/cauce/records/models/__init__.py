"""Models by subject. Primary keys are integers for joins; what the outside sees is a random `public_id`."""

from cauce.records.models.instances import AlternateEncoding, Instance, Version, VersionHeader
from cauce.records.models.jobs import Job, JobAttempt, WorkerNode
from cauce.records.models.modalities import CallingAe
from cauce.records.models.profiles import ProfileVersion
from cauce.records.models.projects import Project
from cauce.records.models.results import Artifact, InstanceResult, ProcessingResult
from cauce.records.models.reviews import DeidentificationReport, HeldInstance
from cauce.records.models.revisions import Batch, BatchItem, DeidentifiedInstance, Revision
from cauce.records.models.searching import (
    CleanKind,
    CleanName,
    CleanRequest,
    CleanSeries,
    CleanStudy,
    SeriesKind,
    SeriesRequest,
    StudyName,
)
from cauce.records.models.studies import Series, Study
from cauce.records.models.uploads import Upload, UploadItem
from cauce.records.models.vault import PatientLink
from cauce.records.models.work_items import WorkItem, WorkItemKey

__all__ = [
    "AlternateEncoding",
    "Artifact",
    "Batch",
    "BatchItem",
    "CallingAe",
    "CleanKind",
    "CleanName",
    "CleanRequest",
    "CleanSeries",
    "CleanStudy",
    "DeidentificationReport",
    "DeidentifiedInstance",
    "HeldInstance",
    "Instance",
    "InstanceResult",
    "Job",
    "JobAttempt",
    "PatientLink",
    "ProcessingResult",
    "ProfileVersion",
    "Project",
    "Revision",
    "Series",
    "SeriesKind",
    "SeriesRequest",
    "Study",
    "StudyName",
    "Upload",
    "UploadItem",
    "Version",
    "VersionHeader",
    "WorkItem",
    "WorkItemKey",
    "WorkerNode",
]
