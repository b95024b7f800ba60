"""What a client asks for -> the data set of its work item, or what is wrong with it (PS3.4 CC.2.5, CC.2.6)."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, Final

from cauce.core.errors import InvalidRequest
from cauce.core.identifiers import is_usable_uid
from cauce.core.work_items import CODING_SCHEME, Plan, WorkItemState
from cauce.readings.work_items import attributes as at
from cauce.readings.work_items.attributes import Document, invalid
from cauce.readings.work_items.date_times import moment, written

_OF_MESSAGES: Final = ("0000", "0002")
"""Groups of commands and of file meta information; a creation over DIMSE conveys its UID in one of them."""
_AFFECTED_INSTANCE: Final = "00001000"
_TEXT_LENGTHS_MAX: Final = {"LO": 64, "SH": 16, "CS": 16}
_PROFILE: Final = "profile"


def uid_of(given: Document, *, named: str) -> str:
    """Return the UID that a creation asks for by its address (`named`) or its data set, or nothing.

    Raises:
        InvalidRequest: it is no UID, or there are two.
    """
    found = {uid for uid in (named, at.text_of(given, at.SOP_INSTANCE), at.text_of(given, _AFFECTED_INSTANCE)) if uid}
    if len(found) > 1:
        raise InvalidRequest("The address and the data set name two work items.", field="workitem")
    uid = found.pop() if found else ""
    if uid and not is_usable_uid(uid):
        raise InvalidRequest("The UID of the work item is none.", field="workitem")
    return uid


def created(given: Document, *, uid: str, label: str, now: dt.datetime) -> tuple[dict[str, Any], bool]:
    """Return the data set of a new work item, and whether it differs from what was sent.

    What may be empty and is missing is added; `label` is that of the worklist where none is given.

    Raises:
        InvalidRequest: it lacks what it must have, or has what it must not (table CC.2.5-3, column N-CREATE).
    """
    _require_types(given)
    for tag in at.REQUIRED:
        if not at.values_of(given, tag):
            raise invalid(tag, "is missing")
    if at.text_of(given, at.STATE) != WorkItemState.SCHEDULED.value:
        raise invalid(at.STATE, "wants to be SCHEDULED in a creation")
    for tag in at.EMPTY_AT_FIRST:
        if at.values_of(given, tag):
            raise invalid(tag, "wants to be empty in a creation")
    held = {tag: value for tag, value in given.items() if tag[:4] not in _OF_MESSAGES and tag != at.TRANSACTION}
    missing = {tag: at.element(vr) for tag, vr in at.KEPT_EMPTY.items() if tag not in held}
    if not at.values_of(held, at.WORKLIST_LABEL):
        missing[at.WORKLIST_LABEL] = at.element("LO", label)
    held |= missing
    held[at.SOP_CLASS] = at.element("UI", at.SOP_CLASS_UID)
    held[at.SOP_INSTANCE] = at.element("UI", uid)
    return _kept(held, now=now), bool(missing)


def updated(held: Document, given: Document, *, now: dt.datetime) -> dict[str, Any]:
    """Return the data set `held` with the attributes of `given` in place of its own, whole sequences at a time.

    Raises:
        InvalidRequest: it would change what no update may, or empty what must have a value (column N-SET).
    """
    _require_types(given)
    for tag in given:
        if tag in at.NEVER_UPDATED:
            raise invalid(tag, "is not changed by an update")
        if tag in at.NEVER_EMPTIED and not at.values_of(given, tag):
            raise invalid(tag, "cannot be emptied")
    changes = {tag: value for tag, value in given.items() if tag[:4] not in _OF_MESSAGES and tag != at.TRANSACTION}
    return _kept({**held, **changes}, now=now)


def plan_of(document: Document, *, pipelines: Collection[str]) -> Plan | None:
    """Return what a work item asks the platform for, or `None` where it names no pipeline of ours.

    A pipeline is named by a Scheduled Workitem Code of our scheme, the study by the Input Information, a profile that
    the asker counts on by a processing parameter `profile`.

    Raises:
        InvalidRequest: it names an unknown pipeline or parameter, or not one study.
    """
    named = [value for scheme, value in at.codes_of(document, at.WORKITEM_CODE) if scheme == CODING_SCHEME]
    if not named:
        return None
    if len(named) > 1 or named[0] not in pipelines:
        raise invalid(at.WORKITEM_CODE, f"of {CODING_SCHEME} wants to be one of: {', '.join(sorted(pipelines))}")
    studies = {at.text_of(item, at.STUDY) for item in at.items_of(document, at.INPUT)}
    if len(studies) != 1 or not is_usable_uid(*studies):
        raise invalid(at.INPUT, "wants to name one study by its StudyInstanceUID")
    return Plan(pipeline=named[0], study_instance_uid=studies.pop(), profile=_parameters(document).get(_PROFILE, ""))


def due(document: Document) -> dt.datetime:
    """Return when a work item is to be started."""
    return moment(at.text_of(document, at.START))


def _parameters(document: Document) -> dict[str, str]:
    """Return the processing parameters of our scheme; those of others are theirs to read."""
    found: dict[str, str] = {}
    for item in at.items_of(document, at.PARAMETERS):
        for scheme, name in at.codes_of(item, "0040A043"):
            if scheme != CODING_SCHEME:
                continue
            if name != _PROFILE or at.text_of(item, "0040A040") != "TEXT" or name in found:
                raise invalid(at.PARAMETERS, f"of {CODING_SCHEME} wants to be one TEXT named `{_PROFILE}`")
            found[name] = at.text_of(item, "0040A160")
    return found


def _kept(document: Mapping[str, Any], *, now: dt.datetime) -> dict[str, Any]:
    """Return a data set as it is kept: in UTF-8, with the moment of its last change."""
    held = dict(document)
    held[at.CHARACTER_SET] = at.element("CS", "ISO_IR 192")
    held[at.MODIFIED] = at.element("DT", written(now))
    return dict(sorted(held.items()))


def _require_types(given: Document) -> None:
    """Return if the attributes of work items are of their kinds, and their values such."""
    kinds = {**at.REQUIRED, **at.KEPT_EMPTY, at.WORKLIST_LABEL: "LO", **dict.fromkeys(at.DATE_TIMES, "DT")}
    kinds |= {tag: one.vr for tag, one in at.MATCHED.items() if "." not in tag}
    for tag, vr in kinds.items():
        if tag not in given:
            continue
        if given[tag]["vr"] != vr:
            raise invalid(tag, f"is of the value representation {vr}")
        for value in at.values_of(given, tag):
            _require_value(tag, vr, value)


def _require_value(tag: str, vr: str, value: Any) -> None:
    if vr in _TEXT_LENGTHS_MAX and len(value) > _TEXT_LENGTHS_MAX[vr]:
        raise invalid(tag, f"is longer than {_TEXT_LENGTHS_MAX[vr]} characters")
    if tag in at.ENUMERATED and value not in at.ENUMERATED[tag]:
        raise invalid(tag, f"wants to be one of: {', '.join(sorted(at.ENUMERATED[tag]))}")
    if vr == "UI" and not is_usable_uid(value):
        raise invalid(tag, "is no UID")
    if vr == "DT":
        try:
            moment(value)
        except ValueError as error:
            raise invalid(tag, "is no date with time") from error
