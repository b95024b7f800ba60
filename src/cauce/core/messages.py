"""The messages that the stages hand each other: frozen, keyword-only, without behaviour.

The order of this file is the order of the flow: what comes in, what its header says, what was decided,
what was removed, what was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from cauce.core.identifiers import (
    ObjectId,
    PublicId,
    SeriesInstanceUid,
    SopClassUid,
    SopInstanceUid,
    StudyInstanceUid,
    TransferSyntaxUid,
)
from cauce.core.statuses import AttentionCause, ItemStatus, Space


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectRef:
    """A project: the wall between one group's studies and another's."""

    pk: int
    slug: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadRef:
    """One delivery: a request, an association, an import. Its receipt lists every file's verdict."""

    pk: int
    public_id: PublicId
    project: ProjectRef


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """One file on its way in: Part 10 bytes, in memory when small, else an open seekable file.

    `name` is what the sender called it; it may carry identity, so it is stored in the catalogue and never logged.
    `source` is the entrance: `upload`, `stow`, `dimse`.
    """

    content: bytes | BinaryIO
    size_bytes: int
    name: str
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Warned:
    """Something irregular in an instance that was taken all the same. `detail` never carries a value of it."""

    code: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameIndex:
    """Where the frames lie in the stored bytes, so that a frame is read by range without opening the file.

    `frames[i]` holds the (offset, length) pairs, in bytes from the start of the Part 10 file, whose concatenation is
    frame i: one pair for native pixels, one a fragment for encapsulated ones. Empty when frames cannot be addressed
    (deflated data sets, native frames that do not end on a byte).
    """

    encapsulated: bool
    frames: tuple[tuple[tuple[int, int], ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Attributes:
    """The catalogue's searchable columns of one instance. Text is Unicode, stripped of padding; absent is "".

    Dates are DICOM's `YYYYMMDD`, times `HHMMSS[.ffffff]`, as found. Multiple values are joined by a backslash.
    """

    patient_name: str = ""
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    study_date: str = ""
    study_time: str = ""
    accession_number: str = ""
    study_id: str = ""
    study_description: str = ""
    referring_physician_name: str = ""
    institution_name: str = ""
    modality: str = ""
    series_number: int | None = None
    series_description: str = ""
    series_date: str = ""
    series_time: str = ""
    body_part_examined: str = ""
    laterality: str = ""
    protocol_name: str = ""
    manufacturer: str = ""
    station_name: str = ""
    performed_procedure_step_start_date: str = ""
    performed_procedure_step_start_time: str = ""
    instance_number: int | None = None
    content_date: str = ""
    content_time: str = ""
    image_type: str = ""
    burned_in_annotation: str = ""
    photometric_interpretation: str = ""
    rows: int | None = None
    columns: int | None = None
    number_of_frames: int = 1
    bits_allocated: int | None = None
    samples_per_pixel: int | None = None
    timezone_offset: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What one parse of an instance tells: identity of the object, catalogue columns, DICOM JSON, frame offsets.

    `dataset_offset` is where the data set begins (after preamble and group 0002), in bytes; `pixel_offset` is the value
    of the pixel data element, `None` when there is none. `dataset_sha256` covers the bytes from `dataset_offset` to the
    end. `dicom_json` is the DICOM JSON model (PS3.18 F) without group 0002, UTF-8; binary values of more than a few
    bytes are left out and named by a `BulkDataURI` of the form `bulk:<offset>:<length>`.
    """

    sop_class_uid: SopClassUid
    sop_instance_uid: SopInstanceUid
    series_instance_uid: SeriesInstanceUid
    study_instance_uid: StudyInstanceUid
    transfer_syntax_uid: TransferSyntaxUid
    size_bytes: int
    dataset_offset: int
    pixel_offset: int | None
    dataset_sha256: bytes
    attributes: Attributes
    dicom_json: bytes
    frames: FrameIndex | None
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What became of one file. `code` and `detail` say why when it was refused, skipped or irregular."""

    status: ItemStatus
    name: str
    code: str = ""
    detail: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    study_id: PublicId | None = None
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """An object that is durable: its name and the length of its plain bytes."""

    space: Space
    object_id: ObjectId
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pseudonym:
    """What stands for one patient in one project, from the vault.

    `name` is the random pseudonym; `uid_secret` (32 bytes) keys the map of UIDs; `date_offset_days` is never zero.
    """

    name: str
    uid_secret: bytes = field(repr=False)
    date_offset_days: int = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedPatient:
    """Who a pseudonym stands for, from the vault. Identity: shown to whom the vault is opened, and nowhere kept.

    `study_instance_uid` is set where the id names nobody and stands for itself within this study. `study_ids` are our
    ids of the patient's studies in the project.
    """

    pseudonym: str
    patient_id: str = field(repr=False)
    issuer_of_patient_id: str = field(repr=False)
    study_instance_uid: str = field(repr=False)
    study_ids: tuple[PublicId, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileText:
    """A de-identification profile as a project keeps it: its text, and what the text was found to be.

    `number` counts the versions of one project from 1; 0 is not kept (yet).
    """

    name: str
    version: str
    digest: str
    text: str
    number: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RevisionProfile:
    """Under which profile a revision is worked on. `key` tells its outputs from others; "" as `text` is the default."""

    key: str
    number: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """What people have decided about an instance that was held back.

    `overridden` are pairs of cause and detail that no longer hold it back; `boxes` (x, y, width, height, in pixels) are
    blanked in every frame, `elements` removed at every depth. A rejected one stays out whatever becomes of it, with
    `cause` and `detail` as they were.
    """

    overridden: frozenset[tuple[str, str]] = frozenset()
    boxes: tuple[tuple[int, int, int, int], ...] = ()
    elements: tuple[int, ...] = ()
    is_rejected: bool = False
    cause: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deidentified:
    """What de-identification made of one instance.

    When `cause` is set the instance is held back: nothing of it was written, `detail` says why without identity.
    `boxes` (x, y, width, height) were blanked in its pixels.
    """

    sop_instance_uid: SopInstanceUid
    series_instance_uid: SeriesInstanceUid
    study_instance_uid: StudyInstanceUid
    size_bytes: int = 0
    actions: Mapping[str, int] = field(default_factory=dict)
    boxes: tuple[tuple[int, int, int, int], ...] = ()
    cause: AttentionCause | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """What processing measured on one instance. Values are in stored units after the modality transform (HU for CT).

    `outcome` is `measured`, `no_pixels` (nothing to measure: SR, waveform, plan) or `undecodable`, then `detail` names
    the transfer syntax or defect. `frames_measured` of `frames` frames went into the figures.
    `snr` is (mean of the foreground - background) / noise; `sharpness` is the variance of the Laplacian.
    """

    outcome: str
    detail: str = ""
    rows: int = 0
    columns: int = 0
    frames: int = 0
    frames_measured: int = 0
    pixels: int = 0
    unit: str = ""
    mean: float | None = None
    standard_deviation: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    snr: float | None = None
    sharpness: float | None = None
