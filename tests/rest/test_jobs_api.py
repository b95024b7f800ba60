import pytest
import rest_rows as rows

pytestmark = pytest.mark.django_db


def test_jobs_are_listed_newest_first_and_filtered(client_of, researcher):
    one, other = rows.study(), rows.study()
    first = rows.job(one, step="deidentify", status="succeeded")
    second = rows.job(one, step="process", status="dead", code="job_dead", cause="it broke")
    third = rows.job(other, step="process", status="queued")
    client = client_of(researcher)

    def found(**query):
        return [job["id"] for job in client.get("/api/jobs/", query).json()["results"]]

    assert found() == [third.public_id, second.public_id, first.public_id]
    assert found(status="dead") == [second.public_id]
    assert found(status="dead,queued") == [third.public_id, second.public_id]
    assert found(step="process") == [third.public_id, second.public_id]
    assert found(study=one.public_id) == [second.public_id, first.public_id]
    assert found(study="0" * 32) == []
    for wrong in ({"status": "gone"}, {"step": "guess"}, {"study": "x"}):
        assert client.get("/api/jobs/", wrong).status_code == 400


def test_a_job_tells_its_attempts_and_their_logs(client_of, researcher):
    study = rows.study()
    job = rows.job(
        study, status="retrying", attempts=2, revision=rows.revision(study, number=3), series=rows.series(study)
    )
    rows.attempt(job, 2, outcome="failed", code="storage_unavailable", log="module.Error\n  file.py:1 step")
    rows.attempt(job, 1, outcome="lost", code="lease_expired")
    whole = client_of(researcher).get(f"/api/jobs/{job.public_id}/").json()
    assert (whole["study"], whole["revision"], whole["attempts"]) == (study.public_id, 3, 2)
    assert whole["series"] == job.series.public_id
    assert [(one["number"], one["outcome"], one["code"]) for one in whole["history"]] == [
        (1, "lost", "lease_expired"),
        (2, "failed", "storage_unavailable"),
    ]
    assert whole["history"][1]["log"].startswith("module.Error")


def test_a_dead_job_is_replayed_and_that_is_written_down(client_of, admin):
    job = rows.job(rows.study(), status="dead", attempts=5, code="unexpected")
    answer = client_of(admin).post(f"/api/jobs/{job.public_id}/replay/")
    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    event = rows.AuditEvent.objects.get()
    assert (event.action, event.subject, event.actor_name) == ("job.replay", job.public_id, admin.username)


def test_a_waiting_job_is_cancelled(client_of, admin):
    job = rows.job(rows.study(), step="process", status="queued")
    answer = client_of(admin).post(f"/api/jobs/{job.public_id}/cancel/")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert rows.AuditEvent.objects.get().action == "job.cancel"


@pytest.mark.parametrize(("status", "verb"), [("running", "replay"), ("succeeded", "replay"), ("running", "cancel")])
def test_what_contradicts_the_jobs_state_is_a_conflict(client_of, admin, status, verb):
    job = rows.job(rows.study(), status=status)
    answer = client_of(admin).post(f"/api/jobs/{job.public_id}/{verb}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    job.refresh_from_db()
    assert job.status == status
    assert rows.AuditEvent.objects.count() == 0


def test_a_list_of_jobs_costs_a_fixed_number_of_queries(client_of, researcher, django_assert_max_num_queries):
    client = client_of(researcher)
    counts = []
    for _ in range(2):
        for _ in range(10):
            study = rows.study()
            rows.job(study, revision=rows.revision(study), series=rows.series(study))
        with django_assert_max_num_queries(4) as asked:
            client.get("/api/jobs/")
        counts.append(len(asked))
    assert counts[0] == counts[1]
