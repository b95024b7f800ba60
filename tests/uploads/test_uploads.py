"""`POST /api/uploads/`: what a form's files become, and how the receipt tells."""

import io
import zipfile

import pytest

from asgi_driver import call, form
from cauce import samples
from cauce.core.errors import DatabaseUnavailable, StorageUnavailable
from cauce.records.models import Job, Project, Study, Upload, UploadItem, Version

pytestmark = pytest.mark.django_db(transaction=True)


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files:
            made.writestr(name, content)
    return buffer.getvalue()


def uid_of(content, keyword="SOPInstanceUID"):
    import pydicom

    return str(pydicom.dcmread(io.BytesIO(content))[keyword].value)


def test_a_form_of_files_is_answered_by_a_receipt_with_a_verdict_on_each(upload):
    first, second = samples.small_instance(), samples.small_instance()
    answer = upload([("a/1.dcm", first), ("notes.txt", b"no image" * 100), ("README", b"read me"), ("b/2", second)])
    receipt = answer.json()
    assert answer.status == 201
    assert answer.verdicts == [
        ("a/1.dcm", "stored", ""),
        ("notes.txt", "refused", "not_dicom"),
        ("README", "skipped", "accompanying_file"),
        ("b/2", "stored", ""),
    ]
    assert receipt["counts"] == {
        "stored": 2,
        "duplicate": 0,
        "conflict": 0,
        "skipped": 1,
        "pending": 0,
        "refused": 1,
    }
    assert receipt["project"] == "default"
    assert receipt["finished"] is True
    assert receipt["url"] == answer.headers["location"] == f"http://testserver/api/uploads/{receipt['id']}/"
    study = Study.objects.get(study_instance_uid=uid_of(first, "StudyInstanceUID"))
    assert receipt["files"][0]["study"] == study.public_id
    assert receipt["files"][0]["sop_instance_uid"] == uid_of(first)
    assert receipt["files"][0]["warnings"] == []
    assert Version.objects.count() == 2


def test_what_the_answer_says_stands_in_the_catalogue(upload):
    answer = upload([("1", samples.small_instance()), ("DICOMDIR", b"x" * 500)])
    held = Upload.objects.get(public_id=answer.json()["id"])
    assert sorted(held.items.values_list("name", "status", "code")) == sorted(answer.verdicts)
    assert (held.source, held.sender, held.final, held.project.slug) == ("upload", "technologist", False, "default")
    assert held.finished_at is not None


def test_three_hundred_files_keep_their_order_in_one_form(upload):
    files = [(f"IM{number:06}", samples.small_instance()) for number in range(300)]
    answer = upload(files)
    assert answer.verdicts == [(name, "stored", "") for name, _ in files]
    assert Version.objects.count() == 300


def test_files_may_come_in_any_file_field(web, sender):
    kind, body = form([("1", samples.small_instance())], field_name="image")
    answer = call(web, "POST", "/api/uploads/", headers={**sender, "content-type": kind}, chunks=body)
    assert answer.verdicts == [("1", "stored", "")]


def test_a_body_of_single_bytes_gives_the_same_receipt(web, sender):
    kind, body = form([("1", samples.small_instance()), ("2", b"x")])
    chunks = [bytes([byte]) for byte in body]
    answer = call(web, "POST", "/api/uploads/", headers={**sender, "content-type": kind}, chunks=chunks)
    assert [verdict[1] for verdict in answer.verdicts] == ["stored", "refused"]


def test_the_file_field_of_a_form_in_which_nothing_was_chosen_is_no_file(upload):
    assert upload([("", b"")]).json()["files"] == []


def test_the_same_again_is_a_duplicate_and_nothing_more_is_stored(upload):
    content = samples.small_instance()
    upload([("1", content)])
    answer = upload([("again", content), ("and again", content)])
    assert answer.verdicts == [("again", "duplicate", ""), ("and again", "duplicate", "")]
    assert answer.json()["files"][0]["study"] == Study.objects.get().public_id
    assert Version.objects.count() == 1


