"""Patient, study date and modality of a DICOM file, and any of its elements."""

from collections.abc import Iterable
from pathlib import Path

from pydicom.tag import BaseTag

from cauce.core.errors import InvalidRequest, Refused
from cauce.readings.dicom_file import DicomFile, name_of


def open_dicom(path: Path) -> DicomFile:
    """Read a file.

    Raises:
        InvalidRequest: it is not DICOM, or is cut off; the text names it.
        OSError: it cannot be read.
    """
    try:
        return DicomFile.open(path)
    except Refused as error:
        raise InvalidRequest(f"{path}: {error.code}: {error.detail}") from error


def print_dicom(path: Path, tags: Iterable[BaseTag]) -> None:
    """Print the three elements that are always wanted, then those of `tags`; what is absent is said to be so.

    Raises:
        InvalidRequest, OSError: as `open_dicom`.
    """
    file = open_dicom(path)
    facts = file.study_facts()
    print(f"Patient's name: {facts.patient_name or 'absent'}")
    print(f"Study date: {facts.study_date or 'absent'}")
    print(f"Modality: {facts.modality or 'absent'}")
    for tag in tags:
        print(f"{name_of(tag)}: {file.text(tag) or 'absent'}")
