"""What was held back before there was a quarantine is in it after the update."""

import importlib

import pytest
import rest_rows as rows
from django.apps import apps

from cauce.records.models import HeldInstance

pytestmark = pytest.mark.django_db


def test_what_is_held_of_contents_that_count_is_to_be_decided():
    study = rows.study()
    series = rows.series(study)
    held = rows.deidentified(rows.instance(series), cause="pixels_unproven", detail="why")
    rows.deidentified(rows.instance(series))
    rows.deidentified(rows.instance(series, state="superseded"), cause="pixels_unproven")
    importlib.import_module("cauce.records.migrations.0011_held_instances").fill(apps, None)
    (row,) = HeldInstance.objects.all()
    assert (row.study, row.version, row.deidentified) == (study, held.version, held)
    assert (row.status, row.cause, row.detail, row.profile) == ("held", "pixels_unproven", "why", held.profile)
    assert row.created_at == held.created_at
    assert len(row.public_id) == 32
