"""Deliveries in the catalogue: written with what first arrives, ended once, whatever comes between."""

import time

import pytest
from django.db import OperationalError

from cauce.adapters import uploads_sql
from cauce.adapters.catalogue_sql import SqlCatalogue
from cauce.audit.models import AuditEvent
from cauce.core.actors import Actor
from cauce.core.errors import DatabaseUnavailable
from cauce.core.messages import ProjectRef, Verdict
from cauce.core.statuses import ItemStatus, Role
from cauce.records.models import Project, Upload, UploadItem

pytestmark = pytest.mark.django_db(transaction=True)

REFUSED = Verdict(status=ItemStatus.REFUSED, name="1", code="not_dicom", detail="This is no DICOM file.")
ACTOR = Actor(kind="user", name="tester", role=Role.ADMIN)


@pytest.fixture
def catalogue():
    Project.objects.get_or_create(slug="default")
    return SqlCatalogue(quiet_s=60)


@pytest.fixture
def upload(catalogue):
    return catalogue.open_upload(catalogue.project("default"), actor=ACTOR, source="upload")


def test_a_delivery_is_written_with_what_first_arrives_of_it(catalogue, upload):
    assert Upload.objects.count() == 0
    catalogue.note(upload, REFUSED)
    held = Upload.objects.get()
    assert (held.pk, held.public_id, held.sender, held.finished_at) == (upload.pk, upload.public_id, "tester", None)
    assert [item.name for item in held.items.all()] == ["1"]
    event = AuditEvent.objects.get()
    assert (event.action, event.subject) == ("upload.open", upload.public_id)


def test_a_delivery_of_nothing_is_written_with_its_end(catalogue, upload):
    catalogue.close_upload(upload, final=True)
    held = Upload.objects.get()
    assert (held.final, held.finished_at is not None) == (True, True)


def test_an_end_that_was_put_off_is_written_with_what_comes_next(catalogue, upload):
    catalogue.note(upload, REFUSED)
    catalogue.close_upload(upload, final=False, put_off=True)
    assert Upload.objects.get().finished_at is None
    other = catalogue.open_upload(catalogue.project("default"), actor=ACTOR, source="upload")
    catalogue.note(other, REFUSED)
    assert Upload.objects.get(pk=upload.pk).finished_at is not None
    assert Upload.objects.get(pk=other.pk).finished_at is None


def test_settling_writes_what_was_put_off_and_costs_nothing_where_nothing_was(catalogue, upload, monkeypatch):
    catalogue.close_upload(upload, final=False, put_off=True)
    catalogue.settle()
    assert Upload.objects.get().finished_at is not None
    committed = []
    monkeypatch.setattr(catalogue._committer, "submit", committed.append)
    catalogue.settle()
    assert committed == []


def test_a_delivery_whose_first_transaction_fails_is_written_with_the_next(catalogue, upload, monkeypatch):
    begin = uploads_sql.begin
    calls = []

    def fails_once(opening, *, now):
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("database is locked")
        begin(opening, now=now)

    monkeypatch.setattr(uploads_sql, "begin", fails_once)
    with pytest.raises(DatabaseUnavailable):
        catalogue.note(upload, REFUSED)
    assert Upload.objects.count() == 0
    catalogue.note(upload, REFUSED)
    assert Upload.objects.get().items.count() == 1


def test_an_archive_is_pending_until_its_verdict_and_holds_the_end_up(catalogue, upload):
    archive_pk = catalogue.begin_archive(upload, "z.zip")
    catalogue.close_upload(upload, final=True)
    held = Upload.objects.get()
    assert (held.final, held.finished_at) == (True, None)
    assert [(item.name, item.status) for item in held.items.all()] == [("z.zip", "pending")]
    catalogue.end_archive(archive_pk, REFUSED)
    catalogue.close_upload(upload, final=False)
    held.refresh_from_db()
    assert (held.final, held.finished_at is not None) == (True, True)
    assert list(held.items.values_list("name", "status", "code")) == [("z.zip", "refused", "not_dicom")]


def test_the_line_of_an_archive_goes_when_its_files_speak_for_it(catalogue, upload):
    archive_pk = catalogue.begin_archive(upload, "z.zip")
    catalogue.note(upload, REFUSED)
    catalogue.end_archive(archive_pk, None)
    catalogue.end_archive(archive_pk, REFUSED)
    assert list(UploadItem.objects.values_list("name", flat=True)) == ["1"]


def test_keys_of_deliveries_rise_with_time_and_fit_a_column():
    project = ProjectRef(pk=1, slug="default")
    keys = []
    for _ in range(5):
        keys.append(uploads_sql.new_upload(project).pk)
        time.sleep(0.002)
    assert keys == sorted(keys)
    assert len(set(keys)) == 5
    assert 0 < keys[0] < 2**63 - 1
