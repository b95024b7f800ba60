"""A catalogue with one study of one patient, whose originals lie in an object store of the test's own."""

import hashlib
from types import SimpleNamespace

import pytest
from django.utils import timezone


@pytest.fixture
def services(tmp_path, transactional_db):
    """Return what a batch needs of the world: the real adapters, on the test database and a folder."""
    from cauce.adapters.keyring_file import FileKeyRing
    from cauce.adapters.keys_file import FileKeyService
    from cauce.adapters.objects_local import LocalObjects
    from cauce.adapters.vault_sql import SqlVault
    from cauce.adapters.work_sql import SqlWork
    from cauce.core.limits import Limits

    ring = FileKeyRing(tmp_path / "keyring.json", FileKeyService(tmp_path / "keys.json"))
    spool = tmp_path / "spool"
    spool.mkdir()
    return SimpleNamespace(
        objects=LocalObjects(tmp_path / "objects", keyring=ring, reserve_bytes=0),
        work=SqlWork(),
        vault=SqlVault(ring),
        spool=spool,
        limits=Limits(),
    )


@pytest.fixture
def batch_of(services):
    """Store originals of one series, and return its study and a batch of them."""
    from cauce.core.identifiers import new_object_id
    from cauce.core.statuses import Space
    from cauce.records.models import Batch, BatchItem, Instance, Project, Series, Study, Version

    def make(*contents, patient_id="HQ-7654321", study_instance_uid="1.2.999.10.1"):
        now = timezone.now()
        project, _ = Project.objects.get_or_create(slug="default")
        study, _ = Study.objects.get_or_create(
            project=project,
            study_instance_uid=study_instance_uid,
            defaults={"patient_id": patient_id, "last_received_at": now},
        )
        series, _ = Series.objects.get_or_create(study=study, series_instance_uid=f"{study_instance_uid}.2")
        batch = Batch.objects.create(
            study=study, series=series, first_revision=1, instances=len(contents), size_bytes=sum(map(len, contents))
        )
        for number, content in enumerate(contents, 1):
            object_id = new_object_id()
            services.objects.write(Space.ORIGINALS, object_id, [content], about={})
            instance = Instance.objects.create(
                project=project,
                series=series,
                sop_instance_uid=f"{study_instance_uid}.3.{batch.pk}.{number}",
                sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
            )
            version = Version.objects.create(
                instance=instance,
                object_id=object_id,
                state=Version.State.CURRENT,
                transfer_syntax_uid="1.2.840.10008.1.2.1",
                dataset_sha256=hashlib.sha256(content).digest(),
                size_bytes=len(content),
                dataset_offset=0,
                instance_number=number,
                source="upload",
                received_at=now,
            )
            BatchItem.objects.create(batch=batch, version=version)
        return study, batch

    return make
