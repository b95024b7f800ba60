"""Served: which objects lie below an address of DICOMweb, and what is kept about them beside their bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cauce.core.actors import Actor
from cauce.core.identifiers import (
    ObjectId,
    PublicId,
    SeriesInstanceUid,
    SopClassUid,
    SopInstanceUid,
    StudyInstanceUid,
    TransferSyntaxUid,
)
from cauce.core.messages import FrameIndex, ProjectRef
from cauce.core.statuses import Space


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A study of one project, or one series of it, or one instance of that series; in one of the two spaces."""

    project: ProjectRef
    space: Space
    study: str
    series: str | None = None
    instance: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedObject:
    """One object that is served. `pk` is the key of what is kept about it, unique within its space.

    `study_id` is our own id of its study, for the audit trail; `dataset_offset` is where the data set begins in the
    stored bytes.
    """

    pk: int
    space: Space
    object_id: ObjectId
    study_id: PublicId
    study_instance_uid: StudyInstanceUid
    series_instance_uid: SeriesInstanceUid
    sop_instance_uid: SopInstanceUid
    sop_class_uid: SopClassUid
    transfer_syntax_uid: TransferSyntaxUid
    size_bytes: int
    dataset_offset: int
    number_of_frames: int


class Served(Protocol):
    """Originals are served in their current version; of the de-identified space what was written last of each."""

    def objects(self, place: Place) -> Sequence[ServedObject]:
        """Return the objects at `place`, in the order of series and instance numbers; none where there is none."""

    def documents(self, objects: Sequence[ServedObject]) -> Mapping[int, bytes]:
        """Return the DICOM JSON of each of a few objects of one space, UTF-8, by `pk`; see `Header.dicom_json`."""

    def frame_index(self, served: ServedObject) -> FrameIndex | None:
        """Return where the frames of an object lie; `None` when it has no pixels."""

    def note_access(self, actor: Actor, action: str, *, subject: str, **detail: str) -> None:
        """Write an audit row a moment later, together with others. `detail` holds no identity and no original UID."""
