"""A link that was erased: what was made stays, nobody can go back, and what comes later is under another pseudonym."""

import pytest
from test_the_flow import image, the_study

from cauce.core.errors import NotFound
from cauce.core.identifiers import ObjectId
from cauce.core.statuses import Space

REASON = "the patient asked for it"


def outputs():
    from cauce.records.models import DeidentifiedInstance

    return list(DeidentifiedInstance.objects.order_by("pk"))


def pseudonym_in(services, row):
    import io

    import pydicom

    with services.objects.open(Space.DEIDENTIFIED, ObjectId(row.object_id)) as stored:
        return str(pydicom.dcmread(io.BytesIO(stored.read())).PatientID)


def test_outputs_stay_and_later_images_of_the_patient_get_another_pseudonym(deliver, run_all, services, admin):
    deliver(image(1, PatientID="P-1234"))
    run_all()
    project = services.catalogue.project("default")
    (first,) = outputs()
    name = pseudonym_in(services, first)
    assert services.vault.resolve(project, name, reason=REASON, actor=admin).study_ids == (the_study().public_id,)
    services.vault.erase(project, name, reason=REASON, actor=admin)
    assert pseudonym_in(services, outputs()[0]) == name
    deliver(image(2, PatientID="P-1234"))
    run_all()
    kept, late = outputs()
    assert kept.object_id == first.object_id
    assert pseudonym_in(services, late) != name
    assert late.study_instance_uid != first.study_instance_uid
    assert the_study().status == "ready"
    with pytest.raises(NotFound):
        services.vault.resolve(project, name, reason=REASON, actor=admin)
