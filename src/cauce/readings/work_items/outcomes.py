"""How the data set of a work item says that it is carried out, done, or given up (PS3.4 CC.2.5.1.1)."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cauce.core.work_items import CODING_SCHEME, WorkItemState
from cauce.readings.work_items import attributes as at
from cauce.readings.work_items.attributes import Document
from cauce.readings.work_items.date_times import written

_WORDS_MAX: Final = 1024
"""Longest text of a VR of short texts (ST)."""
_PERCENT: Final = "00741004"
_DESCRIPTION: Final = "00741006"
_CANCELED_AT: Final = "00404052"
_REASON: Final = "00741238"
_REASON_CODES: Final = "0074100E"
_CONTACTS: Final = ("0074100A", "0074100C")
_COMMUNICATIONS: Final = "00741008"
_STARTED_AT, _ENDED_AT = "00404050", "00404051"
_STATION, _PERFORMED_CODE, _OUTPUTS = "00404028", "00404019", "00404033"
_FINAL: Final = (_STATION, _STARTED_AT, _PERFORMED_CODE, _ENDED_AT)
_HERE: Final = at.code("CAUCE", CODING_SCHEME, "Cauce")
_UNSPECIFIED: Final = at.code("110513", "DCM", "Discontinued for unspecified reason")
"""Of CID 9301: what is said where nobody has said why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputSeries:
    """Objects that were made: pairs of SOP class and instance UID of one series, and where it is retrieved."""

    study_instance_uid: str
    series_instance_uid: str
    instances: Sequence[tuple[str, str]]
    address: str


def in_state(document: Document, state: WorkItemState) -> dict[str, Any]:
    """Return a data set in another state."""
    return {**document, at.STATE: at.element("CS", state.value)}


def begun(document: Document, *, now: dt.datetime) -> dict[str, Any]:
    """Return a data set that the platform begins to carry out."""
    performed = {
        _STATION: at.element("SQ", _HERE),
        _STARTED_AT: at.element("DT", written(now)),
        _PERFORMED_CODE: at.element("SQ", *at.items_of(document, at.WORKITEM_CODE)),
        _OUTPUTS: at.element("SQ"),
    }
    return {**in_state(document, WorkItemState.IN_PROGRESS), at.PERFORMED: at.element("SQ", _ordered(performed))}


def shown(document: Document, *, percent: int, words: str) -> dict[str, Any]:
    """Return a data set that says how far it is (CC.2.5-3, Procedure Step Progress Information Sequence)."""
    progress = {**_progress(document), _PERCENT: at.element("DS", percent)}
    if words:
        progress[_DESCRIPTION] = at.element("ST", words[:_WORDS_MAX])
    return {**document, at.PROGRESS: at.element("SQ", _ordered(progress))}


def completed(
    document: Document, *, outputs: Sequence[OutputSeries], parameters: Mapping[str, str], now: dt.datetime
) -> dict[str, Any]:
    """Return a data set that the platform has carried out; `parameters` say how, by their names."""
    performed = {
        **next(iter(at.items_of(document, at.PERFORMED)), {}),
        _ENDED_AT: at.element("DT", written(now)),
        "00741212": at.element("SQ", *(_parameter(name, value) for name, value in parameters.items())),
        _OUTPUTS: at.element("SQ", *map(_output, outputs)),
    }
    return {**in_state(document, WorkItemState.COMPLETED), at.PERFORMED: at.element("SQ", _ordered(performed))}


def canceled(
    document: Document, *, now: dt.datetime, request: Document | None = None, reason: str = ""
) -> dict[str, Any]:
    """Return a data set that is given up; who asked for that may have said why in `request` (table CC.2.2-1).

    The moment and a reason are added where there is none, so that the requirements of the final state are met.
    """
    asked = request or {}
    progress = _progress(document)
    progress |= {tag: asked[tag] for tag in (_REASON, _REASON_CODES) if at.values_of(asked, tag)}
    if contact := {tag: asked[tag] for tag in _CONTACTS if at.values_of(asked, tag)}:
        progress[_COMMUNICATIONS] = at.element("SQ", contact)
    if reason:
        progress[_REASON] = at.element("LT", reason[:_WORDS_MAX])
    if not at.values_of(progress, _CANCELED_AT):
        progress[_CANCELED_AT] = at.element("DT", written(now))
    if not at.items_of(progress, _REASON_CODES):
        progress[_REASON_CODES] = at.element("SQ", _UNSPECIFIED)
    return {**in_state(document, WorkItemState.CANCELED), at.PROGRESS: at.element("SQ", _ordered(progress))}


def unmet_for_completion(document: Document) -> list[str]:
    """Return the keywords of what a work item lacks to be completed (column Final State, codes R and P)."""
    performed = at.items_of(document, at.PERFORMED)
    missing = [] if performed else [at.named(at.PERFORMED)]
    for item in performed:
        missing += [at.named(tag) for tag in _FINAL if not at.values_of(item, tag)]
        missing += [] if _OUTPUTS in item else [at.named(_OUTPUTS)]  # it may have no items
    return list(dict.fromkeys(missing))


def addressed(document: Document, *, base_url: str) -> Document:
    """Return a data set whose outputs of ours are at addresses that begin with `base_url`."""
    performed = at.items_of(document, at.PERFORMED)
    if not any(at.items_of(item, _OUTPUTS) for item in performed):
        return document
    items = [
        {**item, _OUTPUTS: at.element("SQ", *(_at(output, base_url) for output in at.items_of(item, _OUTPUTS)))}
        for item in performed
    ]
    return {**document, at.PERFORMED: at.element("SQ", *items)}


def _at(output: Document, base_url: str) -> Document:
    (retrieval,) = at.items_of(output, "0040E025")[:1] or ({},)
    address = at.text_of(retrieval, "00081190")
    if not address.startswith("/projects/"):
        return output
    return {**output, "0040E025": at.element("SQ", {**retrieval, "00081190": at.element("UR", base_url + address)})}


def _progress(document: Document) -> dict[str, Any]:
    return dict(next(iter(at.items_of(document, at.PROGRESS)), {}))


def _output(series: OutputSeries) -> dict[str, Any]:
    """Return an item of the Output Information Sequence (table CC.2.5-2c, Referenced Instances and Access Macro)."""
    instances = [
        {"00081150": at.element("UI", sop_class), "00081155": at.element("UI", instance)}
        for sop_class, instance in series.instances
    ]
    return {
        "00081199": at.element("SQ", *instances),
        "0020000D": at.element("UI", series.study_instance_uid),
        "0020000E": at.element("UI", series.series_instance_uid),
        "0040E020": at.element("CS", "DICOM"),
        "0040E025": at.element("SQ", {"00081190": at.element("UR", series.address)}),
    }


def _parameter(name: str, value: str) -> dict[str, Any]:
    return {
        "0040A040": at.element("CS", "TEXT"),
        "0040A043": at.element("SQ", at.code(name, CODING_SCHEME, name)),
        "0040A160": at.element("UT", value),
    }


def _ordered(item: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(item.items()))
