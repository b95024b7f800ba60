"""Which attributes an instance lacks that its IOD requires (PS3.3 annexes A and C).

Judged are the attributes of type 1 and 2 of mandatory modules, outside of sequences, and the few conditional ones whose
condition can be read off the data set. What lies in sequences, and retired or private SOP Classes, are not.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from operator import itemgetter
from typing import Any, Final

from pydicom._dicom_dict import DicomDictionary  # the bare table, as in `dictionary`

from cauce.stages.validate.frames import PixelDescription

TABLE: Final = "data/required_attributes.json"
NAMED_MAX: Final = 20
"""So many attributes a warning names; the rest are counted."""

_name_of: Final = itemgetter(slice(1, 9))
_EMPTY_LENGTH: Final = len('"00100010":{"vr":"PN"}')


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """What one SOP Class requires: tags as eight hexadecimal digits, and of each the name of its module."""

    type1: frozenset[str]
    type2: frozenset[str]
    module_of: Mapping[str, str]
    has_pixels: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Condition:
    """Attributes that are required once `holds` says so of the tags that have values, and of the pixels."""

    module: str
    tags: frozenset[str]
    holds: Callable[[AbstractSet[str], PixelDescription], bool]


_PIXEL_DATA: Final = "7FE00010"
_PIXELS_ELSEWHERE: Final = frozenset({_PIXEL_DATA, "7FE00008", "7FE00009", "00287FE0"})
"""Pixels of any kind, or where to fetch them (PS3.3 C.7.6.3)."""

_CONDITIONS: Final = (
    _Condition(
        module="Image Pixel",
        tags=frozenset({"00280006"}),
        holds=lambda valued, pixels: pixels.samples_per_pixel > 1 and _PIXEL_DATA in valued,
    ),
    _Condition(
        module="Image Pixel",
        tags=frozenset({"00281101", "00281102", "00281103"}),
        holds=lambda _, pixels: pixels.photometric_interpretation == "PALETTE COLOR",
    ),
    _Condition(module="VOI LUT", tags=frozenset({"00281051"}), holds=lambda valued, _: "00281050" in valued),
    _Condition(module="Modality LUT", tags=frozenset({"00281053"}), holds=lambda valued, _: "00281052" in valued),
)


def report_missing(
    sop_class_uid: str, members: Sequence[str], pixels: PixelDescription, *, warn: Callable[[str, str], None]
) -> None:
    """Warn of the attributes that the IOD of `sop_class_uid` requires and that are not there, or have no value.

    `members` are those of the top level of the DICOM JSON model, each a text that begins with its quoted tag.
    """
    required = requirements(sop_class_uid)
    if required is None:
        return
    present = set(map(_name_of, members))
    empty = {member[1:9] for member in members if len(member) <= _EMPTY_LENGTH}
    valued = present - empty if empty else present
    if not required.type1 <= valued:
        lacking = required.type1 - present
        _tell(warn, "type1_missing", "Required attributes (type 1) are absent", lacking, required.module_of)
        lacking = required.type1 & empty
        _tell(warn, "type1_empty", "Required attributes (type 1) have no value", lacking, required.module_of)
    if not required.type2 <= present:
        lacking = required.type2 - present
        _tell(warn, "type2_missing", "Attributes that may be empty (type 2) are absent", lacking, required.module_of)
    _report_conditional(valued, pixels, has_pixels=required.has_pixels, warn=warn)


def _report_conditional(
    valued: AbstractSet[str], pixels: PixelDescription, *, has_pixels: bool, warn: Callable[[str, str], None]
) -> None:
    modules = {
        tag: one.module
        for one in _CONDITIONS
        if one.holds(valued, pixels) and not one.tags <= valued
        for tag in one.tags - valued
    }
    if has_pixels and valued.isdisjoint(_PIXELS_ELSEWHERE):
        modules[_PIXEL_DATA] = "Image Pixel"
    _tell(warn, "type1c_missing", "Attributes that others make required (type 1C) are absent", modules, modules)


def _tell(
    warn: Callable[[str, str], None], code: str, what: str, tags: Iterable[str], module_of: Mapping[str, str]
) -> None:
    found = sorted(tags)
    if found:
        named = "; ".join(f"{_named(tag)} of {module_of[tag]}" for tag in found[:NAMED_MAX])
        more = f"; and {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else ""
        warn(code, f"{what}: {named}{more}.")


def _named(tag: str) -> str:
    return f"({tag[:4]},{tag[4:]}) {DicomDictionary[int(tag, 16)][2]}"


@lru_cache(maxsize=512)
def requirements(sop_class_uid: str) -> Requirements | None:
    """Return what a SOP Class requires, `None` when the table does not know it."""
    table = _table()
    keys = table["iods"].get(table["sop_classes"].get(sop_class_uid))
    if keys is None:
        return None
    modules: Sequence[Mapping[str, Any]] = [table["modules"][key] for key in keys]
    type1 = frozenset(tag for module in modules for tag in module["1"])
    type2 = frozenset(tag for module in modules for tag in module["2"]) - type1
    module_of = {tag: module["name"] for kind in ("2", "1") for module in reversed(modules) for tag in module[kind]}
    return Requirements(type1=type1, type2=type2, module_of=module_of, has_pixels="image-pixel" in keys)


def edition() -> str:
    """Return the edition of the standard that the table holds."""
    return str(_table()["edition"])


@cache
def _table() -> dict[str, Any]:
    text = files("cauce.stages.validate").joinpath(TABLE).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
