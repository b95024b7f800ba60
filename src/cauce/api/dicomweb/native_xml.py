"""DICOM JSON (PS3.18 annex F) -> the Native DICOM Model in XML (PS3.19 annex A.1)."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from pydicom.datadict import keyword_for_tag

from cauce.core.person_names import GROUPS

_HEAD: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">'
)
_TAIL: Final = b"</NativeDicomModel>"
_COMPONENTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")

_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry at all, not even escaped."""
_SPECIAL: Final = re.compile("[&<>\r]")
_SPECIAL_IN_ATTRIBUTE: Final = re.compile('[&<>"\t\n\r]')
_CREATORS: Final = range(0x10, 0x100)

Element = Mapping[str, Any]


def native_xml(document: bytes | Mapping[str, Element]) -> bytes:
    """Return one data set of the JSON model as an XML document, UTF-8.

    Numbers given as text keep the digits that they have there. Characters that XML cannot carry become U+FFFD.
    """
    return b"".join(native_xml_pieces(document))


def native_xml_pieces(document: bytes | Mapping[str, Element]) -> Iterator[bytes]:
    """Yield the XML document attribute by attribute; see `native_xml`."""
    yield _HEAD
    held = json.loads(document, parse_float=str, parse_int=str) if isinstance(document, bytes) else document
    for text in _attributes(held):
        yield text.encode()
    yield _TAIL


def _attributes(dataset: Mapping[str, Element]) -> Iterator[str]:
    creators: dict[str, str] = {}
    for tag, element in dataset.items():
        creator = ""
        if tag[3] in "13579BDF":
            if tag[4:6] == "00" and int(tag[6:], 16) in _CREATORS:
                creators[tag[:4] + tag[6:]] = str((element.get("Value") or [""])[0] or "")
            else:
                creator = creators.get(tag[:6], "")
        yield f"{_opening(tag, element['vr'], creator)}{_content(element)}</DicomAttribute>"


@lru_cache(maxsize=8192)
def _opening(tag: str, vr: str, creator: str) -> str:
    """Return the start of an attribute; one of a private block is named as if the block were the first (A.1.5)."""
    if creator:
        place = f"{tag[:4]}00{tag[6:]}"
        return f'<DicomAttribute tag="{place}" vr="{vr}" privateCreator="{_escaped(creator, _SPECIAL_IN_ATTRIBUTE)}">'
    keyword = keyword_for_tag(int(tag, 16))
    named = f' keyword="{keyword}"' if keyword else ""
    return f'<DicomAttribute tag="{tag}" vr="{vr}"{named}>'


def _content(element: Element) -> str:
    if "InlineBinary" in element:
        return f"<InlineBinary>{_escaped(element['InlineBinary'])}</InlineBinary>"
    if "BulkDataURI" in element:
        return f'<BulkData uri="{_escaped(element["BulkDataURI"], _SPECIAL_IN_ATTRIBUTE)}"/>'
    values = element.get("Value") or ()
    if element["vr"] == "SQ":
        return "".join([_item(number, item) for number, item in enumerate(values, 1)])
    write = _person_name if element["vr"] == "PN" else _value
    return "".join([write(number, value) for number, value in enumerate(values, 1) if value is not None])


def _item(number: int, item: Mapping[str, Element] | None) -> str:
    return f'<Item number="{number}">{"".join(_attributes(item or {}))}</Item>'


def _value(number: int, value: object) -> str:
    return f'<Value number="{number}">{_escaped(value if isinstance(value, str) else str(value))}</Value>'


def _person_name(number: int, name: Mapping[str, str]) -> str:
    groups = "".join([f"<{group}>{_components(name[group])}</{group}>" for group in GROUPS if name.get(group)])
    return f'<PersonName number="{number}">{groups}</PersonName>'


def _components(group: str) -> str:
    parts = zip(_COMPONENTS, group.split("^", len(_COMPONENTS) - 1), strict=False)
    return "".join([f"<{name}>{_escaped(part)}</{name}>" for name, part in parts if part])


def _escaped(text: str, special: re.Pattern[str] = _SPECIAL) -> str:
    if _ILLEGAL.search(text):
        text = _ILLEGAL.sub("\ufffd", text)
    return special.sub(lambda match: f"&#{ord(match[0])};", text) if special.search(text) else text
