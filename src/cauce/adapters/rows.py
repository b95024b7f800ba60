"""Messages -> rows: how a header becomes columns, and how its larger parts are packed into blobs."""

import datetime as dt
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cauce.core import person_names
from cauce.core.messages import Attributes, FrameIndex, Header
from cauce.ports.catalogue import Arrival
from cauce.records.models.fields import TEXT_LENGTH_MAX
from cauce.stages.validate.columns import TEXT_COLUMNS

_INTEGER_MAX = 2**63 - 1
_BITS_PER_BYTE = 8
_SERIES_NUMBER = "00200011"
STUDY_COLUMNS = (
    "patient_name",
    "patient_id",
    "issuer_of_patient_id",
    "patient_birth_date",
    "patient_sex",
    "study_date",
    "study_time",
    "accession_number",
    "study_id",
    "study_description",
    "referring_physician_name",
    "institution_name",
    "timezone_offset",
)
SERIES_COLUMNS = (
    "modality",
    "series_number",
    "series_description",
    "series_date",
    "series_time",
    "body_part_examined",
    "laterality",
    "protocol_name",
    "manufacturer",
    "station_name",
    "performed_procedure_step_start_date",
    "performed_procedure_step_start_time",
    "timezone_offset",
)
VERSION_COLUMNS = (
    "instance_number",
    "rows",
    "columns",
    "bits_allocated",
    "number_of_frames",
    "photometric_interpretation",
    "image_type",
    "content_date",
    "content_time",
    "timezone_offset",
)
CLEAN_COLUMNS = ("content_date", "content_time", "timezone_offset")
"""What the row of a de-identified object says of it besides; the rest is as in the original's."""


def columns(attributes: Attributes, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the named attributes as column values: text cut to its column, no NUL, integers that a column can hold."""
    return {name: _fitting(getattr(attributes, name)) for name in names}


def _fitting(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "")[:TEXT_LENGTH_MAX]
    if isinstance(value, int) and abs(value) > _INTEGER_MAX:
        return None
    return value


def described(dicom_json: Mapping[str, Any]) -> Attributes:
    """Return what a DICOM JSON document says of its study and series."""
    texts = {name: text_of(dicom_json.get(f"{tag:08X}", {})) for tag, name in TEXT_COLUMNS.items()}
    (number, *_) = dicom_json.get(_SERIES_NUMBER, {}).get("Value") or [None]
    return Attributes(**texts, series_number=number if isinstance(number, int) else None)  # type: ignore[arg-type] # texts


def text_of(element: Mapping[str, Any]) -> str:
    """Return the values of an element of DICOM JSON as the text of a column."""
    values = [person_names.text_of(value) if isinstance(value, dict) else value for value in element.get("Value", [])]
    return "\\".join("" if value is None else str(value) for value in values)


def decoded_bytes(attributes: Attributes) -> int:
    """Return how many bytes all frames take when decoded: the estimated cost of working on the instance."""
    a = attributes
    bits = (a.rows or 0) * (a.columns or 0) * (a.samples_per_pixel or 1) * (a.bits_allocated or 0)
    return min(bits * max(a.number_of_frames, 1) // _BITS_PER_BYTE, _INTEGER_MAX)


def version_row(arrival: Arrival, *, now: dt.datetime) -> dict[str, Any]:
    """Return what an arrival's version row says of itself; the instance and the state are the catalogue's to add."""
    header = arrival.header
    return {
        "object_id": arrival.object_id,
        "transfer_syntax_uid": header.transfer_syntax_uid,
        "dataset_sha256": header.dataset_sha256,
        "canonical_digest": arrival.canonical_digest,
        "size_bytes": header.size_bytes,
        "dataset_offset": header.dataset_offset,
        "pixel_offset": header.pixel_offset,
        "decoded_bytes": decoded_bytes(header.attributes),
        "source": arrival.source,
        "received_at": now,
        **columns(header.attributes, VERSION_COLUMNS),
    }


def header_row(header: Header) -> dict[str, Any]:
    """Return what metadata requests and frame reads need of a version."""
    return {
        "dicom_json": pack_json(header.dicom_json),
        "frames": pack_frames(header.frames),
        "warnings": warnings_of(header),
    }


def pack_json(dicom_json: bytes) -> bytes:
    """Deflate a DICOM JSON document."""
    return zlib.compress(dicom_json, 1)


def pack_frames(frames: FrameIndex | None) -> bytes | None:
    """Deflate a frame index."""
    if frames is None:
        return None
    return zlib.compress(json.dumps({"encapsulated": frames.encapsulated, "frames": frames.frames}).encode(), 1)


def unpack_frames(blob: bytes) -> FrameIndex:
    """Inflate a frame index."""
    held = json.loads(zlib.decompress(blob))
    frames = tuple(tuple((int(offset), int(length)) for offset, length in parts) for parts in held["frames"])
    return FrameIndex(encapsulated=bool(held["encapsulated"]), frames=frames)


def warnings_of(header: Header) -> list[dict[str, str]]:
    """Return the header's warnings as plain data."""
    return [asdict(warned) for warned in header.warnings]
