"""Recovery: the sweep, the scrub, and a catalogue rebuilt from the objects."""

import pytest
from test_the_flow import SERIES, STUDY, image, objects_in, statuses, the_study

from cauce import flow
from cauce.core.identifiers import new_object_id
from cauce.core.statuses import Space
from cauce.stages import recover


def leave_orphan(services, space=Space.ORIGINALS):
    object_id = new_object_id()
    services.objects.write(space, object_id, [b"left behind"], about={})
    return object_id


def cut_off(services, object_id):
    """Make an object what a crash leaves of one that is being written."""
    path = path_of(services, object_id)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-10])


def path_of(services, object_id):
    return next(path for path in services.spool.joinpath("objects").rglob(object_id))


def test_the_sweep_removes_what_was_cut_off_while_it_was_written_and_nothing_else(deliver, run_all, services, admin):
    deliver(image(1), image(2))
    run_all()
    kept = {space: objects_in(services, space) for space in Space}
    cut_off(services, leave_orphan(services))
    leave_orphan(services, Space.DEIDENTIFIED)
    swept = flow.sweep(services, actor=admin, older_than_s=0)
    assert (swept.removed, swept.adopted, swept.kept) == (2, 0, {})
    assert {space: objects_in(services, space) for space in Space} == kept


def test_the_sweep_leaves_young_objects_to_their_writers(services, admin):
    orphan = leave_orphan(services)
    cut_off(services, orphan)
    swept = flow.sweep(services, actor=admin)
    assert (swept.removed, swept.adopted, swept.kept) == (0, 0, {})
    assert objects_in(services, Space.ORIGINALS) == [orphan]


def test_a_sweep_on_a_lost_catalogue_takes_every_original_in_and_removes_none(deliver, services, admin):
    deliver(image(1), image(2))
    held = objects_in(services, Space.ORIGINALS)
    forget_everything()
    swept = flow.sweep(services, actor=admin, older_than_s=0)
    assert (swept.removed, swept.adopted, swept.kept) == (0, 2, {})
    assert objects_in(services, Space.ORIGINALS) == held
    assert statuses(deliver(image(1), image(2))) == ["duplicate", "duplicate"]


def test_a_sweep_on_a_lost_catalogue_keeps_what_is_damaged_and_names_it(deliver, services, admin):
    deliver(image(1))
    (object_id,) = objects_in(services, Space.ORIGINALS)
    path = path_of(services, object_id)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-10])
    path.chmod(0o400)
    forget_everything()
    swept = flow.sweep(services, actor=admin, older_than_s=0)
    assert (swept.removed, swept.adopted, list(swept.kept)) == (0, 0, [object_id])
    assert objects_in(services, Space.ORIGINALS) == [object_id]


def test_the_sweep_removes_a_second_object_of_what_is_held(deliver, services, admin):
    deliver(image(1))
    (held,) = objects_in(services, Space.ORIGINALS)
    with services.objects.open(Space.ORIGINALS, held) as source:
        content = source.read()
    services.objects.write(Space.ORIGINALS, new_object_id(), [content], about={"project": "default"})
    swept = flow.sweep(services, actor=admin, older_than_s=0)
    assert (swept.removed, swept.adopted, swept.kept) == (1, 0, {})
    assert objects_in(services, Space.ORIGINALS) == [held]


def test_a_sound_store_has_nothing_to_scrub(deliver, services):
    deliver(image(1), image(2))
    *_, done = recover.scrub(services)
    assert (done.contents, done.damaged) == (2, {})


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_the_scrub_finds_a_damaged_original_and_its_study_waits_for_a_person(deliver, run_all, services, damage):
    deliver(image(1), image(2))
    run_all()
    object_id = objects_in(services, Space.ORIGINALS)[0]
    path = path_of(services, object_id)
    data = bytearray(path.read_bytes())
    path.chmod(0o600)
    if damage == "gone":
        path.unlink()
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data if damage == "flipped" else data[:-10])
    *_, done = recover.scrub(services)
    assert list(done.damaged) == [object_id]
    assert the_study().status == "attention"
    assert [cause["cause"] for cause in the_study().causes] == ["object_damaged"]
    *_, done = recover.scrub(services)
    assert len(the_study().causes) == 1


def forget_everything():
    from cauce.records import models

    for model in (
        models.UploadItem,
        models.Upload,
        models.Job,
        models.ProcessingResult,
        models.InstanceResult,
        models.Artifact,
        models.DeidentifiedInstance,
        models.BatchItem,
        models.Batch,
        models.Revision,
        models.AlternateEncoding,
        models.VersionHeader,
        models.Version,
        models.Instance,
        models.Series,
        models.Study,
    ):
        model.objects.all().delete()


def test_a_lost_catalogue_is_rebuilt_from_the_objects_and_the_flow_runs_again(deliver, run_all, services, admin):
    from cauce.records.models import Version

    deliver(image(1), image(2))
    deliver(image(1, StudyDescription="a later version"))
    run_all()
    before = list(Version.objects.order_by("object_id").values_list("object_id", "state", "dataset_sha256"))
    forget_everything()
    *_, done = flow.rebuild(services, actor=admin)
    assert (done.objects, done.adopted, done.failed) == (3, 3, {})
    assert list(Version.objects.order_by("object_id").values_list("object_id", "state", "dataset_sha256")) == before
    assert (the_study().study_instance_uid, the_study().series.get().series_instance_uid) == (STUDY, SERIES)
    assert run_all() == ["close", "deidentify", "process", "summarise", "deliver"]
    assert the_study().status == "ready"
    assert statuses(deliver(image(1))) == ["duplicate"]


def test_a_rebuild_of_a_whole_catalogue_changes_nothing(deliver, services, admin):
    deliver(image(1))
    assert list(flow.rebuild(services, actor=admin)) == []


def test_a_rebuild_names_what_it_cannot_use_and_takes_the_rest(deliver, services, admin):
    deliver(image(1), image(2))
    orphan = leave_orphan(services)
    forget_everything()
    *_, done = flow.rebuild(services, actor=admin)
    assert (done.adopted, list(done.failed)) == (2, [orphan])
