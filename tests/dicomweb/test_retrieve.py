"""WADO-RS: instances, metadata and bulk data of what was stored."""

import zipfile
from email import message_from_bytes
from io import BytesIO

import pydicom
import pytest

from cauce import samples
from cauce.core.statuses import Role
from cauce.records.models import Project

pytestmark = pytest.mark.django_db(transaction=True)

DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'


def parts_of(answer):
    """Return the parts of a multipart answer as (Content-Type, content)."""
    head = f"Content-Type: {answer.headers['content-type']}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    boundary = answer.headers["content-type"].rpartition("boundary=")[2].encode()
    parts = answer.body.split(b"\r\n--" + boundary)
    assert parts[-1] == b"--\r\n"
    parts[0] = parts[0].removeprefix(b"--" + boundary)
    found = []
    for part in parts[:-1]:
        fields, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        found.append((message_from_bytes(fields)["Content-Type"], content))
    assert not message_from_bytes(head + answer.body).defects
    return found


def place_of(file, level="instance"):
    ds = pydicom.dcmread(BytesIO(file), stop_before_pixels=True, force=True)
    path = f"/studies/{ds.StudyInstanceUID}"
    if level != "study":
        path += f"/series/{ds.SeriesInstanceUID}"
    return path + (f"/instances/{ds.SOPInstanceUID}" if level == "instance" else "")


@pytest.fixture
def series(stow):
    """Three images of one series that came in another order than their numbers have; in the order of the numbers."""
    study, series = samples.stable_uid("test", "study"), samples.stable_uid("test", "series")
    files = [
        samples.small_instance(StudyInstanceUID=study, SeriesInstanceUID=series, InstanceNumber=number)
        for number in (1, 2, 3)
    ]
    assert stow([files[1], files[2], files[0]]).status == 200
    return files


@pytest.mark.parametrize("level", ["study", "series"])
def test_instances_come_as_they_were_stored_in_the_order_of_their_numbers(series, get, level):
    answer = get(place_of(series[0], level), accept=DICOM)
    assert answer.status == 200
    assert [content for _, content in parts_of(answer)] == series
    assert {kind for kind, _ in parts_of(answer)} == {"application/dicom; transfer-syntax=1.2.840.10008.1.2.1"}


def test_one_instance_comes_as_one_file(series, get):
    answer = get(place_of(series[2]), accept="application/dicom; transfer-syntax=*")
    assert (answer.status, answer.body) == (200, series[2])
    assert answer.headers["content-type"] == "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"
    again = get(place_of(series[2]), accept="application/dicom", if_none_match=answer.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_several_instances_are_not_one_file(series, get):
    answer = get(place_of(series[0], "series"), accept="application/dicom")
    assert (answer.status, answer.json()["code"]) == (406, "not_acceptable")


def test_a_study_comes_as_a_zip(series, get):
    answer = get(place_of(series[0], "study"), accept="application/zip")
    with zipfile.ZipFile(BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        assert [archive.read(name) for name in archive.namelist()] == series
        assert all(name.endswith(".dcm") for name in archive.namelist())


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_metadata_are_the_headers_that_were_sent(series, get, level):
    answer = get(place_of(series[0], level) + "/metadata", accept="application/dicom+json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/dicom+json")
    documents = answer.json()
    assert len(documents) == (1 if level == "instance" else 3)
    for document, file in zip(documents, series, strict=False):
        sent = pydicom.dcmread(BytesIO(file), stop_before_pixels=True)
        pixels = document.pop("7FE00010")
        assert pixels.keys() == {"vr", "BulkDataURI"}
        assert pydicom.Dataset.from_json(document) == sent


def test_bulk_data_are_where_the_metadata_say(series, get):
    document = get(place_of(series[0]) + "/metadata").json()[0]
    uri = document["7FE00010"]["BulkDataURI"]
    assert uri.startswith(f"http://testserver/dicom-web{place_of(series[0])}/bulkdata/")
    answer = get("", root=uri.removeprefix("http://testserver"), accept="application/octet-stream")
    assert answer.body == pydicom.dcmread(BytesIO(series[0])).PixelData
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize(
    ("wanted", "status", "told", "stretch"),
    [
        ("bytes=0-9", 206, "bytes 0-9/2048", slice(0, 10)),
        ("bytes=2000-", 206, "bytes 2000-2047/2048", slice(2000, None)),
        ("bytes=-8", 206, "bytes 2040-2047/2048", slice(2040, None)),
        ("bytes=0-99999", 200, None, slice(None)),
        ("bytes=9-3", 200, None, slice(None)),
        ("bytes=2048-", 416, "bytes */2048", slice(0, 0)),
        ("bytes=-0", 416, "bytes */2048", slice(0, 0)),
        ("pixels=1-2", 200, None, slice(None)),
    ],
)
def test_bulk_data_are_read_by_range(series, get, wanted, status, told, stretch):
    pixels = pydicom.dcmread(BytesIO(series[0])).PixelData
    uri = get(place_of(series[0]) + "/metadata").json()[0]["7FE00010"]["BulkDataURI"]
    answer = get("", root=uri.removeprefix("http://testserver"), accept="application/octet-stream", range=wanted)
    assert (answer.status, answer.headers.get("content-range"), answer.body) == (status, told, pixels[stretch])


def test_metadata_are_sent_again_only_when_they_changed(series, get, stow):
    place = place_of(series[0], "series") + "/metadata"
    first = get(place)
    assert get(place, if_none_match=f'"other", {first.headers["etag"]}').status == 304
    ds = pydicom.dcmread(BytesIO(series[0]))
    more = samples.small_instance(StudyInstanceUID=ds.StudyInstanceUID, SeriesInstanceUID=ds.SeriesInstanceUID)
    assert stow([more]).status == 200
    changed = get(place, if_none_match=first.headers["etag"])
    assert (changed.status, len(changed.json())) == (200, 4)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/studies/1.2.3", 404, "not_found"),
        ("/studies/1.2.3/metadata", 404, "not_found"),
        ("/studies/not-a-uid/metadata", 400, "invalid"),
        ("/studies/1..2/metadata", 400, "invalid"),
        ("/studies/" + "1" * 65 + "/metadata", 400, "invalid"),
    ],
)
def test_addresses_of_nothing_say_so(get, path, status, code):
    answer = get(path)
    assert (answer.status, answer.json()["code"]) == (status, code)


