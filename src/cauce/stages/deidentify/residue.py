"""Whether each action of Table E.1-1 happened, told from the output and the table alone (PS3.15 E.1).

Neither the plan nor the walker is asked: what a row takes out must be gone, what it empties or replaces must be empty
or a value of ours, what it maps must be a UID that was made. Rows that an option of the profile retains or cleans, and
tags with a rule of their own, are left to the search for identity.
"""

from collections.abc import Collection
from enum import Enum
from functools import cache

from cauce.stages.deidentify.options import GRAPHICS, SAFE_PRIVATE, STRUCTURED_CONTENT
from cauce.stages.deidentify.profile import Profile
from cauce.stages.deidentify.rules import RuleAction
from cauce.stages.deidentify.table import load_table
from cauce.stages.deidentify.uids import REGISTERED


class Left(Enum):
    """What of an attribute may be left. Compared by identity in an inner loop."""

    NOTHING = "nothing"
    BLANK = "blank"
    """An empty value, or one of ours."""
    MADE = "made"
    """A UID that was made for one of the original."""

    __hash__ = object.__hash__


_BY_CODE = {"X": Left.NOTHING, "U": Left.MADE} | dict.fromkeys(("Z", "D", "X/Z", "X/D", "Z/D", "X/Z/D"), Left.BLANK)
_TAG_DIGITS = 8
_MOMENTS = frozenset({"DA", "DT", "TM"})
_CONTENT = frozenset({0x0040A120, 0x0040A121, 0x0040A122, 0x0040A123, 0x0040A124, 0x0040A160})
"""Values of content items: what becomes of them is told by their concept where structured content is cleaned."""
_KEEPING = frozenset({RuleAction.KEEP, RuleAction.SHIFT})
_CURVES, _OVERLAYS = 0x50, 0x60
_OVERLAY_VALUES = frozenset({0x3000, 0x4000})


@cache
def _rows(profile: Profile) -> dict[int, Left]:
    rows = {}
    ruled = {rule.tag for rule in profile.rules}
    if STRUCTURED_CONTENT in profile.options:
        ruled |= _CONTENT
    for row in load_table().rows:
        is_single = len(row.tag) == _TAG_DIGITS and "x" not in row.tag
        if is_single and row.basic in _BY_CODE and not profile.options & row.options.keys():
            rows[int(row.tag, 16)] = Left.MADE if row.vr == "UI" and row.basic == "D" else _BY_CODE[row.basic]
    return {tag: left for tag, left in rows.items() if tag not in ruled}


@cache
def retained(profile: Profile) -> frozenset[int]:
    """Return the tags of dates, times and UIDs that a profile keeps or moves.

    A date may be the birth date by chance, and a UID hold a number of the patient: they are kept on purpose.
    """
    rows = [row for row in load_table().rows if len(row.tag) == _TAG_DIGITS and "x" not in row.tag]
    kept = [row for row in rows if row.vr in _MOMENTS and profile.options & row.options.keys()]
    kept += [row for row in rows if row.vr == "UI" and profile.options & row.options.keys()]
    ruled = {rule.tag for rule in profile.rules if rule.action in _KEEPING}
    return frozenset({int(row.tag, 16) for row in kept} | ruled)


class Residue:
    """Tells, element by element, what should not be there any more."""

    def __init__(self, profile: Profile, *, uids: Collection[bytes]) -> None:
        """`uids` are those that were made for UIDs of the original."""
        self._rows = _rows(profile)
        self._uids = uids
        self._keeps_private = SAFE_PRIVATE in profile.options or any(rule.tag >> 16 & 1 for rule in profile.rules)
        self._keeps_graphics = GRAPHICS in profile.options

    def is_left(self, tag: int, vr: bytes, value: bytes, ours: Collection[bytes]) -> bool:
        """Tell whether an element of the output holds what it should not; `ours` are values that we write."""
        left = self._rows.get(tag)
        if left is None:
            return self._is_unlisted_left(tag)
        if left is Left.NOTHING:
            return True
        if left is Left.MADE:
            uids = (uid.strip(b" \0") for uid in value.split(b"\\"))
            return any(uid not in self._uids and uid not in REGISTERED and uid not in ours for uid in uids)
        return vr != b"SQ" and value.strip(b" \0") not in ours

    def is_blank_sequence(self, tag: int) -> bool:
        """Tell whether a sequence may hold nothing but values of ours, at any depth."""
        return self._rows.get(tag) is Left.BLANK

    def _is_unlisted_left(self, tag: int) -> bool:
        group = tag >> 16
        if group & 1:
            return not self._keeps_private
        if group >> 8 == _CURVES:
            return not self._keeps_graphics
        return group >> 8 == _OVERLAYS and tag & 0xFFFF in _OVERLAY_VALUES and not self._keeps_graphics
