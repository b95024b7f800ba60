"""Profiles of projects: each study closes under the one that holds then, and can be worked on anew under another."""

import threading

import pytest
from test_the_flow import image, the_study

from cauce import flow
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, Forbidden, NotFound
from cauce.core.statuses import Role
from cauce.stages.deidentify import LONGITUDINAL
from cauce.stages.deidentify.profile import ProfileError, profile_yaml


def dated():
    """A profile that moves dates where the default one removes them."""
    return flow.read_profile(profile_yaml(LONGITUDINAL))


def project(services):
    return services.catalogue.project("default")


def revisions():
    from cauce.records.models import Revision

    return list(Revision.objects.select_related("profile").order_by("number"))


def outputs():
    from cauce.records.models import DeidentifiedInstance

    return list(DeidentifiedInstance.objects.order_by("pk"))


def report(number):
    return the_study().revisions.get(number=number).reports.get().document


def reprocess(services, actor, study=None):
    services.profiles.reprocess(
        study or the_study().public_id, default=flow.default_profile(), engine=flow.engine(), actor=actor
    )


def test_a_project_without_a_profile_keeps_the_default_with_its_first_revision(deliver, run_all, services):
    assert services.profiles.current(project(services)) is None
    deliver(image())
    run_all()
    (revision,) = revisions()
    kept = services.profiles.current(project(services))
    assert (kept.number, kept.name, kept.digest) == (1, "Standard", flow.default_profile().digest)
    assert (revision.profile.number, revision.profile.author) == (1, "cauce")
    assert revision.profile_key == f"Standard@{kept.digest[:16]}.{flow.engine()}"
    assert [row.profile for row in outputs()] == [revision.profile_key]
    named = report(1)["profile"]
    assert (named["number"], named["name"], named["digest"]) == (1, "Standard", kept.digest)
    assert (named["edition"], named["codes"]) == ("2026d", ["113100", "113101"])


def test_a_change_holds_for_what_closes_afterwards(deliver, run_all, services, admin):
    deliver(image())
    run_all()
    before = [row.object_id for row in outputs()]
    saved = services.profiles.save(project(services), dated(), actor=admin)
    assert saved.number == 2
    assert run_all() == []
    assert [row.object_id for row in outputs()] == before
    deliver(image(2))
    run_all()
    first, second = revisions()
    assert (first.profile.number, second.profile.number) == (1, 2)
    assert len(outputs()) == 3  # a revision is of one profile: the first image was worked on again
    assert report(2)["instances"] == {"in": 2, "written": 2, "held": 0, "rejected": 0, "unaccounted": 0}
    assert report(1)["instances"]["in"] == 1
    assert report(2)["profile"]["codes"] == ["113100", "113107"]


def test_a_study_is_worked_on_anew_under_another_profile(deliver, run_all, services, admin):
    from cauce.audit.models import AuditEvent
    from cauce.records.models import ProcessingResult

    deliver(image(), image(2))
    run_all()
    with pytest.raises(Conflicting, match="under the present profile already"):
        reprocess(services, admin)
    services.profiles.save(project(services), dated(), actor=admin)
    reprocess(services, admin)
    reprocess(services, admin)  # asked twice, done once
    run_all()
    assert (the_study().status, [row.number for row in revisions()]) == ("ready", [1, 2])
    assert len(outputs()) == 4
    assert ProcessingResult.objects.get().measurements["instances"] == 2
    old, new = (report(number) for number in (1, 2))
    assert {one["sop_instance_uid"] for one in old["outputs"]} == {one["sop_instance_uid"] for one in new["outputs"]}
    assert {one["sha256"] for one in old["outputs"]}.isdisjoint({one["sha256"] for one in new["outputs"]})
    assert AuditEvent.objects.filter(action="study.deidentify").first().detail["profile"] == 2
    with pytest.raises(Conflicting):
        reprocess(services, admin)


