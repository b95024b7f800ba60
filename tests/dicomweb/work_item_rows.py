"""Data sets of work items as clients send them."""

import json
import re

from pydicom.datadict import dictionary_VR, tag_for_keyword

from cauce.samples import stable_uid

JSON = "application/dicom+json"
STUDY = stable_uid(7, "study")
SERVICE = "http://testserver/dicom-web"
INCONSISTENT = "The submitted request is inconsistent with the state of the UPS Instance."
NOT_UPDATED = "The submitted request is inconsistent with the current state of the Workitem."
LOCK, OTHER_LOCK = "1.2.840.99.1", "1.2.840.99.2"


def dataset(**attributes):
    """Return a data set of the JSON model; items of sequences are mappings, names are text."""
    found = {}
    for keyword, value in attributes.items():
        tag, vr = f"{tag_for_keyword(keyword):08X}", dictionary_VR(keyword)
        values = value if isinstance(value, list) else [] if value is None else [value]
        values = [{"Alphabetic": one} if vr == "PN" else dataset(**one) if vr == "SQ" else one for one in values]
        found[tag] = {"vr": vr, "Value": values} if values else {"vr": vr}
    return found


def code(value, scheme="99CAUCE", meaning="meaning"):
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}


def new_item(**attributes):
    """Return the data set of a new work item that names no pipeline of ours, with all that it must have."""
    full = {
        "TransactionUID": None,
        "ScheduledProcedureStepPriority": "MEDIUM",
        "ProcedureStepLabel": "Read the chest",
        "WorklistLabel": "READING",
        "ScheduledProcessingParametersSequence": None,
        "ScheduledStationNameCodeSequence": None,
        "ScheduledStationClassCodeSequence": None,
        "ScheduledStationGeographicLocationCodeSequence": None,
        "ScheduledProcedureStepStartDateTime": "20260101080000",
        "ScheduledWorkitemCodeSequence": code("110005", "DCM", "Interpretation"),
        "CommentsOnTheScheduledProcedureStep": None,
        "InputReadinessState": "READY",
        "InputInformationSequence": None,
        "StudyInstanceUID": None,
        "PatientName": "García^Ana",
        "PatientID": "PID-1",
        "IssuerOfPatientID": None,
        "IssuerOfPatientIDQualifiersSequence": None,
        "PatientBirthDate": None,
        "PatientSex": "F",
        "AdmissionID": None,
        "IssuerOfAdmissionIDSequence": None,
        "AdmittingDiagnosesDescription": None,
        "AdmittingDiagnosesCodeSequence": None,
        "ReferencedRequestSequence": None,
        "ProcedureStepState": "SCHEDULED",
        "ProcedureStepProgressInformationSequence": None,
        "UnifiedProcedureStepPerformedProcedureSequence": None,
    }
    return dataset(**{keyword: value for keyword, value in {**full, **attributes}.items() if value != "absent"})


def processing_item(study=STUDY, **attributes):
    """Return the data set of a work item that asks the platform to process a study."""
    wanted = {
        "ProcedureStepLabel": "Process anew",
        "ScheduledWorkitemCodeSequence": code("basic-1"),
        "InputInformationSequence": {"StudyInstanceUID": study, "TypeOfInstances": "DICOM"},
    }
    return new_item(**{**wanted, **attributes})


def change(state, lock=LOCK):
    return dataset(ProcedureStepState=state, **({"TransactionUID": lock} if lock else {}))


def performed(**attributes):
    """Return an update with all that a completion requires."""
    done = {
        "PerformedStationNameCodeSequence": code("WS1", "99HOSPITAL"),
        "PerformedProcedureStepStartDateTime": "20260101080100",
        "PerformedWorkitemCodeSequence": code("110005", "DCM"),
        "PerformedProcedureStepEndDateTime": "20260101081500",
        "OutputInformationSequence": None,
    }
    kept = {keyword: value for keyword, value in {**done, **attributes}.items() if value != "absent"}
    return dataset(UnifiedProcedureStepPerformedProcedureSequence=kept)


def body(document):
    return json.dumps([document]).encode()


def value(document, *path):
    """Return the first value at a path of keywords."""
    *above, keyword = path
    for name in above:
        document = document[f"{tag_for_keyword(name):08X}"]["Value"][0]
    return document[f"{tag_for_keyword(keyword):08X}"].get("Value", [None])[0]


def warned(answer):
    """Return what an answer warns of."""
    found = re.fullmatch(rf"299 {re.escape(SERVICE)}: (.+)", answer.headers.get("warning", ""))
    return found[1] if found else answer.headers.get("warning")


def held(get, path):
    answer = get(path)
    assert answer.status == 200
    (document,) = json.loads(answer.body)
    return document
