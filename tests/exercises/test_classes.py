"""The classes of the second point: records of patients and studies, and the history of diagnoses."""

import sys
import time
from pathlib import Path

import pytest

EXERCISES = Path(__file__).resolve().parents[2] / "exercises"


@pytest.fixture
def classes(monkeypatch):
    monkeypatch.syspath_prepend(str(EXERCISES))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    from oop.diagnosis import Diagnosis
    from oop.patient_record import PatientRecord
    from oop.study_record import StudyRecord

    yield PatientRecord, StudyRecord, Diagnosis
    for name in [name for name in sys.modules if name.split(".")[0] in {"oop", "file_operations"}]:
        del sys.modules[name]


def test_what_a_file_lacks_is_none(classes, tmp_path):
    from cauce.samples import small_instance

    _, study_record, _ = classes
    lacking = {"PatientName": None, "StudyTime": None, "SeriesNumber": None, "PatientBirthDate": None}
    (tmp_path / "s.dcm").write_bytes(small_instance("MR", **lacking))
    study = study_record.load(tmp_path / "s.dcm")
    assert (study.name, study.study_time, study.series_number, study.birth_date) == (None, None, None, None)
    assert (study.number_of_frames, study.diagnosis, study.modality) == (1, None, "MR")
    assert "Patient's name: None" in study.lines()


def test_diagnoses_are_kept_with_time_and_author(classes, caplog):
    patient_record, study_record, diagnosis = classes
    assert issubclass(study_record, patient_record)
    assert issubclass(diagnosis, patient_record)
    patient = diagnosis(name="MUESTRA")
    before = time.time()
    with caplog.at_level("INFO"):
        patient.update_diagnosis(" first ", author="a")
        patient.update_diagnosis("second", author="b")
    assert patient.diagnosis == "second"
    assert [(entry.diagnosis, entry.author) for entry in patient.history] == [("first", "a"), ("second", "b")]
    assert before - 1 <= patient.history[0].at.timestamp() <= patient.history[1].at.timestamp()
    assert "diagnosis changed from first to second" in caplog.messages
    for record in (patient, patient_record()):
        for none in ("  ", None):
            with pytest.raises(ValueError, match="blank"):
                record.update_diagnosis(none)


def test_the_diagnosis_before_the_first_change_is_in_the_history(classes):
    _, _, diagnosis = classes
    patient = diagnosis(name="MUESTRA", diagnosis="prior")
    patient.update_diagnosis("new", author="a")
    assert [(entry.diagnosis, entry.author) for entry in patient.history] == [("prior", "unknown"), ("new", "a")]
