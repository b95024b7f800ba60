"""What a patient is called, and what the sender called the objects, stays with those who may see originals."""

import pytest
import rest_rows as rows
import review_rows as review
from django.urls import get_resolver, reverse

from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def paths(db):
    study = rows.planted_study()
    by = rows.user(Role.TECHNOLOGIST)
    upload = rows.upload(by)
    contested = rows.contested(study)
    rows.original(contested, b"Zyxwvut^Planted")
    rows.item(upload, name="Planted^File.dcm", study=study, sop_instance_uid=rows.INSTANCE_UID)
    known = {
        "study_id": study.public_id,
        "series_id": study.series.get().public_id,
        "job_id": study.jobs.get().public_id,
        "result_id": study.results.get().pk,
        "upload_id": upload.public_id,
        "slug": "default",
        "user_id": by.public_id,
        "token_id": rows.api_token(by).public_id,
        "calling_ae_id": rows.calling_ae().public_id,
        "version_id": contested.object_id,
        "wanted_id": contested.object_id,
        "held_id": review.held(study).public_id,
        "revision_id": review.report(study.revisions.get()).revision.public_id,
    }
    closed = {"events", "logout", "token", "token-refresh"}
    return [
        reverse(pattern.name, kwargs={name: known[name] for name in pattern.pattern.converters})
        for pattern in get_resolver().url_patterns
        if pattern.name not in closed
    ]


@pytest.mark.parametrize("role", [Role.RESEARCHER, Role.AUDITOR])
@pytest.mark.parametrize("as_person", [False, True])
def test_no_answer_to_who_may_not_see_originals_holds_identity(client_of, browser_of, paths, role, as_person):
    user = rows.user(role)
    client = browser_of(user, headers={"accept": "text/html"}) if as_person else client_of(user)
    words = [word.encode() for word in [*rows.words_of_identity(), "Planted^File"]]
    answered = 0
    for path in paths:
        answer = client.get(path)
        answered += answer.status_code == 200
        assert [word for word in words if word in rows.content_of(answer)] == [], path
        assert [word for word in words if word in str(answer.headers).encode()] == [], path
    assert answered >= 15


def test_the_words_are_there_for_who_may_see_originals(client_of, paths, clinician):
    client = client_of(clinician)
    seen = b"".join(rows.content_of(client.get(path)) for path in paths if path.startswith("/api/"))
    hidden = [word for word in rows.words_of_identity() if word.encode() not in seen]
    assert hidden == [rows.INSTANCE_UID, "1948-11-03", "2019-07-04"]


def test_health_and_metrics_hold_no_identity(client_of, admin, paths):
    client = client_of(admin)
    for path in ("/healthz", "/readyz", "/metrics"):
        content = client.get(path).content.decode()
        assert [word for word in rows.words_of_identity() if word in content] == []


def test_the_trail_holds_no_identity(client_of, admin, paths):
    client = client_of(admin)
    for path in paths:
        client.get(path)
    client.get("/api/studies/", {"patient": "zyxwvut"})
    trail = str(list(rows.AuditEvent.objects.values()))
    assert "study.read" in trail
    assert [word for word in [*rows.words_of_identity(), "zyxwvut"] if word in trail] == []
