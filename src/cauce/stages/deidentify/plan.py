"""The plan: one action for every attribute of the data dictionary, worked out once for each profile and kind of object.

The table's action comes first, then what the options of the profile say of it, then the profile's own rules.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Self

from pydicom._dicom_dict import DicomDictionary

from cauce.stages.deidentify.actions import NOT_MOVED, NOTED, PIXEL_TAGS, PSEUDONYMOUS, Action, beyond_the_table
from cauce.stages.deidentify.conditional import STRICTEST, iod_of, resolved
from cauce.stages.deidentify.content import CONCEPT_NAME, VALUE_TYPE, Verdict, verdicts
from cauce.stages.deidentify.encoding import ITEM_GROUP
from cauce.stages.deidentify.options import GRAPHICS, MODIFIED_DATES, SAFE_PRIVATE, STRUCTURED_CONTENT, UIDS
from cauce.stages.deidentify.profile import Profile
from cauce.stages.deidentify.rules import TEXTS, Rule, RuleAction
from cauce.stages.deidentify.safe_private import safe_private
from cauce.stages.deidentify.table import Row, load_table

__all__ = ["NOTED", "Action", "Plan", "Private", "plan_for"]

TAG_DIGITS = 8
_TEXT_VALUE = 0x0040A160
_BINARY = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])

_BY_CODE = {
    "X": Action.REMOVE,
    "Z": Action.EMPTY,
    "D": Action.DUMMY,
    "U": Action.UID,
    "X/Z/U*": Action.NEST,  # the UIDs of its items are mapped, which the table allows, and links stay whole
}

_BY_RULE = {
    RuleAction.REMOVE: Action.REMOVE,
    RuleAction.EMPTY: Action.EMPTY,
    RuleAction.REPLACE: Action.VALUE,
    RuleAction.HASH: Action.HASH,
    RuleAction.UID: Action.UID,
    RuleAction.SHIFT: Action.SHIFT,
    RuleAction.CLEAN: Action.CLEAN,
    RuleAction.ZIP3: Action.ZIP,
}


@dataclass(frozen=True, slots=True)
class Private:
    """A private attribute that stays; `vr` is the one that it has to have, b"" for any."""

    vr: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to each tag, at the root of a data set and in the items of sequences.

    A tag without an action is removed. `vrs` holds two-letter bytes, one VR of several. `basic` are the actions of the
    table alone, for values that an option would keep but that have not the form they should have. `given` are the
    values of a profile's rules. `private` are the private attributes that stay, by creator and tag without the block.
    `verdicts` tell of content items, where they are cleaned.
    """

    actions: Mapping[int, Action]
    root: Mapping[int, Action]
    vrs: Mapping[int, bytes]
    basic: Mapping[int, Action]
    options: frozenset[str]
    given: Mapping[int, bytes]
    private: Mapping[tuple[str, int], Private]
    verdicts: Mapping[tuple[bytes, bytes, bytes], Verdict]

    @property
    def cleans_content(self) -> bool:
        """Tell whether content items are kept, each as its concept asks."""
        return bool(self.verdicts)

    @property
    def keeps_overlays(self) -> bool:
        """Tell whether overlays that mark a region are kept."""
        return GRAPHICS in self.options

    def can_scrub(self, tag: int) -> bool:
        """Tell whether values of `tag` are the original's own, so that scrubbing them changes anything."""
        return self.actions.get(tag) in {Action.KEEP, Action.NOTE, Action.RETAIN, Action.CLEAN}

    def scrubbing(self, tags: Collection[int]) -> Self:
        """Return this plan, but for `tags`, whose values are scrubbed, or replaced where cleaning was not enough."""
        cleaned = {tag for tag in tags if self.actions.get(tag) is Action.CLEAN}
        return self._with(dict.fromkeys(tags, Action.SCRUB) | dict.fromkeys(cleaned, Action.DUMMY))

    def removing(self, tags: Iterable[int]) -> Self:
        """Return this plan, but for `tags`, which are removed."""
        return self._with(dict.fromkeys(tags, Action.REMOVE))

    def with_overlays(self, groups: Iterable[int]) -> Self:
        """Return this plan, but for the overlays of `groups`, which stay; their texts are cleaned."""
        found = {group << 16 | element: one for group in groups for element, one in _OVERLAY.items()}
        vrs = dict(self.vrs) | {tag: vr for tag, (vr, _) in found.items()}
        root = dict(self.root) | {tag: action for tag, (_, action) in found.items()}
        return replace(self, vrs=vrs, root=root)

    def _with(self, changed: dict[int, Action]) -> Self:
        return replace(self, actions=dict(self.actions) | changed, root=dict(self.root) | changed)


_OVERLAY = {
    0x0010: (b"US", Action.NOTE),  # Overlay Rows
    0x0011: (b"US", Action.KEEP),  # Overlay Columns
    0x0015: (b"IS", Action.KEEP),  # Number of Frames in Overlay
    0x0022: (b"LO", Action.CLEAN),  # Overlay Description
    0x0040: (b"CS", Action.KEEP),  # Overlay Type
    0x0045: (b"LO", Action.CLEAN),  # Overlay Subtype
    0x0050: (b"SS", Action.KEEP),  # Overlay Origin
    0x0051: (b"US", Action.KEEP),  # Image Frame Origin
    0x0100: (b"US", Action.NOTE),  # Overlay Bits Allocated
    0x0102: (b"US", Action.NOTE),  # Overlay Bit Position
    0x1301: (b"IS", Action.KEEP),  # ROI Area
    0x1302: (b"DS", Action.KEEP),  # ROI Mean
    0x1303: (b"DS", Action.KEEP),  # ROI Standard Deviation
    0x1500: (b"LO", Action.CLEAN),  # Overlay Label
    0x3000: (b"OW", Action.NOTE),  # Overlay Data
    0x4000: (b"LT", Action.CLEAN),  # Overlay Comments (retired)
}


