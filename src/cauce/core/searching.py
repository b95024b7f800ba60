"""What of a catalogue can be searched for: the attributes by level, and the ways to match them (PS3.4 C.2.2.2)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Level(IntEnum):
    """The levels of the information model, from the top."""

    STUDY = 0
    SERIES = 1
    INSTANCE = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribute:
    """An attribute that is kept apart from the headers; `name` is ours, `level` the one that it belongs to.

    `is_returned` says that every answer of its level has it, `is_matched` that it can be searched for.
    """

    name: str
    keyword: str
    tag: str
    vr: str
    level: Level
    is_returned: bool
    is_matched: bool


@dataclass(frozen=True, slots=True)
class Universal:
    """Every value, also an absent one: the attribute is only wanted in the answer."""


@dataclass(frozen=True, slots=True)
class Empty:
    """No value, or an empty one."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of these values; they are not empty."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """One of these numbers."""

    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A text with `*` for any characters and `?` for one."""

    pattern: str

    @property
    def prefix(self) -> str:
        """What stands before the first of them."""
        return prefix_of(self.pattern)


@dataclass(frozen=True, slots=True)
class Range:
    """Dates or times between two, which are included; `None` is an open end. They compare as text.

    A single time is the range of what it leaves open.
    """

    low: str | None
    high: str | None
    is_single: bool = False


@dataclass(frozen=True, slots=True)
class Moments:
    """Dates with times between two moments, each a date and a time; the match of a date goes with one of a time."""

    low: tuple[str, str] | None
    high: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Words:
    """A name of which each of these, folded, begins a word."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """A name of which some group is like each of these, folded; `*` and `?` are wild."""

    patterns: tuple[str, ...]


def prefix_of(pattern: str) -> str:
    """Return what stands before the first `*` or `?`."""
    return pattern.replace("?", "*").partition("*")[0]


Match = Universal | Empty | OneOf | Numbers | Wildcard | Range | Moments | Words | Groups


_STUDY: Final = (
    ("study_date", "StudyDate", "00080020", "DA", "returned, matched"),
    ("study_time", "StudyTime", "00080030", "TM", "returned, matched"),
    ("accession_number", "AccessionNumber", "00080050", "SH", "returned, matched"),
    ("modalities_in_study", "ModalitiesInStudy", "00080061", "CS", "returned, matched"),
    ("sop_classes_in_study", "SOPClassesInStudy", "00080062", "UI", "matched"),
    ("institution_name", "InstitutionName", "00080080", "LO", "matched"),
    ("referring_physician_name", "ReferringPhysicianName", "00080090", "PN", "returned, matched"),
    ("study_timezone", "TimezoneOffsetFromUTC", "00080201", "SH", "returned"),
    ("study_description", "StudyDescription", "00081030", "LO", "returned, matched"),
    ("patient_name", "PatientName", "00100010", "PN", "returned, matched"),
    ("patient_id", "PatientID", "00100020", "LO", "returned, matched"),
    ("issuer_of_patient_id", "IssuerOfPatientID", "00100021", "LO", "matched"),
    ("patient_birth_date", "PatientBirthDate", "00100030", "DA", "returned, matched"),
    ("patient_sex", "PatientSex", "00100040", "CS", "returned, matched"),
    ("study_instance_uid", "StudyInstanceUID", "0020000D", "UI", "returned, matched"),
    ("study_id", "StudyID", "00200010", "SH", "returned, matched"),
    ("study_series", "NumberOfStudyRelatedSeries", "00201206", "IS", "returned"),
    ("study_instances", "NumberOfStudyRelatedInstances", "00201208", "IS", "returned"),
)
_SERIES: Final = (
    ("series_date", "SeriesDate", "00080021", "DA", "matched"),
    ("series_time", "SeriesTime", "00080031", "TM", "matched"),
    ("modality", "Modality", "00080060", "CS", "returned, matched"),
    ("manufacturer", "Manufacturer", "00080070", "LO", "matched"),
    ("series_timezone", "TimezoneOffsetFromUTC", "00080201", "SH", "returned"),
    ("station_name", "StationName", "00081010", "SH", "matched"),
    ("series_description", "SeriesDescription", "0008103E", "LO", "returned, matched"),
    ("body_part_examined", "BodyPartExamined", "00180015", "CS", "matched"),
    ("protocol_name", "ProtocolName", "00181030", "LO", "matched"),
    ("series_instance_uid", "SeriesInstanceUID", "0020000E", "UI", "returned, matched"),
    ("series_number", "SeriesNumber", "00200011", "IS", "returned, matched"),
    ("laterality", "Laterality", "00200060", "CS", "matched"),
    ("series_instances", "NumberOfSeriesRelatedInstances", "00201209", "IS", "returned"),
    ("performed_procedure_step_start_date", "PerformedProcedureStepStartDate", "00400244", "DA", "returned, matched"),
    ("performed_procedure_step_start_time", "PerformedProcedureStepStartTime", "00400245", "TM", "returned, matched"),
    ("requests", "RequestAttributesSequence", "00400275", "SQ", "returned"),
    ("scheduled_step_id", "RequestAttributesSequence.ScheduledProcedureStepID", "00400275.00400009", "SH", "matched"),
    ("requested_procedure_id", "RequestAttributesSequence.RequestedProcedureID", "00400275.00401001", "SH", "matched"),
)
_INSTANCE: Final = (
    ("image_type", "ImageType", "00080008", "CS", "matched"),
    ("sop_class_uid", "SOPClassUID", "00080016", "UI", "returned, matched"),
    ("sop_instance_uid", "SOPInstanceUID", "00080018", "UI", "returned, matched"),
    ("content_date", "ContentDate", "00080023", "DA", "matched"),
    ("content_time", "ContentTime", "00080033", "TM", "matched"),
    ("instance_timezone", "TimezoneOffsetFromUTC", "00080201", "SH", "returned"),
    ("instance_number", "InstanceNumber", "00200013", "IS", "returned, matched"),
    ("photometric_interpretation", "PhotometricInterpretation", "00280004", "CS", "matched"),
    ("number_of_frames", "NumberOfFrames", "00280008", "IS", "returned, matched"),
    ("rows", "Rows", "00280010", "US", "returned, matched"),
    ("columns", "Columns", "00280011", "US", "returned, matched"),
    ("bits_allocated", "BitsAllocated", "00280100", "US", "returned, matched"),
)
ATTRIBUTES: Final = tuple(
    Attribute(
        name=name,
        keyword=keyword,
        tag=tag,
        vr=vr,
        level=level,
        is_returned="returned" in use,
        is_matched="matched" in use,
    )
    for level, rows in ((Level.STUDY, _STUDY), (Level.SERIES, _SERIES), (Level.INSTANCE, _INSTANCE))
    for name, keyword, tag, vr, use in rows
)
"""Required are those of PS3.18 tables 10.6.1-5 and 10.6.3-3 to 5; the others are kept besides."""

BY_NAME: Final = {one.name: one for one in ATTRIBUTES}
DATES_WITH_TIMES: Final = {
    "study_date": "study_time",
    "series_date": "series_time",
    "performed_procedure_step_start_date": "performed_procedure_step_start_time",
    "content_date": "content_time",
}
"""A date and the time that goes with it: ranges of both are one range of moments (PS3.4 C.2.2.2.5.4)."""
