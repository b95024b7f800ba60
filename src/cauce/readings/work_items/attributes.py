"""The attributes of work items and what each service demands of them (PS3.4 table CC.2.5-3)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cauce.core.errors import InvalidRequest
from cauce.core.searching import Attribute, Level

Element = Mapping[str, Any]
Document = Mapping[str, Any]

SOP_CLASS_UID: Final = "1.2.840.10008.5.1.4.34.6.1"
"""Unified Procedure Step - Push: the class of every work item, whoever works on it (CC.2.5.1.3.1)."""

CHARACTER_SET: Final = "00080005"
SOP_CLASS: Final = "00080016"
SOP_INSTANCE: Final = "00080018"
TRANSACTION: Final = "00081195"
STATE: Final = "00741000"
PROGRESS: Final = "00741002"
PERFORMED: Final = "00741216"
MODIFIED: Final = "00404010"
START: Final = "00404005"
WORKLIST_LABEL: Final = "00741202"
STEP_LABEL: Final = "00741204"
PRIORITY: Final = "00741200"
READINESS: Final = "00404041"
WORKITEM_CODE: Final = "00404018"
PARAMETERS: Final = "00741210"
INPUT: Final = "00404021"
STUDY: Final = "0020000D"

REQUIRED: Final[Mapping[str, str]] = {
    PRIORITY: "CS",
    STEP_LABEL: "LO",
    START: "DT",
    READINESS: "CS",
    STATE: "CS",
}
"""What a creation must have, with a value."""

KEPT_EMPTY: Final[Mapping[str, str]] = {
    PARAMETERS: "SQ",
    "00404025": "SQ",
    "00404026": "SQ",
    "00404027": "SQ",
    WORKITEM_CODE: "SQ",
    "00400400": "LT",
    INPUT: "SQ",
    STUDY: "UI",
    "00100010": "PN",
    "00100020": "LO",
    "00100021": "LO",
    "00100024": "SQ",
    "00100030": "DA",
    "00100040": "CS",
    "00380010": "LO",
    "00380014": "SQ",
    "00081080": "LO",
    "00081084": "SQ",
    "0040A370": "SQ",
    PROGRESS: "SQ",
    PERFORMED: "SQ",
}
"""What a creation may leave empty; what it leaves out is added."""

EMPTY_AT_FIRST: Final = (TRANSACTION, PROGRESS, PERFORMED)
"""What a creation must not fill."""

NEVER_EMPTIED: Final = (PRIORITY, STEP_LABEL, WORKLIST_LABEL, START, READINESS)
"""What an update may change, not empty."""

NEVER_UPDATED: Final = frozenset(
    {SOP_CLASS, SOP_INSTANCE, STATE, "00100010", "00100020", "00100021", "00100024", "00101002", "00100030", "00100040"}
    | {"00380010", "00380014", "00081080", "00081084", "0040A370", "00741224"}
)
"""What only a creation sets; the state has a transaction of its own."""

ENUMERATED: Final[Mapping[str, frozenset[str]]] = {
    PRIORITY: frozenset({"HIGH", "MEDIUM", "LOW"}),
    READINESS: frozenset({"READY", "UNAVAILABLE", "INCOMPLETE"}),
}
DATE_TIMES: Final = (START, MODIFIED, "00404008", "00404011")

RETURNED: Final = frozenset(
    {CHARACTER_SET, SOP_CLASS, SOP_INSTANCE, PRIORITY, STEP_LABEL, WORKLIST_LABEL, PARAMETERS, START, WORKITEM_CODE}
    | {READINESS, INPUT, STUDY, STATE, PROGRESS, "00404025", "00404026", "00404027", "00404034", "00741224"}
    | {"00100010", "00100020", "00100021", "00100024", "00101002", "00100030", "00100040"}
    | {"00380010", "00380014", "00081080", "00081084", "0040A370"}
)
"""What every result of a search has, where there is such an attribute."""

_CODED: Final = (("CodeValue", "00080100", "SH"), ("CodingSchemeDesignator", "00080102", "SH"))
_MATCHED: Final = (
    ("SOPClassUID", SOP_CLASS, "UI"),
    ("SOPInstanceUID", SOP_INSTANCE, "UI"),
    ("ProcedureStepState", STATE, "CS"),
    ("ScheduledProcedureStepPriority", PRIORITY, "CS"),
    ("ScheduledProcedureStepModificationDateTime", MODIFIED, "DT"),
    ("ProcedureStepLabel", STEP_LABEL, "LO"),
    ("WorklistLabel", WORKLIST_LABEL, "LO"),
    ("ScheduledProcedureStepStartDateTime", START, "DT"),
    ("ExpectedCompletionDateTime", "00404011", "DT"),
    ("ScheduledProcedureStepExpirationDateTime", "00404008", "DT"),
    ("InputReadinessState", READINESS, "CS"),
    ("StudyInstanceUID", STUDY, "UI"),
    ("PatientName", "00100010", "PN"),
    ("PatientID", "00100020", "LO"),
    ("IssuerOfPatientID", "00100021", "LO"),
    ("PatientBirthDate", "00100030", "DA"),
    ("PatientSex", "00100040", "CS"),
    ("AdmissionID", "00380010", "LO"),
    ("AdmittingDiagnosesDescription", "00081080", "LO"),
    ("OtherPatientIDsSequence.PatientID", "00101002.00100020", "LO"),
    ("InputInformationSequence.StudyInstanceUID", f"{INPUT}.{STUDY}", "UI"),
    ("InputInformationSequence.SeriesInstanceUID", f"{INPUT}.0020000E", "UI"),
    ("ReferencedRequestSequence.StudyInstanceUID", f"0040A370.{STUDY}", "UI"),
    ("ReferencedRequestSequence.AccessionNumber", "0040A370.00080050", "SH"),
    ("ReferencedRequestSequence.RequestedProcedureID", "0040A370.00401001", "SH"),
    ("ReplacedProcedureStepSequence.ReferencedSOPInstanceUID", "00741224.00081155", "UI"),
    *(
        (f"{sequence}.{keyword}", f"{tag}.{coded}", vr)
        for sequence, tag in (
            ("ScheduledStationNameCodeSequence", "00404025"),
            ("ScheduledStationClassCodeSequence", "00404026"),
            ("ScheduledStationGeographicLocationCodeSequence", "00404027"),
            ("ScheduledWorkitemCodeSequence", WORKITEM_CODE),
            ("ScheduledHumanPerformersSequence.HumanPerformerCodeSequence", "00404034.00404009"),
        )
        for keyword, coded, vr in _CODED
    ),
)
MATCHED: Final[Mapping[str, Attribute]] = {
    tag: Attribute(
        name=tag, keyword=keyword, tag=tag, vr=vr, level=Level.STUDY, is_returned=tag in RETURNED, is_matched=True
    )
    for keyword, tag, vr in _MATCHED
}
"""What searches can ask for, by tag, or by tags with dots between; all of it is indexed."""


def element(vr: str, *values: Any) -> dict[str, Any]:
    """Return an element of the JSON model; without values it is empty."""
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def values_of(document: Document, tag: str) -> list[Any]:
    """Return the values of an element that are not empty."""
    return [value for value in document.get(tag, {}).get("Value", ()) if value not in (None, "", {})]


def items_of(document: Document, tag: str) -> Sequence[Document]:
    """Return the items of a sequence."""
    return [item for item in document.get(tag, {}).get("Value", ()) if isinstance(item, Mapping)]


def text_of(document: Document, tag: str) -> str:
    """Return the first value of an element as text, or nothing."""
    values = values_of(document, tag)
    return str(values[0]).strip() if values else ""


def codes_of(document: Document, tag: str) -> Iterator[tuple[str, str]]:
    """Yield the scheme and value of each code of a sequence."""
    for item in items_of(document, tag):
        yield text_of(item, "00080102"), text_of(item, "00080100")


def code(value: str, scheme: str, meaning: str) -> dict[str, Any]:
    """Return an item of a code sequence."""
    return {"00080100": element("SH", value), "00080102": element("SH", scheme), "00080104": element("LO", meaning)}


def named(tag: str) -> str:
    """Return the keyword of an attribute, or its tag."""
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(int(tag, 16)) or tag


def invalid(tag: str, why: str) -> InvalidRequest:
    """Return the error that says what is wrong with an attribute; its value is not repeated."""
    name = named(tag)
    return InvalidRequest(f"{name} {why}.", field=name)
