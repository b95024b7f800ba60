"""STOW-RS: every instance is named in the answer, with the status and the reasons of PS3.18."""

import io

import pydicom
import pytest

from asgi_driver import call, related
from cauce import samples
from cauce.core.errors import StorageFull
from cauce.records.models import Project, Study, Upload, UploadItem, Version

pytestmark = pytest.mark.django_db(transaction=True)

CT = "1.2.840.10008.5.1.4.1.1.2"


def uids_of(content):
    ds = pydicom.dcmread(io.BytesIO(content))
    return str(ds.StudyInstanceUID), str(ds.SeriesInstanceUID), str(ds.SOPInstanceUID)


def stored(answer):
    return [item["00081155"]["Value"][0] for item in answer.json().get("00081199", {"Value": []})["Value"]]


def failed(answer):
    """(SOP Instance UID, failure reason) of what failed by name."""
    items = answer.json().get("00081198", {"Value": []})["Value"]
    return [(item["00081155"]["Value"][0], f"{item['00081197']['Value'][0]:04X}") for item in items]


def nameless(answer):
    """Failure reasons of what failed without a name."""
    return [f"{i['00081197']['Value'][0]:04X}" for i in answer.json().get("0008119A", {"Value": []})["Value"]]


def test_instances_of_one_study_are_stored_and_named(stow):
    content = samples.small_instance()
    study, series, instance = uids_of(content)
    answer = stow([content])
    assert (answer.status, answer.headers["content-type"]) == (200, "application/dicom+json")
    assert answer.json() == {
        "00081190": {"vr": "UR", "Value": [f"http://testserver/dicom-web/studies/{study}"]},
        "00081199": {
            "vr": "SQ",
            "Value": [
                {
                    "00081150": {"vr": "UI", "Value": [CT]},
                    "00081155": {"vr": "UI", "Value": [instance]},
                    "00081190": {
                        "vr": "UR",
                        "Value": [f"http://testserver/dicom-web/studies/{study}/series/{series}/instances/{instance}"],
                    },
                }
            ],
        },
    }
    assert pydicom.Dataset.from_json(answer.json()).ReferencedSOPSequence[0].ReferencedSOPClassUID == CT
    receipt = f"http://testserver/api/uploads/{Upload.objects.get().public_id}/"
    assert answer.headers["link"] == f'<{receipt}>; rel="describedby"'


def test_instances_of_several_studies_have_no_common_address(stow):
    contents = [samples.small_instance() for _ in range(3)]
    answer = stow(contents)
    assert answer.status == 200
    assert stored(answer) == [uids_of(content)[2] for content in contents]
    assert "00081190" not in answer.json()


def test_duplicates_count_as_stored(stow):
    content = samples.small_instance()
    stow([content])
    answer = stow([content, content])
    assert (answer.status, stored(answer)) == (200, [uids_of(content)[2]] * 2)
    assert Version.objects.count() == 1


def test_a_conflict_is_success_with_a_warning(stow):
    content = samples.small_instance()
    study, series, instance = uids_of(content)
    other = samples.small_instance(StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=instance)
    stow([content])
    answer = stow([other])
    assert answer.status == 202
    (item,) = answer.json()["00081199"]["Value"]
    assert item["00081196"] == {"vr": "US", "Value": [0xB000]}
    assert "00081190" not in item  # at its address is what was there first
    assert "00081190" not in answer.json()
    assert Version.objects.count() == 2


def test_some_failed_is_202_and_names_both(stow):
    good, cut, no_series = (
        samples.small_instance(),
        samples.small_instance(),
        samples.small_instance(SeriesInstanceUID=None),
    )
    answer = stow([good, cut[:-50], b"hello" * 50, no_series])
    assert answer.status == 202
    assert stored(answer) == [uids_of(good)[2]]
    assert failed(answer)[0] == (uids_of(cut)[2], "C000")
    assert failed(answer)[1][1] == "C000"
    assert nameless(answer) == ["C000"]


def test_all_failed_is_409(stow):
    answer = stow([b"hello" * 50, b""])
    assert (answer.status, nameless(answer)) == (409, ["C000", "C000"])
    assert "00081199" not in answer.json()


