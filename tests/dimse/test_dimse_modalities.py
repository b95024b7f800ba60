"""The register of calling AE titles."""

import pytest

from cauce.core.errors import Forbidden, InvalidRequest, NotFound
from cauce.records.models import CallingAe

pytestmark = pytest.mark.django_db(transaction=True)

ELSEWHERE = "192.0.2.7"


def test_changes_are_audited(services, admin):
    from cauce.audit.models import AuditEvent

    allowed = services.modalities.allow(" MR2 ", "::ffff:c000:0207", actor=admin)
    services.modalities.forbid("MR2", allowed.address, actor=admin)
    events = AuditEvent.objects.order_by("pk").values_list("action", "subject", "actor_name")
    assert list(events) == [
        ("modality.allow", allowed.public_id, "tester"),
        ("modality.forbid", allowed.public_id, "tester"),
    ]


def test_who_wants_in_is_listed_first(services, admin):
    services.modalities.allow("AAA", ELSEWHERE, actor=admin)
    services.modalities.note_attempt("BBB", ELSEWHERE)
    services.modalities.note_attempt("AAA", "192.0.2.1")
    listed = services.modalities.list(actor=admin)
    assert [(one.ae_title, one.address, one.is_allowed) for one in listed] == [
        ("AAA", "192.0.2.1", False),
        ("BBB", ELSEWHERE, False),
        ("AAA", ELSEWHERE, True),
    ]


def test_an_attempt_before_the_permission_stays_known(services, admin):
    services.modalities.note_attempt("MR2", ELSEWHERE)
    allowed = services.modalities.allow("MR2", ELSEWHERE, actor=admin)
    assert (allowed.attempts, allowed.is_allowed) == (1, True)
    assert CallingAe.objects.count() == 1


@pytest.mark.parametrize(
    ("title", "address", "field"),
    [
        ("", ELSEWHERE, "ae_title"),
        ("X" * 17, ELSEWHERE, "ae_title"),
        ("A\\B", ELSEWHERE, "ae_title"),
        ("Ñ", ELSEWHERE, "ae_title"),
        ("MR2", "somewhere", "address"),
        ("MR2", "", "address"),
    ],
)
def test_nonsense_is_not_allowed(services, admin, title, address, field):
    with pytest.raises(InvalidRequest) as raised:
        services.modalities.allow(title, address, actor=admin)
    assert raised.value.field == field
    assert CallingAe.objects.count() == 0


def test_only_an_administrator_looks_and_changes(services):
    from cauce.core.actors import Actor
    from cauce.core.statuses import Role

    clinician = Actor(kind="user", name="c", role=Role.CLINICIAN)
    for attempt in (
        lambda: services.modalities.allow("MR2", ELSEWHERE, actor=clinician),
        lambda: services.modalities.forbid("MR2", ELSEWHERE, actor=clinician),
        lambda: services.modalities.list(actor=clinician),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assert CallingAe.objects.count() == 0


def test_an_unknown_one_cannot_be_forbidden(services, admin):
    with pytest.raises(NotFound):
        services.modalities.forbid("MR2", ELSEWHERE, actor=admin)


def test_made_up_titles_push_out_each_other_and_none_that_is_allowed(services, admin, monkeypatch):
    monkeypatch.setattr("cauce.adapters.modalities_sql.UNALLOWED_MAX", 5)
    services.modalities.allow("MR2", ELSEWHERE, actor=admin)
    for number in range(12):
        services.modalities.note_attempt(f"X{number}", ELSEWHERE)
    listed = [one.ae_title for one in services.modalities.list(actor=admin)]
    assert sorted(listed) == ["MR2", "X10", "X11", "X7", "X8", "X9"]
