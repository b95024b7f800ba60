import pytest
from pydicom.tag import Tag

from cauce.core.errors import InvalidRequest, Refused
from cauce.readings.dicom_file import DicomFile, name_of, tags_of
from cauce.samples import small_instance


@pytest.fixture
def opened(tmp_path):
    def make(content=None, **attributes):
        path = tmp_path / "image.dcm"
        path.write_bytes(small_instance("MR", **attributes) if content is None else content)
        return DicomFile.open(path)

    return make


def test_facts_of_patient_and_study(opened):
    facts = opened(
        PatientName="MUESTRA^INÉS",
        PatientAge="045Y",
        PatientWeight="71.5",
        TypeOfPatientID="TEXT",
        SeriesNumber=3,
        NumberOfFrames=7,
        PatientSex="F",
    ).study_facts()
    assert (facts.patient_name, facts.patient_age, facts.patient_weight_kg) == ("MUESTRA^INÉS", "045Y", 71.5)
    assert (facts.type_of_patient_id, facts.patient_sex, facts.patient_birth_date) == ("TEXT", "F", "19700101")
    assert (facts.modality, facts.study_date, facts.study_time) == ("MR", "20250102", "101112")
    assert (facts.series_number, facts.number_of_frames) == (3, 7)
    assert facts.study_instance_uid.startswith("2.25.")


def test_what_a_file_lacks_is_none_and_one_frame(opened):
    facts = opened(PatientName=None, StudyDate=None, SeriesNumber=None, PatientSex="").study_facts()
    lacking = (facts.patient_name, facts.study_date, facts.series_number, facts.patient_sex, facts.patient_weight_kg)
    assert lacking == (None, None, None, None, None)
    assert facts.number_of_frames == 1


def test_elements_by_tag(opened):
    file = opened(ImageComments="a\x1bb")
    shown = [file.text(tag) for tag in tags_of(["ImageComments", "0x0008", "0x0008", "0x00020010", "PixelData"])]
    assert shown == ["a b", "ORIGINAL\\PRIMARY\\OTHER", "1.2.840.10008.1.2.1", "2048 bytes"]
    assert file.text(Tag("AccessionNumber")).startswith("A")
    assert file.text(Tag("ContrastBolusAgent")) is None


@pytest.mark.parametrize(
    "words",
    [["0x0008", "0x0016"], ["0x00080016"], ["0008,0016"], ["(0008,0016)"], ["SOPClassUID"], ["0X8", "0x16"]],
)
def test_a_tag_is_named_in_any_of_its_forms(words):
    assert tags_of(words) == [Tag(0x0008, 0x0016)]


@pytest.mark.parametrize("words", [["0x0008"], ["0x0008", "Modality"], ["Modalidad"], ["8,16"], ["0x0008001"], [""]])
def test_what_is_no_tag_is_refused(words):
    with pytest.raises(InvalidRequest, match="0x0008 0x0016"):
        tags_of(words)


def test_names_come_from_the_dictionary():
    assert name_of(Tag(0x00080060)) == "Modality (0008,0060)"
    assert name_of(Tag(0x00290010)) == "Private element (0029,0010)"
    assert name_of(Tag(0x00080004)) == "Unknown element (0008,0004)"


def test_what_is_not_dicom_or_cut_off_is_refused(opened):
    for content, code in ((b"x" * 500, "not_dicom"), (b"", "not_dicom"), (small_instance("MR")[:700], "truncated")):
        with pytest.raises(Refused) as caught:
            opened(content)
        assert caught.value.code == code


def test_hostile_files_are_refused_or_read(malformed):
    read = 0
    for path in sorted(one for one in malformed.rglob("*") if one.is_file())[::6]:
        try:
            file = DicomFile.open(path)
        except Refused:
            continue
        file.study_facts()
        read += 1
    assert read > 0
