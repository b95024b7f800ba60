import datetime as dt
import re

import pytest
import rest_rows as rows
from django.utils import timezone

from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert('x')</script>"


def text_of(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_first_page_lists_studies_with_what_a_clinician_knows_them_by(browser_of, clinician):
    study = rows.planted_study()
    text = text_of(browser_of(clinician).get("/"))
    assert "Zyxwvut, Planted" in text
    assert "Planted description" in text
    assert "2019-07-04" in text
    assert f'href="/studies/{study.public_id}/"' in text
    assert f'src="/api/series/{study.series.get().public_id}/preview/"' in text
    assert '<span class="badge">CT</span>' in text
    assert '<span class="pill is-ready">Ready</span>' in text
    assert [e.action for e in rows.AuditEvent.objects.all()] == ["study.list"]


def test_a_researcher_sees_the_same_studies_by_their_ids(browser_of, researcher):
    study = rows.planted_study()
    text = text_of(browser_of(researcher).get("/"))
    assert study.public_id[:12] in text
    assert f'src="/api/series/{study.series.get().public_id}/preview/"' in text
    assert 'name="patient"' not in text
    assert 'id="drop"' not in text
    detail = text_of(browser_of(researcher).get(f"/studies/{study.public_id}/"))
    for word in rows.words_of_identity():
        assert word not in text + detail


def test_a_researcher_cannot_search_by_name_through_the_page(browser_of, researcher):
    rows.planted_study()
    browser = browser_of(researcher)
    found, missed = browser.get("/?patient=zyxwvut"), browser.get("/?patient=nobody")
    assert found.content.count(b'class="study"') == missed.content.count(b'class="study"') == 1


@pytest.mark.parametrize("role", [Role.ADMIN, Role.CLINICIAN, Role.TECHNOLOGIST])
def test_who_may_store_gets_the_drop_zone(browser_of, role):
    text = text_of(browser_of(rows.user(role)).get("/"))
    assert 'id="drop"' in text
    assert re.search('data-csrf="[A-Za-z0-9]{64}"', text)
    assert "/static/cauce/upload.js" in text


def test_text_of_the_senders_is_never_markup(browser_of, admin):
    hostile = {name: SCRIPT + name for name in rows.PLANTED}
    cause = {"cause": SCRIPT, "detail": SCRIPT, "count": 2}
    study = rows.study(**hostile, status="attention", causes=[cause])
    series = rows.series(study, series_description=SCRIPT, modality=SCRIPT, body_part_examined=SCRIPT)
    version = rows.instance(series, warnings=[{"code": SCRIPT, "detail": SCRIPT}])
    rows.deidentified(version, cause="conflict", detail=SCRIPT)
    rows.result(series, measurements={"mean": 1.0, "unit": SCRIPT})
    job = rows.job(study, status="dead", code=SCRIPT, cause=SCRIPT)
    rows.attempt(job, log=SCRIPT)
    browser = browser_of(admin, headers={"accept": "text/html"})
    paths = ["/", f"/?patient={SCRIPT}", f"/studies/{study.public_id}/", "/jobs/", "/api/studies/"]
    paths += [f"/api/studies/{study.public_id}/", f"/api/jobs/{job.public_id}/", "/api/results/"]
    for path in paths:
        text = text_of(browser.get(path))
        assert "<script>alert" not in text, path
        assert "alert(" in text or path == "/jobs/", path


def test_an_unnamed_study_still_has_a_name_to_click(browser_of, clinician):
    rows.study(patient_name="", patient_id="")
    rows.study(patient_name="^^^", patient_id="ID-7")
    text = text_of(browser_of(clinician).get("/"))
    assert ">No name</a>" in text
    assert ">ID-7</a>" in text


def test_studies_are_filtered_by_chip_and_by_patient(browser_of, clinician):
    rows.study(patient_name="One^A", status="ready")
    rows.study(patient_name="Two^B", status="attention")
    rows.study(patient_name="Three^C", status="queued")
    browser = browser_of(clinician)

    def shown(query):
        return re.findall(r'class="study-name" href="[^"]+">([^<]+)</a>', text_of(browser.get("/" + query)))

    assert shown("") == ["Three, C", "Two, B", "One, A"]
    assert shown("?status=ready") == ["One, A"]
    assert shown("?status=flow") == ["Three, C"]
    assert shown("?status=attention&patient=two") == ["Two, B"]
    assert "No study matches" in text_of(browser.get("/?patient=nobody"))
    assert re.findall(r'chip-count">(\d+)', text_of(browser.get("/"))) == ["3", "1", "1", "1"]
    assert browser.get("/?status=gone").status_code == 404
    assert browser.get("/?cursor=x").status_code == 404
    assert browser.get(f"/?patient={'x' * 201}").status_code == 404


def test_pages_of_studies_follow_each_other(browser_of, clinician):
    now = timezone.now()
    for number in range(53):
        rows.study(patient_name=f"P{number:02d}", last_received_at=now - dt.timedelta(minutes=number))
    browser = browser_of(clinician)
    first = text_of(browser.get("/?patient=p"))
    assert first.count('class="study"') == 50
    (link,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = text_of(browser.get("/" + link.replace("&amp;", "&")))
    assert re.findall(r'class="study-name" href="[^"]+">([^<]+)</a>', second) == ["P50", "P51", "P52"]
    (back,) = re.findall(r'rel="prev" href="([^"]+)"', second)
    again = text_of(browser.get("/" + back.replace("&amp;", "&")))
    assert again.count('class="study"') == 50


def test_an_empty_platform_says_how_to_begin(browser_of, clinician, researcher):
    assert "cauce import" in text_of(browser_of(clinician).get("/"))
    assert "Nothing here yet" in text_of(browser_of(researcher).get("/"))


def test_the_page_of_a_study_tells_facts_figures_causes_and_work(browser_of, clinician):
    study = rows.planted_study(
        status="attention", causes=[{"cause": "job_dead", "detail": "process: it broke", "count": 3}]
    )
    dead = rows.job(study, status="dead", attempts=5, code="unexpected", cause="unexpected KeyError")
    rows.attempt(dead, 4, log="older")
    rows.attempt(dead, 5, log="cauce.core.errors.Unexpected\n  flow.py:1 process")
    for _ in range(3):
        rows.job(study, step="summarise", status="queued")
    text = text_of(browser_of(clinician).get(f"/studies/{study.public_id}/"))
    assert "MRN-PLANTED-77" in text
    assert "born 1948-11-03" in text
    assert rows.STUDY_UID in text
    assert "A job gave up" in text
    assert "process: it broke (3)" in text
    assert "<dt>Mean</dt><dd>10.5 <small>HU</small>" in text
    assert "flow.py:1 process" in text
    assert "older" not in text
    assert "3 jobs" in text
    assert '<li class="flow-step is-done">Received</li>' in text
    assert '<li class="flow-step is-held" aria-current="step">Measured</li>' in text
    assert "charset" in text
    assert [e.action for e in rows.AuditEvent.objects.all()] == ["study.read"]


def test_an_unknown_study_is_a_page_that_says_so(browser_of, clinician):
    answer = browser_of(clinician).get(f"/studies/{'0' * 32}/")
    assert answer.status_code == 404
    assert b"Nothing here" in answer.content


def test_the_page_of_the_work_shows_what_gave_up_first(browser_of, admin):
    study = rows.study()
    dead = rows.job(study, status="dead", code="unexpected", cause="it broke")
    rows.job(study, step="deliver", status="running", started_at=timezone.now())
    browser = browser_of(admin)
    text = text_of(browser.get("/jobs/"))
    assert "it broke" in text
    assert "Deliver<" not in text
    assert re.findall(r'chip-count">(\d+)', text) == ["1", "1", "0", "0", "0", "0"]
    assert "Deliver<" in text_of(browser.get("/jobs/?status=running"))
    assert "No such job now" in text_of(browser.get("/jobs/?status=queued"))
    assert browser.get("/jobs/?status=lost").status_code == 404
    answer = browser.post(f"/jobs/{dead.public_id}/replay/")
    assert (answer.status_code, answer["Location"]) == (302, "/jobs/")
    dead.refresh_from_db()
    assert dead.status == "queued"
    assert browser.post(f"/jobs/{dead.public_id}/replay/").status_code == 302
    assert browser.post(f"/jobs/{'0' * 32}/replay/").status_code == 404


def test_only_administrators_are_offered_to_replay(browser_of, clinician):
    job = rows.job(rows.study(), status="dead")
    browser = browser_of(clinician)
    assert "Replay" not in text_of(browser.get("/jobs/"))
    assert browser.post(f"/jobs/{job.public_id}/replay/").status_code == 403
    job.refresh_from_db()
    assert job.status == "dead"


def test_every_page_says_how_the_platform_is_doing(browser_of, clinician, monkeypatch):
    from cauce import bootstrap
    from cauce.core.errors import StorageUnavailable

    rows.job(rows.study(), status="queued", due_at=timezone.now() - dt.timedelta(seconds=75))
    text = text_of(browser_of(clinician).get("/jobs/"))
    assert "No worker runs" in text
    assert "oldest 1 min" in text

    def broken(_self):
        raise StorageUnavailable("x")

    from cauce.api.operations import readiness

    monkeypatch.setattr(type(bootstrap.services().objects), "check", broken)
    readiness.state.forget()
    assert re.search(r"Does not answer:\s+object store", text_of(browser_of(clinician).get("/jobs/")))


@pytest.mark.parametrize("path", ["/", "/jobs/?status=succeeded", "study"])
def test_a_page_costs_a_fixed_number_of_queries(browser_of, admin, django_assert_max_num_queries, path):
    from cauce.api.operations import figures, readiness

    study = rows.study()
    browser, counts = browser_of(admin), []
    target = f"/studies/{study.public_id}/" if path == "study" else path
    browser.get(target)
    for _ in range(2):
        for number in range(6):
            for one in (study, rows.study()):
                series = rows.series(one)
                rows.preview(series)
                rows.instance(series)
                rows.result(series)
                rows.attempt(rows.job(one, status="succeeded", revision=rows.revision(one, number=rows.next_number())))
                rows.attempt(rows.job(one, status="dead"), log="x")
                assert number >= 0
        for kept in (figures.figures, figures.totals, readiness.state):
            kept.forget()  # what is kept for a moment costs each page the same here
        with django_assert_max_num_queries(22) as asked:
            browser.get(target)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_page_that_is_not_there_is_an_answer_and_no_defect(rf):
    from django.http import Http404

    from cauce.api.pages import middleware

    told = []

    class Log:
        def error(self, event, **_):
            told.append(event)

        warning = error

    log, middleware.log = middleware.log, Log()
    try:
        request = rf.get("/studies/nothing/")
        request.resolver_match = None
        watching = middleware.DefectLog(lambda _request: None)
        assert watching.process_exception(request, Http404()) is None
        assert told == []
        watching.process_exception(request, RuntimeError())
        assert told == ["request.failed"]
    finally:
        middleware.log = log
