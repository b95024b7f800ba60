"""The catalogue's columns of one instance, picked from the top level of its data set."""

import re
import struct
from typing import Final

from cauce.core.messages import Attributes
from cauce.stages.validate.charset import DEFAULT_CHARSET, decode_text
from cauce.stages.validate.dictionary import ASCII_VRS, TEXT_VRS
from cauce.stages.validate.frames import PixelDescription
from cauce.stages.validate.json_model import Context, parse_decimal

TEXT_COLUMNS: Final = {
    0x00100010: "patient_name",
    0x00100020: "patient_id",
    0x00100021: "issuer_of_patient_id",
    0x00100030: "patient_birth_date",
    0x00100040: "patient_sex",
    0x00080020: "study_date",
    0x00080030: "study_time",
    0x00080050: "accession_number",
    0x00200010: "study_id",
    0x00081030: "study_description",
    0x00080090: "referring_physician_name",
    0x00080080: "institution_name",
    0x00080060: "modality",
    0x0008103E: "series_description",
    0x00080021: "series_date",
    0x00080031: "series_time",
    0x00180015: "body_part_examined",
    0x00200060: "laterality",
    0x00181030: "protocol_name",
    0x00080070: "manufacturer",
    0x00081010: "station_name",
    0x00400244: "performed_procedure_step_start_date",
    0x00400245: "performed_procedure_step_start_time",
    0x00080023: "content_date",
    0x00080033: "content_time",
    0x00080008: "image_type",
    0x00280301: "burned_in_annotation",
    0x00280004: "photometric_interpretation",
    0x00080201: "timezone_offset",
}
"""Columns of text, by the tags that they are taken from."""
_NUMBERS: Final = {
    0x00200011: "series_number",
    0x00200013: "instance_number",
    0x00280008: "number_of_frames",
    0x00280010: "rows",
    0x00280011: "columns",
    0x00280100: "bits_allocated",
    0x00280002: "samples_per_pixel",
}
_PIXELS: Final = {0x00280101: "bits_stored", 0x00280102: "high_bit", 0x00280103: "pixel_representation"}
"""What says more of the pixels, and is no column."""

_UIDS: Final = (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)
_INTEGER_TAGS: Final = frozenset(_NUMBERS) | frozenset(_PIXELS)
WANTED: Final = frozenset(TEXT_COLUMNS) | _INTEGER_TAGS | frozenset(_UIDS)
"""The elements of the top level that `Columns` can use."""

_INTEGERS: Final = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UN": "H"}
_OLD: Final = {
    "DA": re.compile(r"^([0-9]{4})\.([0-9]{2})\.([0-9]{2})$"),
    "TM": re.compile(r"^([0-9]{2}):([0-9]{2})(?::([0-9]{2}(?:\.[0-9]{1,6})?))?$"),
}
"""Dates and times as ACR-NEMA wrote them (PS3.5 section 6.2): they are searched for, and told, in today's form."""
_PADDING: Final = " \0"
_DIGITS_MAX: Final = 18
_INTEGER_MAX: Final = 2**31 - 1


class Columns:
    """Takes the wanted elements as they pass by; of repeated ones the last counts, as in the JSON."""

    def __init__(self, context: Context) -> None:
        """`context` is what values are read by, shared with the JSON."""
        self._context = context
        self._texts: dict[int, str] = {}
        self._numbers: dict[int, int | None] = {}

    def take(self, tag: int, vr: str, value: bytes) -> None:
        """Keep an element of the top level if it is wanted."""
        if tag not in WANTED:
            return
        if tag in _INTEGER_TAGS:
            self._numbers[tag] = self._number(vr, value)
            return
        charset = DEFAULT_CHARSET if vr in ASCII_VRS else self._context.charset
        text = decode_text(value, charset).strip(_PADDING)
        if "\\" in text:
            text = "\\".join([part.strip(_PADDING) for part in text.split("\\")])
        self._texts[tag] = _OLD[vr].sub(r"\1\2\3", text) if vr in _OLD and not text.isdigit() else text

    def text(self, tag: int) -> str:
        """Return a taken text, "" when it was absent."""
        return self._texts.get(tag, "")

    def attributes(self) -> Attributes:
        """Return the catalogue's columns."""
        texts = {name: self._texts[tag] for tag, name in TEXT_COLUMNS.items() if tag in self._texts}
        numbers = {name: self._numbers.get(tag) for tag, name in _NUMBERS.items()}
        numbers["number_of_frames"] = self._number_of_frames()
        return Attributes(**texts, **numbers)  # type: ignore[arg-type]  # the tables above pair names and types

    def pixels(self) -> PixelDescription:
        """Return what the header says of the pixels."""
        return PixelDescription(
            rows=self._numbers.get(0x00280010),
            columns=self._numbers.get(0x00280011),
            samples_per_pixel=self._numbers.get(0x00280002) or 1,
            bits_allocated=self._numbers.get(0x00280100),
            number_of_frames=self._number_of_frames(),
            photometric_interpretation=self.text(0x00280004),
            bits_stored=self._numbers.get(0x00280101),
            high_bit=self._numbers.get(0x00280102),
            pixel_representation=self._numbers.get(0x00280103),
        )

    def is_positive(self, tag: int) -> bool:
        """Tell whether a number that was taken can be read and is above 0; so is one that is absent or empty."""
        number = self._numbers.get(tag, 1)
        return number is not None and number > 0

    def _number_of_frames(self) -> int:
        return max(1, self._numbers.get(0x00280008) or 1)

    def _number(self, vr: str, value: bytes) -> int | None:
        """Return the first value as an integer that a database column holds, `None` when it is none."""
        if vr in TEXT_VRS:
            text = decode_text(value, DEFAULT_CHARSET).split("\\", 1)[0].strip(_PADDING)
            number = _integer(text)
        else:
            code = _INTEGERS.get(vr, "H")
            size = struct.calcsize(f"<{code}")
            if len(value) < size:
                return None
            number = struct.unpack(f"{'><'[not self._context.big]}{code}", value[:size])[0]
        return number if number is not None and -_INTEGER_MAX <= number <= _INTEGER_MAX else None


def _integer(text: str) -> int | None:
    """Read an IS, or a DS with an integral value as some writers have it."""
    number = parse_decimal(text) if len(text) <= _DIGITS_MAX else None
    return int(number) if number is not None and number.is_integer() else None
