"""DICOM JSON with its bulk data (PS3.18 10.5.2, annex F) as Part 10 files."""

import json
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any, Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

from cauce.core.errors import Refused
from cauce.core.file_head import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from cauce.core.identifiers import is_usable_uid
from cauce.core.statuses import RefusalCode
from cauce.core.transfer_syntaxes import EXPLICIT_LITTLE, Pixels, transfer_syntax

TOKENS_MAX: Final = 500_000
"""Most objects, arrays and values of one JSON document: what each becomes takes up to a few hundred bytes."""
_DEPTH_MAX: Final = 64
_CHARACTER_SET: Final = 0x00080005
_SYNTAX: Final = "00083002"
"""Available Transfer Syntax UID: what the sender says that its compressed pixels are in (PS3.18 10.5.2.1)."""

BulkData = Callable[[str], tuple[bytes, str]]
"""From a BulkDataURI to its bytes and the transfer syntax that its part names, or "".

Raises:
    KeyError: there is no such part.
"""


def documents_of(text: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield the data sets of a JSON document: an array of them, or one alone.

    Raises:
        Refused: `not_dicom`, `too_deep`, `too_large`.
    """
    if sum(map(text.count, (b"{", b"[", b","))) > TOKENS_MAX:
        raise Refused(RefusalCode.TOO_LARGE, f"The metadata have more than {TOKENS_MAX} values.")
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise Refused(RefusalCode.TOO_DEEP, "The JSON is nested too deeply.") from error
    except ValueError as error:
        raise Refused(RefusalCode.NOT_DICOM, "The metadata are no JSON.") from error
    documents = found if isinstance(found, list) else [found]
    for document in documents:
        if not isinstance(document, dict):
            raise Refused(RefusalCode.NOT_DICOM, "The metadata are no DICOM JSON.")
        yield document


def part10_of(document: Mapping[str, Any], bulk_data: BulkData) -> bytes:
    """Return a data set of the JSON model, and the bulk data that it names, as a Part 10 file.

    It is written in Explicit VR Little Endian, or in the transfer syntax of its pixels where those come compressed,
    which only an image of one frame can.

    Raises:
        Refused: `not_dicom`, `missing_uid`, `too_deep`, `too_large`, `unsupported_sop_class`.
    """
    _require_shallow(document)
    syntaxes: list[str] = []

    def found(tag: str, _vr: str, uri: str) -> bytes:
        content, syntax = bulk_data(uri)
        if tag == "7FE00010" and syntax:
            syntaxes.append(syntax)
        return content

    try:
        ds = Dataset.from_json(dict(document), found)
    except Refused:
        raise
    except KeyError as error:
        raise Refused(RefusalCode.NOT_DICOM, "It names bulk data that are not in the request.") from error
    except RecursionError as error:
        raise Refused(RefusalCode.TOO_DEEP, "It is nested too deeply.") from error
    except Exception as error:  # pydicom raises whatever a malformed value leads to
        raise Refused(RefusalCode.NOT_DICOM, "It is no data set of the DICOM JSON model.") from error
    syntax = (syntaxes or [_named_syntax(document)])[0]
    try:
        ds.pop(_SYNTAX, None)
        if not json.dumps(document, ensure_ascii=False).isascii():
            _say_unicode(ds)
        return _written(ds, syntax)
    except Refused:
        raise
    except Exception as error:  # as above: values are looked at, and written, one by one
        raise Refused(RefusalCode.NOT_DICOM, "A value of it cannot be written.") from error


def _say_unicode(ds: Dataset) -> None:
    """Let a data set be written in UTF-8, as its JSON came (PS3.18 F.2), whatever character set it names."""
    ds.walk(_forget_character_set)
    ds.SpecificCharacterSet = "ISO_IR 192"


def _forget_character_set(ds: Dataset, element: Any) -> None:
    if element.tag == _CHARACTER_SET:
        del ds[element.tag]


def _named_syntax(document: Mapping[str, Any]) -> str:
    element = document.get(_SYNTAX)
    values = element.get("Value") if isinstance(element, dict) else None
    return str(values[0]) if isinstance(values, list) and values else EXPLICIT_LITTLE


def _written(ds: Dataset, syntax: str) -> bytes:
    known = transfer_syntax(syntax)
    uids = [UID(str(ds.get(name, ""))) for name in ("SOPClassUID", "SOPInstanceUID")]
    if not all(map(is_usable_uid, uids)):
        raise Refused(RefusalCode.MISSING_UID, "It has no SOP Class UID or SOP Instance UID.")
    for element in [element for element in ds if element.tag.group <= 0x0002]:  # noqa: PLR2004 - file meta and commands
        del ds[element.tag]
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = uids
    ds.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    ds.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    is_compressed = known is not None and known.pixels is not Pixels.NATIVE and "PixelData" in ds
    ds.file_meta.TransferSyntaxUID = UID(syntax if is_compressed else EXPLICIT_LITTLE)
    if known is None:
        raise Refused(RefusalCode.NOT_DICOM, "Its pixels are in an unknown transfer syntax.")
    if is_compressed:
        if int(ds.get("NumberOfFrames") or 1) > 1:
            raise Refused(RefusalCode.NOT_DICOM, "Compressed frames cannot be told apart in one part.")
        ds.PixelData = encapsulate([ds.PixelData])
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
    target = BytesIO()
    dcmwrite(target, ds, enforce_file_format=True)
    return target.getvalue()


def _require_shallow(document: Mapping[str, Any], depth: int = 0) -> None:
    if depth > _DEPTH_MAX:
        raise Refused(RefusalCode.TOO_DEEP, "Its sequences are nested too deeply.")
    for element in document.values():
        values = element.get("Value") if isinstance(element, dict) and element.get("vr") == "SQ" else None
        for item in values if isinstance(values, list) else ():
            if isinstance(item, dict):
                _require_shallow(item, depth + 1)
