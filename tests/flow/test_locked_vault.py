"""A vault whose key is not at hand: nothing is written, nothing passes, and the work goes on when it is back."""

from dataclasses import replace

import pytest
from test_the_flow import image, the_study

from cauce import flow
from cauce.adapters.keyring_file import FileKeyRing
from cauce.adapters.keys_file import FileKeyService
from cauce.adapters.vault_sql import SqlVault
from cauce.core.errors import VaultLocked
from cauce.core.statuses import Space


def test_a_batch_writes_nothing_while_the_vault_is_locked(deliver, run_all, services, tmp_path):
    from cauce.records.models import DeidentifiedInstance, HeldInstance, Job, PatientLink

    deliver(image(1))
    run_all()
    before = sorted(found.object_id for found in services.objects.walk(Space.DEIDENTIFIED))
    deliver(image(2))
    job = services.ledger.claim("w")
    flow.STEPS[job.step](services, job)
    services.ledger.succeed(job, worker="w")
    job = services.ledger.claim("w")
    lost = FileKeyRing(tmp_path / "another-ring.json", FileKeyService(tmp_path / "keys"))
    with pytest.raises(VaultLocked) as caught:
        flow.STEPS[job.step](replace(services, vault=SqlVault(lost)), job)
    services.ledger.fail(job, worker="w", error=caught.value, log="")
    assert sorted(found.object_id for found in services.objects.walk(Space.DEIDENTIFIED)) == before
    counts = [model.objects.count() for model in (DeidentifiedInstance, HeldInstance, PatientLink)]
    assert counts == [1, 0, 1]
    row = Job.objects.get(public_id=job.public_id)
    assert (row.status, row.code) == ("retrying", "vault_locked")
    assert row.cause.startswith("The vault is locked")
    Job.objects.filter(pk=row.pk).update(due_at="2000-01-01T00:00:00Z")
    run_all()
    assert the_study().status == "ready"
    assert len(set(DeidentifiedInstance.objects.values_list("study_instance_uid", flat=True))) == 1
