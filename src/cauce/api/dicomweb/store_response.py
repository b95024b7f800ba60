"""The answer to STOW-RS: every instance by name, as DICOM JSON (PS3.18 10.5.3 and Annex I)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from cauce.api.raw.delivery import Line
from cauce.api.raw.intake import INTERNAL
from cauce.core.errors import Refused
from cauce.core.identifiers import is_usable_uid
from cauce.core.messages import Verdict
from cauce.core.statuses import ItemStatus, RefusalCode
from cauce.stages.validate import part10

PROCESSING_FAILURE: Final = 0x0110
SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
NOT_AUTHORIZED: Final = 0x0124
OUT_OF_RESOURCES: Final = 0xA700
DATA_SET_DOES_NOT_MATCH: Final = 0xA900
CANNOT_UNDERSTAND: Final = 0xC000
KEPT_AS_VERSION: Final = 0xB000
"""Warning of an instance whose UID is held with another content: it is kept as well, the first stays current."""

_REASONS: Final = {
    INTERNAL: PROCESSING_FAILURE,
    RefusalCode.UNSUPPORTED_SOP_CLASS.value: SOP_CLASS_NOT_SUPPORTED,
    RefusalCode.FORBIDDEN.value: NOT_AUTHORIZED,
    RefusalCode.STORAGE_FULL.value: OUT_OF_RESOURCES,
    RefusalCode.TOO_LARGE.value: OUT_OF_RESOURCES,
}

_SOP_CLASS_UID = "00081150"
_SOP_INSTANCE_UID = "00081155"
_RETRIEVE_URL = "00081190"
_WARNING_REASON = "00081196"
_FAILURE_REASON = "00081197"
_FAILED_SOPS = "00081198"
_REFERENCED_SOPS = "00081199"
_OTHER_FAILURES = "0008119A"

Element = dict[str, Any]


def store_response(
    lines: Sequence[Line], *, service_url: str, study_instance_uid: str | None
) -> tuple[HTTPStatus, dict[str, Element]]:
    """Return status and data set; `study_instance_uid` is that of the address, `service_url` the DICOMweb root.

    Duplicates count as stored; a conflict is stored with a warning and without an address: another content has it.
    """
    stored = [line.verdict for line in lines if line.verdict.status is not ItemStatus.REFUSED]
    refused = [line for line in lines if line.verdict.status is ItemStatus.REFUSED]
    document: dict[str, Element] = {}
    studies = {verdict.study_instance_uid for verdict in stored if verdict.status is not ItemStatus.CONFLICT}
    if len(studies) == 1:
        document[_RETRIEVE_URL] = {"vr": "UR", "Value": [f"{service_url}/studies/{studies.pop()}"]}
    failed = [_failed(line, study_instance_uid) for line in refused]
    for tag, items in (
        (_FAILED_SOPS, [item for item in failed if _SOP_INSTANCE_UID in item]),
        (_REFERENCED_SOPS, [_referenced(verdict, service_url) for verdict in stored]),
        (_OTHER_FAILURES, [item for item in failed if _SOP_INSTANCE_UID not in item]),
    ):
        if items:
            document[tag] = {"vr": "SQ", "Value": items}
    return _status(stored, refused), document


def _status(stored: Sequence[Verdict], refused: Sequence[Line]) -> HTTPStatus:
    if not stored:
        is_full = all(line.verdict.code == RefusalCode.STORAGE_FULL.value for line in refused)
        return HTTPStatus.INSUFFICIENT_STORAGE if is_full else HTTPStatus.CONFLICT
    if refused or any(verdict.status is ItemStatus.CONFLICT for verdict in stored):
        return HTTPStatus.ACCEPTED
    return HTTPStatus.OK


def _referenced(verdict: Verdict, service_url: str) -> dict[str, Element]:
    url = (
        f"{service_url}/studies/{verdict.study_instance_uid}"
        f"/series/{verdict.series_instance_uid}/instances/{verdict.sop_instance_uid}"
    )
    item = {
        _SOP_CLASS_UID: _uid(verdict.sop_class_uid),
        _SOP_INSTANCE_UID: _uid(verdict.sop_instance_uid),
    }
    if verdict.status is ItemStatus.CONFLICT:
        return item | {_WARNING_REASON: {"vr": "US", "Value": [KEPT_AS_VERSION]}}
    return item | {_RETRIEVE_URL: {"vr": "UR", "Value": [url]}}


def _failed(line: Line, study_instance_uid: str | None) -> dict[str, Element]:
    """Return what failed and why; what could not be parsed is named as its file meta names it, if at all."""
    verdict = line.verdict
    sop_class_uid, sop_instance_uid = verdict.sop_class_uid, verdict.sop_instance_uid
    if not sop_instance_uid:
        sop_class_uid, sop_instance_uid = _named_by_file_meta(line.head)
    reason = _REASONS.get(verdict.code, CANNOT_UNDERSTAND)
    belongs_elsewhere = study_instance_uid is not None and verdict.study_instance_uid not in {"", study_instance_uid}
    if belongs_elsewhere and reason == CANNOT_UNDERSTAND:
        reason = DATA_SET_DOES_NOT_MATCH
    item: dict[str, Element] = {}
    if sop_instance_uid:
        item[_SOP_CLASS_UID] = _uid(sop_class_uid)
        item[_SOP_INSTANCE_UID] = _uid(sop_instance_uid)
    return {**item, _FAILURE_REASON: {"vr": "US", "Value": [reason]}}


def _named_by_file_meta(head: bytes) -> tuple[str, str]:
    try:
        meta = part10.parse_file_meta(head)
    except Refused:
        return "", ""
    uids = (meta.sop_class_uid, meta.sop_instance_uid)
    return uids if all(map(is_usable_uid, uids)) else ("", "")


def _uid(uid: str) -> Element:
    return {"vr": "UI", "Value": [uid]} if uid else {"vr": "UI"}
