"""One DICOM file: what it says of patient and study, and any of its elements by tag."""

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pydicom
from pydicom.datadict import dictionary_description, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from cauce.core.errors import InvalidRequest, Refused
from cauce.core.limits import Limits
from cauce.core.statuses import RefusalCode
from cauce.stages.validate import read_header

_SHOWN_MAX = 200
_BULK_BYTES = 4096
_HALF = re.compile(r"0[xX][0-9A-Fa-f]{1,4}")
_WHOLE = re.compile(r"0[xX]([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})")
_PAIR = re.compile(r"\(?([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)?")
_FATAL = frozenset({RefusalCode.NOT_DICOM, RefusalCode.TRUNCATED, RefusalCode.TOO_DEEP, RefusalCode.TOO_LARGE})
_NOT_DICOM = "The file is not DICOM, or is damaged."


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyFacts:
    """What a file says of its patient and its study; what it lacks is `None`, and one frame where no count is given.

    Dates, times and the age are texts as DICOM writes them (PS3.5 6.2: `20250131`, `101112`, `045Y`).
    """

    patient_name: str | None
    patient_age: str | None
    patient_birth_date: str | None
    patient_sex: str | None
    patient_weight_kg: float | None
    patient_id: str | None
    type_of_patient_id: str | None
    modality: str | None
    study_date: str | None
    study_time: str | None
    study_instance_uid: str | None
    series_number: int | None
    number_of_frames: int


class DicomFile:
    """The header of one file; pixel data stay where they are."""

    def __init__(self, ds: Dataset) -> None:
        """`ds` is what was read."""
        self._ds = ds

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            Refused: it is not DICOM, or is cut off or damaged.
            OSError: it cannot be read.
        """
        with path.open("rb") as source:
            try:
                read_header(source, size_bytes=path.stat().st_size, limits=Limits())
            except Refused as error:
                if error.refusal in _FATAL:
                    raise
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return cls(pydicom.dcmread(path, force=True, defer_size=_BULK_BYTES))
        except (pydicom.errors.InvalidDicomError, ValueError, KeyError, EOFError, NotImplementedError) as error:
            raise Refused(RefusalCode.NOT_DICOM, _NOT_DICOM) from error

    def study_facts(self) -> StudyFacts:
        """Return what the file says of patient and study."""
        return StudyFacts(
            patient_name=self.text("PatientName"),
            patient_age=self.text("PatientAge"),
            patient_birth_date=self.text("PatientBirthDate"),
            patient_sex=self.text("PatientSex"),
            patient_weight_kg=self._number("PatientWeight"),
            patient_id=self.text("PatientID"),
            type_of_patient_id=self.text("TypeOfPatientID"),
            modality=self.text("Modality"),
            study_date=self.text("StudyDate"),
            study_time=self.text("StudyTime"),
            study_instance_uid=self.text("StudyInstanceUID"),
            series_number=self._integer("SeriesNumber"),
            number_of_frames=max(self._integer("NumberOfFrames") or 1, 1),  # what is no count counts as absent
        )

    def text(self, tag: BaseTag | str) -> str | None:
        """Return an element as one line of text; `None` where it is absent or empty."""
        wanted = Tag(tag)
        meta = getattr(self._ds, "file_meta", None)
        ds = meta if wanted.group == 2 and meta is not None else self._ds  # noqa: PLR2004 - file meta information
        if wanted not in ds:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                held = ds.get_item(wanted)
                length = getattr(held, "length", 0)
                if held is not None and held.VR != "SQ" and held.value is None and length:
                    return f"{length} bytes"  # deferred: too long to be shown
                return _shown(ds[wanted].value)
        except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, OverflowError):
            return "a value that cannot be read"

    def _number(self, keyword: str) -> float | None:
        try:
            return float(self.text(keyword) or "")
        except ValueError:
            return None

    def _integer(self, keyword: str) -> int | None:
        number = self._number(keyword)
        return int(number) if number is not None and number.is_integer() else None


def tags_of(words: Iterable[str]) -> list[BaseTag]:
    """Return the tags that `words` name: `0x0008 0x0016`, `0x00080016`, `0008,0016` or a keyword such as `Modality`.

    Raises:
        InvalidRequest: a word is none of these, or a group is left without its element.
    """
    tags: list[BaseTag] = []
    left = iter(words)
    for word in left:
        if _HALF.fullmatch(word):
            element = next(left, "")
            if not _HALF.fullmatch(element):
                raise InvalidRequest(f"{word} is a group and wants its element after it, such as 0x0008 0x0016")
            tags.append(Tag(int(word, 16), int(element, 16)))
        elif match := _WHOLE.fullmatch(word) or _PAIR.fullmatch(word):
            tags.append(Tag(int(match[1], 16), int(match[2], 16)))
        elif word and (number := tag_for_keyword(word)) is not None:
            tags.append(Tag(number))
        else:
            raise InvalidRequest(f"{word!r} is no tag: give 0x0008 0x0016, 0x00080016, 0008,0016 or a keyword")
    return tags


def name_of(tag: BaseTag) -> str:
    """Return a tag with its name of the data dictionary (PS3.6)."""
    numbers = f"({tag.group:04X},{tag.element:04X})"
    if keyword_for_tag(tag):
        return f"{dictionary_description(tag)} {numbers}"
    return f"{'Private element' if tag.is_private else 'Unknown element'} {numbers}"


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes" if value else None
    if isinstance(value, pydicom.Sequence):
        return f"{len(value)} items" if len(value) != 1 else "1 item"
    many: Sequence[Any] = value if isinstance(value, MultiValue | list | tuple) else (value,)
    text = "\\".join(str(one) for one in many).strip(" \0")
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return (text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…") or None