def test_what_is_no_storage_class_fails_with_0122(stow):
    ds = pydicom.dcmread(io.BytesIO(samples.small_instance()))
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    buffer = io.BytesIO()
    ds.save_as(buffer)
    assert failed(stow([buffer.getvalue()])) == [(str(ds.SOPInstanceUID), "0122")]


def test_an_instance_that_is_too_long_fails_with_a700(stow, make_web, make_services):
    app = make_web(using=make_services(instance_bytes_max=1000))
    answer = stow([samples.small_instance()], app=app)
    assert (answer.status, nameless(answer)) == (409, ["A700"])


def test_a_defect_of_ours_fails_with_0110(stow, monkeypatch):
    from cauce import flow

    monkeypatch.setattr(flow, "take_in", lambda *_args, **_options: 1 / 0)
    content = samples.small_instance()
    answer = stow([content])
    assert (answer.status, failed(answer)) == (409, [(uids_of(content)[2], "0110")])


def test_a_full_store_is_507_and_says_when_to_come_again(stow, services, monkeypatch):
    def write(*_args, **_options):
        raise StorageFull("The object store has no room left.")

    monkeypatch.setattr(type(services.objects), "write", write)
    content = samples.small_instance()
    answer = stow([content])
    assert (answer.status, answer.headers["retry-after"]) == (507, "5")
    assert failed(answer) == [(uids_of(content)[2], "A700")]


def test_instances_of_other_studies_than_the_addresss_fail_with_a900_and_are_not_stored(stow):
    mine, other = samples.small_instance(), samples.small_instance()
    answer = stow([mine, other], path=f"/dicom-web/studies/{uids_of(mine)[0]}")
    assert answer.status == 202
    assert stored(answer) == [uids_of(mine)[2]]
    assert failed(answer) == [(uids_of(other)[2], "A900")]
    assert Study.objects.get().study_instance_uid == uids_of(mine)[0]
    assert UploadItem.objects.get(status="refused").code == "invalid_uid"


def test_an_address_without_a_uid_is_400(stow):
    answer = stow([samples.small_instance()], path="/dicom-web/studies/not-a-uid")
    assert (answer.status, answer.json()["code"]) == (400, "invalid")
    assert Version.objects.count() == 0


def test_a_projects_address_stores_in_that_project(stow):
    Project.objects.create(slug="lung")
    content = samples.small_instance()
    answer = stow([content], path="/projects/lung/dicom-web/studies")
    url = answer.json()["00081190"]["Value"][0]
    assert url == f"http://testserver/projects/lung/dicom-web/studies/{uids_of(content)[0]}"
    assert Study.objects.get().project.slug == "lung"
    answer = stow([content], path=f"/projects/lung/dicom-web/studies/{uids_of(content)[0]}")
    assert answer.status == 200


def test_an_unknown_project_is_not_found(stow):
    assert stow([samples.small_instance()], path="/projects/nowhere/dicom-web/studies").status == 404


def test_one_bare_instance_is_taken(web, sender):
    content = samples.small_instance()
    answer = call(
        web,
        "POST",
        "/dicom-web/studies",
        headers={**sender, "content-type": "application/dicom"},
        chunks=[content[:700], content[700:]],
    )
    assert (answer.status, stored(answer)) == (200, [uids_of(content)[2]])


