"""A data set of the DICOM JSON model as a client sent it -> one of known shape (PS3.18 annex F.2)."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from cauce.core.errors import InvalidRequest
from cauce.core.person_names import GROUPS

ELEMENTS_MAX: Final = 20_000
"""Most elements of one work item, at all depths."""

_DEPTH_MAX: Final = 16
_NUMBER_MAX: Final = 1e38
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_NUMBERS: Final = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
_TEXTS: Final = frozenset({"AE", "AS", "AT", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
_BYTES: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
_INLINE: Final = re.compile(r"[A-Za-z0-9+/=\s]*")


def parsed(body: bytes) -> dict[str, Any]:
    """Return the data set of a JSON body: one alone, or the one of an array.

    Raises:
        InvalidRequest: it is no data set, or of no shape that work items have.
    """
    try:
        found = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is no JSON.") from error
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        raise InvalidRequest("The body wants one data set of the DICOM JSON model.")
    return _Reading().dataset(found, depth=0)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


class _Reading:
    """Counts the elements of one data set."""

    def __init__(self) -> None:
        self._elements = 0

    def dataset(self, given: Mapping[str, Any], *, depth: int) -> dict[str, Any]:
        """Return a data set with its tags in upper case and in order."""
        if depth > _DEPTH_MAX:
            raise InvalidRequest(f"Sequences are nested deeper than {_DEPTH_MAX}.")
        found: dict[str, Any] = {}
        for tag, element in given.items():
            if not _TAG.fullmatch(tag) or not isinstance(element, dict):
                raise InvalidRequest("A member of a data set is no element: its name wants to be a tag.")
            self._elements += 1
            if self._elements > ELEMENTS_MAX:
                raise InvalidRequest(f"The data set has more than {ELEMENTS_MAX} elements.")
            found[tag.upper()] = self._element(tag.upper(), element, depth=depth)
        return dict(sorted(found.items()))

    def _element(self, tag: str, element: Mapping[str, Any], *, depth: int) -> dict[str, Any]:
        vr = element.get("vr")
        if not isinstance(vr, str) or vr not in {*_NUMBERS, *_TEXTS, *_BYTES, "PN", "SQ"}:
            raise InvalidRequest(f"{tag} has no value representation.")
        if "BulkDataURI" in element:
            raise InvalidRequest(f"{tag} is bulk data, which work items cannot have.")  # PS3.18 11.1.3
        if vr in _BYTES:
            return self._inline(tag, vr, element)
        values = element.get("Value", [])
        if not isinstance(values, list):
            raise InvalidRequest(f"{tag} wants a list of values.")
        if vr == "SQ":
            read = [self._item(tag, value, depth=depth) for value in values]
        else:
            read = [_value(tag, vr, value) for value in values]
        return {"vr": vr, "Value": read} if read else {"vr": vr}

    def _item(self, tag: str, value: object, *, depth: int) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise InvalidRequest(f"An item of {tag} is no data set.")
        return self.dataset(value, depth=depth + 1)

    @staticmethod
    def _inline(tag: str, vr: str, element: Mapping[str, Any]) -> dict[str, Any]:
        inline = element.get("InlineBinary")
        if inline is None:
            return {"vr": vr}
        if not isinstance(inline, str) or not _INLINE.fullmatch(inline):
            raise InvalidRequest(f"{tag} is not base64.")
        return {"vr": vr, "InlineBinary": inline}


def _value(tag: str, vr: str, value: object) -> Any:
    if value is None:
        return None
    if vr == "PN":
        return _person_name(tag, value)
    if vr in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) > _NUMBER_MAX:
            raise InvalidRequest(f"{tag} has a number that is none.")
        return value
    if isinstance(value, str):
        return _legal(tag, value)
    raise InvalidRequest(f"A value of {tag} is not of the kind that its value representation says.")


def _person_name(tag: str, value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(group, str) for group in value.values()):
        raise InvalidRequest(f"A value of {tag} is no name of the DICOM JSON model.")
    return {group: _legal(tag, value[group]) for group in GROUPS if value.get(group)}


def _legal(tag: str, text: str) -> str:
    if _ILLEGAL.search(text):
        raise InvalidRequest(f"A value of {tag} holds a character that no text can.")
    return text
