"""The real receiver on the test database, with an object store and keys of its own."""

import pytest

from wiring import services_in


@pytest.fixture
def services(tmp_path, transactional_db):
    from cauce.records.models import Project

    Project.objects.get_or_create(slug="default")  # a flushed database has lost what the migrations put in
    return services_in(tmp_path, spool=tmp_path / "spool")


@pytest.fixture
def receiver(services):
    from functools import partial

    from cauce import flow
    from cauce.dimse.service import CatalogueReceiver

    return CatalogueReceiver(services, take_in=partial(flow.take_in, services), default_ae_title="CAUCE")


@pytest.fixture
def admin():
    from cauce.core.actors import Actor
    from cauce.core.statuses import Role

    return Actor(kind="user", name="tester", role=Role.ADMIN, user_id=None)
