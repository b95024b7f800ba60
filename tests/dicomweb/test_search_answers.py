"""QIDO-RS: what an answer looks like: its attributes, pages, warnings and media types."""

from email import message_from_bytes
from xml.etree import ElementTree as ET

import pydicom
import pytest
import search_cases as cases

pytestmark = pytest.mark.django_db(transaction=True)


def tags(text):
    return set(text.split())


STUDY = tags(
    "00080005 00080020 00080030 00080050 00080056 00080061 00080090 00081030 00081190 00100010 00100020 00100030 "
    "00100040 0020000D 00200010 00201206 00201208"
)
SERIES = tags("00080005 00080056 00080060 00081190 0020000E 00200011 00201209")
INSTANCE = tags("00080005 00080016 00080018 00080056 00081190 00200013 00280008 00280010 00280011 00280100")
XML = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


@pytest.fixture
def stored(stow):
    files = [file for _, files in cases.studies() for file in files]
    assert stow(files).status == 200


def only(answer):
    (result,) = answer.json()
    return result


def test_a_study_has_all_required_attributes(stored, get):
    result = only(get("/studies?PatientID=P-1"))
    assert list(result) == sorted(STUDY)
    assert result["00080061"] == {"vr": "CS", "Value": ["CT", "MR"]}
    assert result["00201206"] == {"vr": "IS", "Value": [2]}
    assert result["00201208"] == {"vr": "IS", "Value": [3]}
    assert result["00080056"] == {"vr": "CS", "Value": ["ONLINE"]}
    assert result["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Muñoz^José María"}]}
    assert result["00081190"]["Value"] == [f"http://testserver/dicom-web/studies/{cases.uid('munoz')}"]
    assert pydicom.Dataset.from_json(result).PatientID == "P-1"


def test_required_attributes_without_a_value_are_there_and_empty(stored, get):
    result = only(get(f"/studies?StudyInstanceUID={cases.uid('empty')}"))
    assert result["00100010"] == {"vr": "PN"}
    assert result["00080020"] == {"vr": "DA"}
    assert "00080201" not in result


def test_a_series_has_what_the_address_leaves_open_and_its_study(stored, get):
    below = get(f"/studies/{cases.uid('kim')}/series")
    assert list(only(below)) == sorted(SERIES | {"0020000D"})
    assert only(below)["00081190"]["Value"][0].endswith(f"/studies/{cases.uid('kim')}/series/{cases.uid('kim-CT')}")
    assert list(only(get("/series?PatientID=P_2"))) == sorted(SERIES | STUDY)


def test_an_instance_has_what_the_address_leaves_open_and_its_place(stored, get):
    study, series = cases.uid("kim"), cases.uid("kim-CT")
    assert list(only(get(f"/studies/{study}/series/{series}/instances"))) == sorted(INSTANCE | {"0020000D", "0020000E"})
    assert list(only(get(f"/studies/{study}/instances"))) == sorted(INSTANCE | SERIES | {"0020000D"})
    result = only(get("/instances?PatientID=P_2"))
    assert list(result) == sorted(INSTANCE | SERIES | STUDY)
    url = f"http://testserver/dicom-web/studies/{study}/series/{series}/instances/{cases.uid('kim', '1')}"
    assert result["00081190"]["Value"] == [url]
    assert (
        get(url.removeprefix("http://testserver/dicom-web"), accept="application/dicom; transfer-syntax=*").status
        == 200
    )


def test_the_request_attributes_are_returned_as_a_sequence(stored, get):
    result = only(get(f"/series?SeriesInstanceUID={cases.uid('munoz-MR')}"))
    first = {"00400009": {"vr": "SH", "Value": ["STEP-1"]}, "00401001": {"vr": "SH", "Value": ["PROC-9"]}}
    second = {"00400009": {"vr": "SH", "Value": ["STEP-2"]}}
    assert result["00400275"] == {"vr": "SQ", "Value": [first, second]}


