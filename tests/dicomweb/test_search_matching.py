"""QIDO-RS: what each search finds, at every level and path, on whatever database is configured."""

import pytest
import search_cases as cases

from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stored(stow):
    files = [file for _, files in cases.studies() for file in files]
    assert stow(files).status == 200


def values(answer, tag):
    assert answer.status == 200, answer.body[:500]
    return [result[tag]["Value"][0] for result in answer.json()]


def differing(get, table, tag, names):
    """Return the searches of a table that find something else than it says, or anything twice."""
    wrong = []
    for path, query, expected in table:
        found = [names[value] for value in values(get(f"{path}?{query}" if query else path), tag)]
        if sorted(found) != sorted(expected):
            wrong.append((path, query, found))
    return wrong


def test_studies_are_found_by_what_is_asked_for(stored, get):
    names = {cases.uid(name): name for name in cases.ALL}
    table = [("/studies", query, expected) for query, expected in cases.STUDIES]
    assert differing(get, table, "0020000D", names) == []


def test_series_are_found_at_both_paths(stored, get):
    names = {cases.uid(name): name for name in cases.ALL_SERIES}
    assert differing(get, cases.SERIES, "0020000E", names) == []


def test_instances_are_found_at_all_three_paths(stored, get):
    names = {cases.uid(name, str(number)): f"{name} {number}" for name in cases.ALL for number in (1, 2, 3)}
    assert differing(get, cases.INSTANCES, "00080018", names) == []


@pytest.mark.parametrize(("few", "some"), [(0, 20_000), (0, 0), (1, 1)])
def test_the_same_is_found_when_indexes_are_walked(stored, get, monkeypatch, few, some):
    """With so few studies nothing is ever walked, unless what counts as few is nothing."""
    from cauce.adapters import search_sql, search_statements

    for module in (search_sql, search_statements):
        monkeypatch.setattr(module, "FEW", few)
        monkeypatch.setattr(module, "SOME", some)
    monkeypatch.setattr(search_sql, "_WORTHWHILE", 0)
    test_studies_are_found_by_what_is_asked_for(None, get)
    test_series_are_found_at_both_paths(None, get)
    test_instances_are_found_at_all_three_paths(None, get)


@pytest.mark.parametrize("path", ["/studies", "/series", "/instances"])
def test_malformed_values_are_refused_with_a_problem_document(get, path):
    for query in cases.MALFORMED:
        answer = get(f"{path}?{query}")
        assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json"), query[:80]
        assert answer.json()["code"] == "invalid"


@pytest.mark.parametrize("path", ["/studies", "/series", "/instances"])
def test_hostile_values_find_nothing_and_break_nothing(stored, get, path):
    for query in cases.HOSTILE:
        answer = get(f"{path}?{query}")
        assert answer.status in {200, 400}, query
        assert answer.headers["content-type"] in {"application/dicom+json", "application/problem+json"}
    assert len(get("/studies").json()) == len(cases.ALL)


def test_a_million_parameters_are_refused(get):
    answer = get("/studies?" + "&".join(["PatientID=1"] * 1_000_000))
    assert answer.status == 400


def test_a_search_by_post_is_none(web, token):
    from asgi_driver import call

    answer = call(web, "POST", "/dicom-web/series?PatientID=1", headers={"authorization": f"Bearer {token()}"})
    assert answer.status in {404, 405}


@pytest.mark.parametrize(("role", "status"), [(Role.CLINICIAN, 200), (Role.RESEARCHER, 403), (Role.AUDITOR, 403)])
def test_originals_are_searched_by_who_may_see_them(stored, get, role, status):
    answer = get("/studies?PatientID=P-1", role=role)
    assert answer.status == status
    assert (b"Mu\xc3\xb1oz" in answer.body) is (status == 200)


def test_nobody_searches_without_a_credential(web):
    from asgi_driver import call

    for path in ("/studies", "/series", "/instances", "/studies/1.2/series", "/studies/1.2/instances"):
        assert call(web, "GET", f"/dicom-web{path}").status == 401


def test_another_project_is_another_world(stored, get, stow):
    from cauce.records.models import Project

    Project.objects.create(slug="other")
    assert get("/studies", root="/projects/other/dicom-web").json() == []
    assert stow([cases.instance("kim", 1)], path="/projects/other/dicom-web/studies").status == 200
    for path, query in (
        ("/studies", ""),
        ("/studies", "PatientName=*"),
        ("/series", "Modality=CT"),
        ("/instances", "InstanceNumber=1"),
        ("/instances", f"SOPInstanceUID={cases.uid('kim', '1')}"),
        ("/series", f"SeriesInstanceUID={cases.uid('kim-CT')}"),
    ):
        assert len(get(f"{path}?{query}", root="/projects/other/dicom-web").json()) == 1
    assert get("/studies", root="/projects/none/dicom-web").status == 404


def test_each_search_is_in_the_audit_trail_without_its_values(stored, get, services):
    from cauce.audit.models import AuditEvent

    get("/studies?PatientName=mun*&StudyDate=20240101-&limit=3")
    services.catalogue.settle()
    (event,) = AuditEvent.objects.filter(action="studies.search")
    assert (event.actor_name, event.outcome) == ("clinician", "success")
    assert event.detail == {"space": "originals", "by": "PatientName,StudyDate", "results": "1"}
