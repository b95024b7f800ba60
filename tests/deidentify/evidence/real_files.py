"""Real files through de-identification and past the checker: what both of the tests on them do."""

import collections
import warnings

import pydicom
from deid_objects import deidentified
from iod_errors import new_errors
from survivors import identity_of, survivors

from cauce import flow
from cauce.core.errors import Refused
from cauce.core.statuses import AttentionCause
from cauce.stages.deidentify import STANDARD

KEYWORDS = {
    *("AccessionNumber", "AdmissionID", "ClinicalTrialSubjectID", "DeviceSerialNumber", "StationName", "StudyID"),
    *("FillerOrderNumberImagingServiceRequest", "PlacerOrderNumberImagingServiceRequest", "IssuerOfPatientID"),
    *("InstitutionAddress", "InstitutionName", "InstitutionalDepartmentName", "MedicalRecordLocator"),
    *("OtherPatientIDs", "PatientAddress", "PatientBirthDate", "PatientID", "PatientTelephoneNumbers"),
    *("PerformedProcedureStepID", "RequestedProcedureID", "ScheduledProcedureStepID"),
    *("ReferringPhysicianAddress", "ReferringPhysicianTelephoneNumbers"),
}
"""What identifies somebody, besides names and UIDs."""
OURS = frozenset(["REMOVED", "19000101"])
MAKERS = frozenset(["GE MEDICAL SYSTEMS"])
"""A maker's name, which demonstration systems have for their institution; Manufacturer, which says it too, is kept."""


def examined(paths, folder):
    """De-identify each file, and clean its pixels where they are what holds it.

    Return (outcomes by cause or code, new error lines, {file: survivors}, files checked).
    """
    outcomes, errors, left, checked = collections.Counter(), collections.Counter(), {}, 0
    for path in paths:
        content = path.read_bytes()
        try:
            outcome, output = deidentified(content)
            if outcome.cause is AttentionCause.PIXELS_UNPROVEN:
                outcome, output = deidentified(content, profile=STANDARD, pixels=flow.pixel_cleaner(STANDARD))
        except Refused as refused:
            outcomes[refused.code] += 1
            continue
        outcomes[outcome.cause] += 1
        if outcome.cause is not None:
            assert output == b""
            assert outcome.detail
            continue
        found = survivors(output, identity(path))
        if found:
            left[path.name] = found
        errors[path.name] = new_errors(content, output, folder) or 0
        checked += 1
    return outcomes, +errors, left, checked


def identity(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(path, force=True)
        return {string for string in identity_of(ds, KEYWORDS) if string not in OURS | MAKERS and string.strip("0")}