@pytest.mark.parametrize(
    ("path", "included", "tags"),
    [
        ("/studies", "InstitutionName", {"00080080"}),
        ("/studies", "StationName", set()),
        ("/studies", "SOPClassesInStudy", {"00080062"}),
        ("/studies", "00080062,PatientAge", {"00080062"}),
        ("/studies", "Rows", set()),
        ("/series", "Manufacturer", {"00080070"}),
        ("/instances", "PixelSpacing", {"00280030"}),
        ("/instances", "00280030,ImageType", {"00280030", "00080008"}),
        ("/instances", "PixelData", {"7FE00010"}),
        ("/instances", "NoSuchKeyword", set()),
        (f"/studies/{cases.uid('kim')}/series", "PatientName", {"00100010"}),
        (f"/studies/{cases.uid('kim')}/instances", "PatientName,Modality", {"00100010"}),
    ],
)
def test_attributes_are_included_on_demand(stow, get, path, included, tags):
    assert stow([cases.instance("kim", 1, Manufacturer="Maker", PixelSpacing=[1, 2])]).status == 200
    plain, more = only(get(path)), only(get(f"{path}?includefield={included}"))
    assert set(more) - set(plain) == tags
    assert {tag: more[tag] for tag in plain} == plain


def test_paths_into_sequences_include_what_is_on_them(stow, get):
    item = cases.samples_item(
        ScheduledProcedureStepID="S", ScheduledProcedureStepDescription="knee", RequestedProcedureID="R"
    )
    other = cases.samples_item(CodeValue="1", CodingSchemeDesignator="A", CodeMeaning="one")
    assert (
        stow([cases.instance("kim", 1, RequestAttributesSequence=[item], ProcedureCodeSequence=[other])]).status == 200
    )
    included = "ProcedureCodeSequence.CodeMeaning,00081032.00080100"
    result = only(get(f"/studies?includefield={included}"))
    assert result["00081032"]["Value"] == [
        {"00080104": {"vr": "LO", "Value": ["one"]}, "00080100": {"vr": "SH", "Value": ["1"]}}
    ]


def test_all_attributes_of_the_level_are_included(stow, get):
    file = cases.instance("kim", 1, PatientAge="041Y", Manufacturer="Maker", OperatorsName="Op^Erator")
    assert stow([file]).status == 200
    study, series, instance = (only(get(f"/{level}?includefield=all")) for level in ("studies", "series", "instances"))
    assert study["00080062"]["Value"] == ["1.2.840.10008.5.1.4.1.1.2"]
    assert "00081070" not in study
    assert series["00081070"]["Value"] == [{"Alphabetic": "Op^Erator"}]
    header = pydicom.dcmread(pydicom.filebase.DicomBytesIO(file), stop_before_pixels=True)
    assert {f"{int(element.tag):08X}" for element in header} <= set(instance)
    assert instance["7FE00010"]["BulkDataURI"].startswith("http://testserver/dicom-web/studies/")


def test_no_match_is_an_empty_list(get):
    for path in ("/studies", "/series", "/instances"):
        answer = get(f"{path}?PatientID=nobody")
        assert (answer.status, answer.body, answer.headers["x-total-count"]) == (200, b"[]", "0")


def test_an_answer_that_was_cut_says_how_many_are_left(stored, get):
    answer = get("/studies?limit=2")
    assert (len(answer.json()), answer.headers["x-total-count"]) == (2, "5")
    service = "299 http://testserver/dicom-web: "
    assert answer.headers["warning"] == service + "There are 3 additional results that can be requested"
    last = get("/studies?limit=2&offset=4")
    assert (len(last.json()), "warning" in last.headers, last.headers["x-total-count"]) == (1, False, "5")
    assert get("/studies?limit=0").json() == []
    assert get("/studies?offset=5").json() == []


def test_the_servers_most_is_kept_to(stored, get, monkeypatch):
    from cauce.api.dicomweb import search_query

    monkeypatch.setattr(search_query, "RESULTS_MAX", 3)
    for query in ("limit=4", "limit=1000000"):
        answer = get(f"/studies?{query}")
        assert (len(answer.json()), "There are 2 additional" in answer.headers["warning"]) == (3, True)