def plan_for(profile: Profile, sop_class_uid: str = "") -> Plan:
    """Return the action for every attribute known to the dictionary or the table, in objects of a SOP Class."""
    return _plan(profile, sop_class_uid if iod_of(sop_class_uid) else "")


@lru_cache(maxsize=512)
def _plan(profile: Profile, sop_class_uid: str) -> Plan:
    nested = _nested_plan(profile)
    if not sop_class_uid:
        return nested
    changed = {
        tag: _BY_CODE[resolved(code, tag, sop_class_uid)]
        for tag, code in _conditional().items()
        if nested.actions[tag] is nested.basic[tag]
    }
    for rule in profile.rules:
        changed.pop(rule.tag, None)
    return replace(nested, root=dict(nested.root) | changed)


@cache
def _conditional() -> dict[int, str]:
    found = {int(row.tag, 16): row.basic for row in _single_rows() if row.basic in STRICTEST}
    return {tag: code for tag, code in found.items() if tag not in PSEUDONYMOUS}


@lru_cache(maxsize=64)
def _nested_plan(profile: Profile) -> Plan:
    """Return the plan for items of sequences, where the action is taken that is right for every type."""
    vrs, basic = _basic()
    actions = dict(basic)
    if UIDS in profile.options:
        listed = {int(row.tag, 16) for row in _single_rows()}
        actions |= {tag: Action.CLASS for tag, action in basic.items() if action is Action.UID and tag not in listed}
    for row in _single_rows():
        action = _by_options(row, profile.options)
        if action is not None:
            actions[int(row.tag, 16)] = action
    if STRUCTURED_CONTENT in profile.options:
        actions |= {_TEXT_VALUE: Action.CLEAN, VALUE_TYPE: Action.NOTE, CONCEPT_NAME: Action.NEST}
    rules = [rule for rule in profile.rules if not rule.creator]
    actions |= {rule.tag: _by_rule(rule, vrs[rule.tag].decode(), actions[rule.tag]) for rule in rules}
    return Plan(
        # No IOD keeps pixels in items, but for icons, which go as well.
        actions=actions | dict.fromkeys(PIXEL_TAGS, Action.REMOVE),
        root=actions,
        vrs=vrs,
        basic=basic,
        options=profile.options,
        given={rule.tag: rule.value.encode() for rule in rules if rule.action is RuleAction.REPLACE},
        private=_private(profile),
        verdicts=verdicts(profile.options) if STRUCTURED_CONTENT in profile.options else {},
    )


@cache
def _basic() -> tuple[dict[int, bytes], dict[int, Action]]:
    """Return the VRs, and the actions of the Basic Profile where the type of an attribute is not known."""
    actions: dict[int, Action] = {}
    vrs: dict[int, bytes] = {}
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if keyword and tag >> 16 != ITEM_GROUP:
            vrs[tag] = vr[:2].encode()
            actions[tag] = beyond_the_table(tag, vr)
    for row in _single_rows():
        tag = int(row.tag, 16)
        vrs[tag] = row.vr[:2].encode()
        actions[tag] = _by_the_table(row)
    return vrs, actions


@cache
def _single_rows() -> tuple[Row, ...]:
    """Return the rows of one tag each; curves, overlays and private attributes are not in plans, and so removed."""
    return tuple(row for row in load_table().rows if "x" not in row.tag and len(row.tag) == TAG_DIGITS)


def _by_the_table(row: Row) -> Action:
    if int(row.tag, 16) in PSEUDONYMOUS:
        return Action.PSEUDONYM
    action = _BY_CODE[STRICTEST.get(row.basic, row.basic)]
    return Action.UID if row.vr == "UI" and action is Action.DUMMY else action  # the dummy of a UID is another UID


def _by_options(row: Row, options: frozenset[str]) -> Action | None:
    """Return what the options say of a row, where they say anything: to retain goes before to clean."""
    asked = {option: action for option, action in row.options.items() if option in options}
    if "K" in asked.values():
        return _retaining(row.vr)
    if not asked or int(row.tag, 16) in NOT_MOVED:
        return None
    if MODIFIED_DATES in asked:
        moved = {"DA": Action.SHIFT, "DT": Action.SHIFT, "TM": Action.RETAIN, "SH": Action.RETAIN}
        return moved.get(row.vr)
    if row.vr == "SQ":
        return Action.NEST
    return Action.CLEAN if row.vr in TEXTS or row.vr == "AE" else None  # binary values cannot be cleaned


def _retaining(vr: str) -> Action:
    if vr in _BINARY:
        return Action.KEEP
    return {"SQ": Action.NEST, "UI": Action.CLASS, "AS": Action.AGE}.get(vr, Action.RETAIN)


def _by_rule(rule: Rule, vr: str, present: Action) -> Action:
    if rule.action is not RuleAction.KEEP:
        return _BY_RULE[rule.action]
    return present if present in {Action.NOTE, Action.KEEP, Action.NEST} else _retaining(vr)


def _private(profile: Profile) -> dict[tuple[str, int], Private]:
    listed = safe_private() if SAFE_PRIVATE in profile.options else {}
    kept = {key: Private(vr) for key, vr in listed.items()}
    for rule in profile.rules:
        if rule.creator and rule.action is RuleAction.KEEP:
            kept[rule.creator, rule.tag] = Private(b"")
        elif rule.creator:
            kept.pop((rule.creator, rule.tag), None)
    return kept