def test_the_receipt_of_a_request_is_kept_and_ended_soon(stow, web):
    import asyncio

    stow([samples.small_instance(), b"hello" * 50])
    upload = Upload.objects.get()
    assert (upload.source, upload.finished_at) == ("stow", None)
    asyncio.run(web.stop())
    upload.refresh_from_db()
    assert upload.finished_at is not None
    assert sorted(upload.items.values_list("name", "status")) == [("instance 1", "stored"), ("instance 2", "refused")]


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/related; type=application/dicom; boundary=test-boundary-7d1",
        "multipart/related; boundary=test-boundary-7d1",
        'Multipart/Related;boundary="test-boundary-7d1";type="application/dicom"; start="<1>"',
    ],
)
def test_the_content_type_may_be_written_as_senders_in_the_field_do(web, sender, kind):
    _, body = related([samples.small_instance()])
    answer = call(web, "POST", "/dicom-web/studies", headers={**sender, "content-type": kind}, chunks=body)
    assert answer.status == 200


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/zip",
        "application/dicom+xml",
        "multipart/form-data; boundary=test-boundary-7d1",
        'multipart/related; type="application/dicom+xml"; boundary=test-boundary-7d1',
    ],
)
def test_other_bodies_are_415_before_they_are_read(web, sender, kind):
    _, body = related([samples.small_instance()])
    answer = call(web, "POST", "/dicom-web/studies", headers={**sender, "content-type": kind}, chunks=body)
    assert (answer.status, answer.json()["code"]) == (415, "unsupported_media_type")
    assert Upload.objects.count() == 0


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/json", "application/dicom+json;q=0.1, text/html", "x/y,*/*"]
)
def test_a_client_that_takes_dicom_json_gets_it(stow, accept):
    assert stow([samples.small_instance()], accept=accept).status == 200


@pytest.mark.parametrize("accept", ["application/dicom+xml", "text/html", "application/dicom+json;q=0"])
def test_a_client_that_does_not_take_dicom_json_is_406(stow, accept):
    answer = stow([samples.small_instance()], accept=accept)
    assert (answer.status, answer.json()["code"]) == (406, "not_acceptable")
    assert Version.objects.count() == 0


def test_a_part_of_another_type_fails_and_the_rest_is_stored(web, sender):
    content = samples.small_instance()
    kind, body = related([content])
    body = b"--test-boundary-7d1\r\nContent-Type: text/plain\r\n\r\nhello\r\n" + body
    answer = call(web, "POST", "/dicom-web/studies", headers={**sender, "content-type": kind}, chunks=body)
    assert (answer.status, stored(answer), nameless(answer)) == (202, [uids_of(content)[2]], ["C000"])


@pytest.mark.parametrize("body", [b"", b"--test-boundary-7d1--\r\n", b"no boundary at all"])
def test_a_body_without_instances_is_malformed(web, sender, body):
    kind, _ = related([])
    answer = call(web, "POST", "/dicom-web/studies", headers={**sender, "content-type": kind}, chunks=body)
    assert (answer.status, answer.json()["code"]) == (400, "malformed_body")


def test_what_was_complete_before_the_body_broke_is_kept(web, sender):
    first, second = samples.small_instance(), samples.small_instance()
    kind, body = related([first, second])
    answer = call(web, "POST", "/dicom-web/studies", headers={**sender, "content-type": kind}, chunks=body[:-30])
    assert (answer.status, answer.json()["code"]) == (400, "malformed_body")
    assert list(UploadItem.objects.values_list("sop_instance_uid", flat=True)) == [uids_of(first)[2]]


@pytest.mark.corpus
def test_the_malformed_bodies_come_to_their_statuses(web, sender, malformed):
    statuses = {}
    for path in sorted((malformed / "http-stow").glob("*.body")):
        kind = path.with_suffix(".content-type").read_text()
        body = path.read_bytes()
        if path.stem == "many_empty_parts":  # 20,000 of them; the first hundred say as much
            body = body[: body.index(b"--BB", 4300)] + b"--BB--"
        answer = call(web, "POST", "/dicom-web/studies", headers={**sender, "content-type": kind}, chunks=body)
        statuses[path.stem] = answer.status
    assert statuses == {
        "empty": 400,
        "lf_only": 400,
        "many_empty_parts": 409,
        "no_boundary_param": 400,
        "no_final_boundary": 400,
        "part_no_ct": 200,
        "part_text": 409,
        "zero": 400,
    }


def test_the_same_instances_get_the_same_verdicts_by_form_zip_and_stow(upload, stow):
    import zipfile

    contents = [samples.small_instance() for _ in range(5)]
    contents += [contents[0][:-20], b"text" * 100, samples.small_instance(StudyInstanceUID=None)]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for number, content in enumerate(contents):
            made.writestr(str(number), content)
    expected = ["duplicate"] * 5 + ["truncated", "not_dicom", "missing_uid"]
    stow(contents)
    by_form = upload([(str(number), content) for number, content in enumerate(contents)])
    by_zip = upload([("z.zip", buffer.getvalue())])
    assert [code or status for _, status, code in by_form.verdicts] == expected
    assert [code or status for _, status, code in by_zip.verdicts] == expected
    answer = stow(contents)
    assert len(stored(answer)) == 5
    assert len(failed(answer)) + len(nameless(answer)) == 3
    items = UploadItem.objects.filter(upload=Upload.objects.last())
    assert [code or status for status, code in items.order_by("name").values_list("status", "code")] == expected
