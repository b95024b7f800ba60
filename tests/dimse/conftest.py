"""The real receiver on the test database, with an object store and keys of its own."""

import pytest


@pytest.fixture
def services(tmp_path, transactional_db):
    from cauce import flow
    from cauce.adapters.catalogue_sql import SqlCatalogue
    from cauce.adapters.conflicts_sql import SqlConflicts
    from cauce.adapters.holdings_sql import SqlHoldings
    from cauce.adapters.keyring_file import FileKeyRing
    from cauce.adapters.keys_file import FileKeyService
    from cauce.adapters.ledger_sql import SqlLedger
    from cauce.adapters.modalities_sql import SqlModalities
    from cauce.adapters.objects_local import LocalObjects
    from cauce.adapters.results_sql import SqlResults
    from cauce.adapters.vault_sql import SqlVault
    from cauce.adapters.work_sql import SqlWork
    from cauce.ports.services import Services
    from cauce.records.models import Project

    Project.objects.get_or_create(slug="default")  # a flushed database has lost what the migrations put in
    ring = FileKeyRing(tmp_path / "keyring.json", FileKeyService(tmp_path / "keys"))
    return Services(
        objects=LocalObjects(tmp_path / "objects", keyring=ring, reserve_bytes=0),
        keyring=ring,
        catalogue=SqlCatalogue(quiet_s=60),
        work=SqlWork(),
        ledger=SqlLedger(flow.following),
        results=SqlResults(),
        vault=SqlVault(ring),
        modalities=SqlModalities(),
        holdings=SqlHoldings(),
        conflicts=SqlConflicts(),
        spool=tmp_path / "spool",
    )


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