def test_what_was_passed_over_is_said_without_repeating_it(stored, get):
    answer = get("/studies?PixelSpacing=1&x%0Ay=Secret")
    service = "299 http://testserver/dicom-web: "
    said = ["PixelSpacing cannot be matched: it was ignored", "An unknown parameter was ignored"]
    assert answer.headers["warning"] == ", ".join(service + each for each in said)
    assert "warning" not in get("/studies?accept=application/json").headers


@pytest.mark.parametrize("few", [1000, 0])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "PatientName=y*",
        "StudyDate=19000101-",
        "ModalitiesInStudy=CT",
        "PatientID=Q*",
        "fuzzymatching=true&PatientName=y",
    ],
)
@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_pages_have_each_result_once_while_others_arrive(stow, get, monkeypatch, level, query, few):
    from cauce.adapters import search_sql, search_statements

    monkeypatch.setattr(search_sql, "FEW", few)
    monkeypatch.setattr(search_statements, "FEW", few)

    def store(numbers):
        about = {"PatientName": "Yang^Yi=楊^一", "StudyDate": "20240101"}
        assert stow([cases.instance(f"page {n}", 1, PatientID=f"Q{n:02}", **about) for n in numbers]).status == 200

    tag = {"studies": "0020000D", "series": "0020000E", "instances": "00080018"}[level]
    store(range(7))
    whole = [one[tag]["Value"][0] for one in get(f"/{level}?{query}").json()]
    assert len(set(whole)) == 7
    pages = []
    for offset in (0, 2, 4, 6):
        pages += [one[tag]["Value"][0] for one in get(f"/{level}?{query}&limit=2&offset={offset}").json()]
        if few == 0 and offset == 2:
            store([9 + offset])
    before = [uid for uid in pages if uid in whole]
    assert before == whole


def test_xml_comes_in_parts(stored, get):
    answer = get("/studies?PatientID=P-1%5CP_2", accept='multipart/related; type="application/dicom+xml"')
    kind = answer.headers["content-type"]
    assert kind.startswith('multipart/related; type="application/dicom+xml"; boundary=')
    parts = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + answer.body).get_payload()
    assert [part.get_content_type() for part in parts] == ["application/dicom+xml"] * 2
    names = [model.find(f"{XML}DicomAttribute[@keyword='PatientID']/{XML}Value").text for model in map(parsed, parts)]
    assert sorted(names) == ["P-1", "P_2"]


def parsed(part):
    return ET.fromstring(part.get_payload(decode=True))


def test_one_result_comes_as_one_xml_document(stored, get):
    answer = get("/studies?PatientID=P-1", accept="application/dicom+xml")
    assert answer.headers["content-type"] == "application/dicom+xml"
    model = ET.fromstring(answer.body)
    names = model.find(f"{XML}DicomAttribute[@keyword='PatientName']/{XML}PersonName/{XML}Alphabetic")
    assert [(each.tag.removeprefix(XML), each.text) for each in names] == [
        ("FamilyName", "Muñoz"),
        ("GivenName", "José María"),
    ]
    several = get("/studies", accept="application/dicom+xml")
    assert several.headers["content-type"].startswith("multipart/related")


@pytest.mark.parametrize(
    ("accept", "status", "kind"),
    [
        (None, 200, "application/dicom+json"),
        ("application/json", 200, "application/json"),
        ("application/dicom+json;q=0.5, application/json", 200, "application/json"),
        ("*/*", 200, "application/dicom+json"),
        ("text/html", 406, "application/problem+json"),
        ("application/dicom", 406, "application/problem+json"),
    ],
)
def test_the_media_type_is_what_the_client_takes(stored, get, accept, status, kind):
    answer = get("/studies", accept=accept)
    assert (answer.status, answer.headers["content-type"]) == (status, kind)


def test_a_long_answer_is_the_same_as_a_short_one(stored, get, monkeypatch):
    from cauce.api.dicomweb import search

    whole = {path: get(path).json() for path in ("/studies", "/instances?includefield=all")}
    monkeypatch.setattr(search, "_AT_ONCE", 2)
    for path, results in whole.items():
        assert get(path).json() == results


def test_only_the_head_of_an_answer_is_sent_for_head(stored, get):
    answer = get("/studies", method="HEAD")
    assert (answer.status, answer.body, answer.headers["x-total-count"]) == (200, b"", "5")
