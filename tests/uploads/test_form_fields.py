"""`project`, `final` and `upload` as fields of the form, before the files and after them."""

import pytest

from asgi_driver import call
from cauce.records.models import Job, Project, Study, Upload
from cauce.samples import small_instance

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def lung(services):
    return Project.objects.create(slug="lung", name="Lung")


@pytest.fixture
def send(web, sender):
    """Post a form of fields (name, text) and files (bytes), in their order."""

    def post(*parts, query=""):
        body = b""
        for number, part in enumerate(parts):
            if isinstance(part, bytes):
                body += b'--b\r\nContent-Disposition: form-data; name="files"; filename="%d"\r\n\r\n' % number + part
            else:
                name, text = part
                body += f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode()
            body += b"\r\n"
        headers = {**sender, "content-type": "multipart/form-data; boundary=b"}
        return call(web, "POST", f"/api/uploads/{query}", headers=headers, chunks=body + b"--b--\r\n")

    return post


def projects():
    return sorted(Study.objects.values_list("project__slug", flat=True))


def is_closing():
    return Job.objects.get(step="close").due_at <= Upload.objects.get().finished_at


def test_a_project_before_the_files_is_where_they_go(send):
    answer = send(("project", "lung"), small_instance())
    assert (answer.status, answer.json()["project"], projects()) == (201, "lung", ["lung"])
    assert Upload.objects.get().project.slug == "lung"


@pytest.mark.parametrize("place", [0, 1])
def test_final_counts_wherever_it_stands(send, place):
    parts = [small_instance()]
    parts.insert(place, ("final", "true"))
    answer = send(*parts)
    assert (answer.status, Upload.objects.get().final, is_closing()) == (201, True, True)


def test_a_project_after_files_that_went_elsewhere_is_an_error_that_says_so_and_keeps_them(send):
    answer = send(small_instance(), ("project", "lung"), small_instance())
    problem = answer.json()
    assert (answer.status, problem["code"], list(problem["errors"])) == (400, "invalid", ["project"])
    assert problem["errors"]["project"] == ["`project` comes after files that were taken in without it: put it first."]
    assert ([line["status"] for line in problem["files"]], problem["project"]) == (["stored"], "default")
    assert projects() == ["default"]


@pytest.mark.parametrize("query", ["", "?project=lung"])
def test_fields_after_the_files_that_say_the_same_are_fine(send, query):
    slug = "lung" if query else "default"
    answer = send(small_instance(), ("project", slug), ("final", "no"), query=query)
    assert (answer.status, projects(), Upload.objects.get().final) == (201, [slug], False)


def test_query_and_form_may_not_differ(send):
    answer = send(("project", "lung"), small_instance(), query="?project=default")
    assert (answer.status, list(answer.json()["errors"]), projects()) == (400, ["project"], [])


def test_an_unknown_project_in_the_form_is_not_found_and_takes_nothing(send):
    answer = send(("project", "nowhere"), small_instance())
    assert (answer.status, answer.json()["code"], projects()) == (404, "not_found", [])


def test_an_upload_is_continued_by_field(send):
    first = send(small_instance()).json()
    answer = send(("upload", first["id"]), small_instance())
    assert (answer.status, answer.json()["id"], Upload.objects.count()) == (201, first["id"], 1)


@pytest.mark.parametrize(
    ("field", "text"), [("final", "perhaps"), ("upload", "17"), ("project", "x" * 2000), ("final", "1" * 2000)]
)
def test_a_field_that_makes_no_sense_is_named(send, field, text):
    answer = send((field, text), small_instance())
    assert (answer.status, list(answer.json()["errors"]), projects()) == (400, [field], [])


def test_empty_and_unknown_fields_say_nothing(send):
    answer = send(("project", ""), ("final", " "), ("comment", "lung"), small_instance())
    assert (answer.status, projects()) == (201, ["default"])


def test_an_error_in_the_first_field_leaves_one_empty_receipt(send):
    answer = send(("final", "perhaps"))
    assert (answer.status, answer.json()["files"], Upload.objects.count()) == (400, [], 1)