def test_what_was_held_under_one_profile_is_asked_about_once_more_under_another(deliver, run_all, services, admin):
    from cauce.records.models import HeldInstance

    risky = {"RecognizableVisualFeatures": "YES"}
    deliver(image(1, **risky), image(2, **risky), image(3, **risky))
    run_all()
    released, rejected, _ = HeldInstance.objects.order_by("pk")
    services.quarantine.release(released.public_id, reason="nothing legible", actor=admin)
    services.quarantine.reject(rejected.public_id, reason="a screenshot", actor=admin)
    run_all()
    services.profiles.save(project(services), dated(), actor=admin)
    reprocess(services, admin)
    run_all()
    rows = [(row.version_id, row.status) for row in HeldInstance.objects.order_by("pk")]
    versions = [version for version, _ in rows[:3]]
    assert rows == [
        (versions[0], "released"),
        (versions[1], "rejected"),
        (versions[2], "outdated"),
        (versions[1], "rejected"),  # what is rejected stays out, whatever the profile
        (versions[2], "held"),  # what is said of pixels holds on: only the one that nobody looked at is asked about
    ]
    counts = report(3)["instances"]
    assert counts == {"in": 3, "written": 1, "held": 1, "rejected": 1, "unaccounted": 0}
    reasons = [one["decisions"][0]["reason"] for one in report(3)["held"] if one["decisions"]]
    assert reasons == ["a screenshot"]


def test_who_does_not_administer_changes_no_profile(services, admin):
    from cauce.records.models import ProfileVersion

    for role in set(Role) - {Role.ADMIN}:
        with pytest.raises(Forbidden):
            services.profiles.save(project(services), dated(), actor=Actor(kind="user", name="x", role=role))
    assert ProfileVersion.objects.count() == 0
    with pytest.raises(NotFound):
        reprocess(services, admin, study="0" * 32)
    with pytest.raises(Forbidden):
        reprocess(services, Actor(kind="user", name="x", role=Role.RESEARCHER), study="0" * 32)


def test_the_same_profile_again_is_no_other_version(services, admin):
    from cauce.audit.models import AuditEvent

    assert [services.profiles.save(project(services), dated(), actor=admin).number for _ in range(2)] == [1, 1]
    event = AuditEvent.objects.get(action="profile.change")
    assert event.detail == {"number": 1, "digest": dated().digest}


def test_a_change_that_was_based_on_another_one_is_refused(services, admin):
    services.profiles.save(project(services), dated(), actor=admin, based_on=0)
    with pytest.raises(Conflicting, match="it is at version 1, not 0"):
        services.profiles.save(project(services), flow.default_profile(), actor=admin, based_on=0)
    assert services.profiles.save(project(services), flow.default_profile(), actor=admin, based_on=1).number == 2


def test_of_two_changes_at_once_one_is_first(services, admin):
    from django.db import connection

    together, outcomes = threading.Barrier(2), []

    def change(profile):
        together.wait(timeout=30)
        try:
            outcomes.append(services.profiles.save(project(services), profile, actor=admin, based_on=0).number)
        except Conflicting:
            outcomes.append(0)
        finally:
            connection.close()

    threads = [threading.Thread(target=change, args=(one,)) for one in (dated(), flow.default_profile())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0, 1]


def test_studies_that_arrived_before_profiles_are_worked_on_anew_when_something_is_added(deliver, run_all):
    from cauce.records.models import DeidentifiedInstance, Revision

    deliver(image())
    run_all()
    Revision.objects.update(profile=None, profile_key="Basic Profile")
    DeidentifiedInstance.objects.update(profile="Basic Profile")
    deliver(image(2))
    run_all()
    assert (the_study().status, len(outputs())) == ("ready", 3)
    assert report(2)["instances"]["written"] == 2


def test_a_profile_that_can_no_longer_be_read_lets_nothing_pass(deliver, run_all, services, admin):
    from cauce.records.models import ProfileVersion

    services.profiles.save(project(services), dated(), actor=admin)
    ProfileVersion.objects.update(text="options: [")
    deliver(image())
    job = services.ledger.claim("w")
    flow.STEPS[job.step](services, job)
    services.ledger.succeed(job, worker="w")
    job = services.ledger.claim("w")
    with pytest.raises(ProfileError):
        flow.STEPS[job.step](services, job)
    assert outputs() == []