def test_another_content_under_a_known_uid_is_a_conflict_and_is_kept(upload):
    content = samples.small_instance()
    other = samples.small_instance(
        **{name: uid_of(content, name) for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")}
    )
    upload([("1", content)])
    answer = upload([("2", other)])
    assert answer.verdicts == [("2", "conflict", "differs")]
    assert sorted(Version.objects.values_list("state", flat=True)) == ["conflict", "current"]


def test_refusals_carry_their_codes(upload):
    content = samples.small_instance()
    answer = upload(
        [
            ("cut", content[:-100]),
            ("no uid", samples.small_instance(SeriesInstanceUID=None)),
            ("text", b"hello" * 100),
            ("empty", b""),
        ]
    )
    assert [code for _, _, code in answer.verdicts] == [
        "truncated",
        "missing_uid",
        "not_dicom",
        "not_dicom",
    ]
    assert all(line["detail"] for line in answer.json()["files"])


def test_a_file_that_is_dicom_is_taken_whatever_its_name(upload):
    files = [(name, samples.small_instance()) for name in ("DICOMDIR", "README.txt", ".DS_Store", "__MACOSX/a")]
    assert [status for _, status, _ in upload(files).verdicts] == ["stored"] * 4


def test_names_may_carry_anything_and_are_given_back(upload):
    names = ['Müller "Dr" & Söhne/é.dcm', "../../etc/passwd", "名前", "a\tb", "x" * 2000]
    answer = upload([(name.replace('"', "%22"), samples.small_instance()) for name in names])
    assert [name for name, _, _ in answer.verdicts] == [*names[:3], "a\ufffdb", "x" * 1024]
    assert [status for _, status, _ in answer.verdicts] == ["stored"] * 5


def test_a_zip_gives_the_verdicts_of_its_files_in_its_place(upload):
    first, second, third = (samples.small_instance() for _ in range(3))
    inner = zipped([("deep/3", third), ("Thumbs.db", b"x")])
    answer = upload(
        [
            ("before", first),
            (
                "study.zip",
                zipped([("1", first), ("2", second), ("inner.zip", inner), ("../evil", b"x"), ("t", b"text" * 99)]),
            ),
            ("after", second),
        ]
    )
    assert [(name, code) for name, _, code in answer.verdicts] == [
        ("before", ""),
        ("study.zip/1", ""),
        ("study.zip/2", ""),
        ("study.zip/inner.zip/deep/3", ""),
        ("study.zip/inner.zip/Thumbs.db", "system_file"),
        ("study.zip/../evil", "archive_unsafe"),
        ("study.zip/t", "not_dicom"),
        ("after", ""),
    ]
    assert answer.json()["counts"] == {
        "stored": 3,
        "duplicate": 2,
        "conflict": 0,
        "skipped": 1,
        "pending": 0,
        "refused": 2,
    }
    assert not UploadItem.objects.filter(status="pending").exists()
    assert UploadItem.objects.count() == 8


def test_an_archive_without_files_and_a_cut_one_have_a_verdict_of_their_own(upload):
    cut = zipped([("1", samples.small_instance())])[:-10]
    answer = upload([("empty.zip", zipped([])), ("cut.zip", cut)])
    assert answer.verdicts == [("empty.zip", "skipped", "empty_archive"), ("cut.zip", "refused", "truncated")]
    assert [(item.status, item.code) for item in UploadItem.objects.order_by("pk")] == [
        ("skipped", "empty_archive"),
        ("refused", "truncated"),
    ]


def test_a_zip_that_is_dicom_as_well_is_dicom(upload):
    content = b"PK\x03\x04" + samples.small_instance()[4:]
    assert upload([("polyglot.zip", content)]).verdicts == [("polyglot.zip", "stored", "")]


def test_the_project_of_the_query_is_where_the_files_go(upload):
    Project.objects.create(slug="lung")
    content = samples.small_instance()
    answer = upload([("1", content)], query="?project=lung")
    assert answer.json()["project"] == "lung"
    assert Study.objects.get().project.slug == "lung"
    assert upload([("1", content)]).verdicts == [("1", "stored", "")]


def test_an_unknown_project_is_not_found_and_the_body_not_read(upload):
    answer = upload([("1", samples.small_instance())], query="?project=nowhere")
    assert (answer.status, answer.json()["code"]) == (404, "not_found")
    assert Upload.objects.count() == 0


def test_studies_of_a_final_upload_close_now(upload):
    upload([("1", samples.small_instance())], query="?final=true")
    job = Job.objects.get(step="close")
    assert job.due_at <= job.study.last_received_at or job.due_at <= Upload.objects.get().finished_at
    assert Upload.objects.get().final is True


def test_studies_of_an_upload_that_is_not_final_wait_for_more(upload):
    upload([("1", samples.small_instance())], query="?final=false")
    job = Job.objects.get(step="close")
    assert (job.due_at - job.study.last_received_at).total_seconds() == 60


def test_an_upload_of_ones_own_can_be_continued_into_one_receipt(upload):
    first = upload([("1", samples.small_instance())]).json()
    answer = upload([("2", samples.small_instance())], query=f"?upload={first['id']}&final=1")
    assert answer.json()["id"] == first["id"]
    assert answer.verdicts == [("2", "stored", "")]
    held = Upload.objects.get()
    assert [item.name for item in held.items.order_by("pk")] == ["1", "2"]
    now_due = Job.objects.filter(step="close", due_at__lte=held.finished_at).count()
    assert now_due == 2


def test_anothers_upload_cannot_be_continued(upload, web, token):
    first = upload([("1", samples.small_instance())]).json()
    kind, body = form([("2", samples.small_instance())])
    headers = {"authorization": f"Bearer {token(name='somebody else')}", "content-type": kind}
    answer = call(web, "POST", f"/api/uploads/?upload={first['id']}", headers=headers, chunks=body)
    assert (answer.status, answer.json()["code"]) == (404, "not_found")
    assert UploadItem.objects.count() == 1


@pytest.mark.parametrize(
    ("query", "field"), [("?final=perhaps", "final"), ("?upload=17", "upload"), ("?upload=../1", "upload")]
)
def test_a_query_that_makes_no_sense_is_an_error_by_field(upload, query, field):
    answer = upload([("1", samples.small_instance())], query=query)
    assert (answer.status, answer.json()["code"], list(answer.json()["errors"])) == (400, "invalid", [field])
    assert Version.objects.count() == 0


def test_continuing_into_another_project_is_an_error(upload):
    Project.objects.create(slug="lung")
    first = upload([("1", samples.small_instance())]).json()
    answer = upload([("2", samples.small_instance())], query=f"?upload={first['id']}&project=lung")
    assert (answer.status, list(answer.json()["errors"])) == (400, ["project"])


@pytest.mark.parametrize("error", [StorageUnavailable("gone"), DatabaseUnavailable("gone")])
def test_a_store_that_does_not_answer_is_503_with_what_was_taken_before(upload, monkeypatch, error):
    from cauce import flow

    taken = flow.take_in

    def take_in(services, upload_ref, incoming, **options):
        if incoming.name == "2":
            raise error
        return taken(services, upload_ref, incoming, **options)

    monkeypatch.setattr(flow, "take_in", take_in)
    answer = upload([("1", samples.small_instance()), ("2", samples.small_instance())])
    assert (answer.status, answer.json()["code"]) == (503, error.code)
    assert answer.headers["retry-after"] == "5"
    assert answer.verdicts == [("1", "stored", "")]


def test_one_file_that_trips_us_up_does_not_take_the_others_with_it(upload, monkeypatch):
    from cauce import flow

    taken = flow.take_in

    def take_in(services, upload_ref, incoming, **options):
        if incoming.name == "2":
            raise ZeroDivisionError
        return taken(services, upload_ref, incoming, **options)

    monkeypatch.setattr(flow, "take_in", take_in)
    answer = upload([(name, samples.small_instance()) for name in "123"])
    assert answer.status == 201
    assert answer.verdicts == [("1", "stored", ""), ("2", "refused", "internal"), ("3", "stored", "")]
    assert UploadItem.objects.get(name="2").code == "internal"