def test_a_series_is_not_found_below_another_study(series, get, stow):
    other = samples.small_instance()
    stow([other])
    study = place_of(other, "study")
    assert get(study + place_of(series[0], "series").removeprefix(place_of(series[0], "study"))).status == 404


@pytest.mark.parametrize(("role", "status"), [(Role.RESEARCHER, 403), (Role.AUDITOR, 403), (Role.TECHNOLOGIST, 200)])
def test_originals_are_for_who_may_see_identity(series, get, role, status):
    for tail in ("", "/metadata"):
        assert get(place_of(series[0]) + tail, role=role).status == status


def test_nobody_reads_without_a_credential(series, web):
    from asgi_driver import call

    answer = call(web, "GET", "/dicom-web" + place_of(series[0]) + "/metadata")
    assert (answer.status, answer.json()["code"]) == (401, "unauthenticated")


def test_who_may_only_read_is_not_let_in_to_store_by_having_read(web, token, get):
    from asgi_driver import call, related

    get("/studies/1.2.3", role=Role.RESEARCHER)
    kind, body = related([samples.small_instance()])
    headers = {"authorization": f"Bearer {token(Role.RESEARCHER)}", "content-type": kind}
    assert call(web, "POST", "/dicom-web/studies", headers=headers, chunks=body).status == 403


def test_each_project_serves_its_own(series, get):
    Project.objects.create(slug="trial")
    assert get(place_of(series[0]), root="/projects/trial/dicom-web").status == 404
    assert get(place_of(series[0]), root="/projects/default/dicom-web").status == 200
    assert get(place_of(series[0]), root="/projects/nowhere/dicom-web").status == 404


def test_what_was_read_is_in_the_audit_trail_once_a_minute(series, get, services):
    from cauce.audit.models import AuditEvent

    for file in series:
        get(place_of(file))
        get(place_of(file) + "/metadata")
    services.catalogue.settle()
    rows = AuditEvent.objects.filter(action__in=["instances.read", "metadata.read"]).values_list("action", "subject")
    study = Project.objects.get().studies.get()
    assert sorted(rows) == [("instances.read", study.public_id), ("metadata.read", study.public_id)]


def test_a_program_in_the_preamble_does_not_go_out(stow, get):
    file = samples.small_instance()
    hostile = b"MZ" + bytes(126) + file[128:]
    assert stow([hostile]).status in (200, 202)
    answer = get(place_of(file), accept="application/dicom; transfer-syntax=*")
    assert answer.body == file


def test_a_data_set_that_came_without_a_head_is_given_one(stow, get):
    file = samples.small_instance(transfer_syntax_uid="1.2.840.10008.1.2")
    bare = file[144 + int.from_bytes(file[140:144], "little") :]
    assert stow([bare]).status in (200, 202)
    answer = get(place_of(file), accept="application/dicom; transfer-syntax=*")
    again = pydicom.dcmread(BytesIO(answer.body))
    assert again.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"
    assert again == pydicom.dcmread(BytesIO(file))


def test_the_head_of_an_answer_is_had_without_its_body(series, get):
    answer = get(place_of(series[0], "study"), accept=DICOM, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"].startswith('multipart/related; type="application/dicom"')
