"""A batch between the stores: one output an instance, whatever happens, and nothing left over."""

import hashlib
import threading

import pytest
from deid_objects import EXPLICIT, PATIENT, ct_file, data_set, part10, read

from cauce.core.errors import DatabaseUnavailable, IntegrityError, Refused, StorageUnavailable, Unexpected
from cauce.core.limits import Limits
from cauce.core.statuses import RefusalCode, Space
from cauce.stages.deidentify import BASIC, deidentify_batch
from cauce.stages.validate import read_header


def image(number, **more):
    return ct_file(x00080018=("UI", f"1.2.999.10.3.{number}"), x00200013=("IS", str(number)), **more)


def run(services, study, batch, **options):
    options = {"profile": BASIC, "read_header": read_header} | options
    deidentify_batch(services, batch_pk=batch.pk, study_pk=study.pk, **options)


def outputs():
    from cauce.records.models import DeidentifiedInstance

    return list(DeidentifiedInstance.objects.order_by("version_id"))


def stored(services, space=Space.DEIDENTIFIED):
    return sorted(found.object_id for found in services.objects.walk(space))


def content_of(services, row):
    with services.objects.open(Space.DEIDENTIFIED, row.object_id) as source:
        return source.read()


def test_each_instance_becomes_one_clean_object(services, batch_of):
    study, batch = batch_of(*(image(number) for number in (1, 2, 3)))
    run(services, study, batch)
    rows = outputs()
    assert [(row.profile, row.cause, row.detail) for row in rows] == [("Basic Profile", "", "")] * 3
    assert stored(services) == sorted(row.object_id for row in rows)
    for number, row in enumerate(rows, 1):
        content = content_of(services, row)
        ds = read(content)
        assert PATIENT.encode() not in content
        assert (ds.InstanceNumber, ds.SOPInstanceUID) == (number, row.sop_instance_uid)
        assert (row.study_instance_uid, row.series_instance_uid) == (ds.StudyInstanceUID, ds.SeriesInstanceUID)
        assert (row.size_bytes, row.transfer_syntax_uid) == (len(content), EXPLICIT)
        assert bytes(row.dataset_sha256) == hashlib.sha256(content[content.index(b"\x08\x00\x08\x00CS") :]).digest()
        assert row.actions["pseudonym"] == 2
        assert services.objects.about(Space.DEIDENTIFIED, row.object_id) == {
            "version": str(row.version_id),
            "profile": "Basic Profile",
        }


def test_all_objects_of_a_patient_are_under_one_pseudonym_and_no_other_patient_is(services, batch_of):
    first = batch_of(image(1), image(2))
    second = batch_of(image(3), study_instance_uid="1.2.999.11")
    other = batch_of(image(4), patient_id="HQ-0000001", study_instance_uid="1.2.999.12")
    for study, batch in (first, second, other):
        run(services, study, batch)
    names = [str(read(content_of(services, row)).PatientID) for row in outputs()]
    assert names[0] == names[1] == names[2] != names[3]
    assert len(names[0]) == 12


def test_what_is_held_back_is_written_down_and_not_stored(services, batch_of):
    study, batch = batch_of(image(1), image(2, x00280301=("CS", "YES")), image(3, x0020000E=None), b"no DICOM" * 90)
    run(services, study, batch)
    assert [(row.cause, row.detail) for row in outputs()] == [
        ("", ""),
        ("pixels_unproven", "Its header says that text is burned into the pixels."),
        ("deidentification_failed", "It lacks a UID that every instance has."),
        ("deidentification_failed", "It begins with nothing that DICOM knows."),
    ]
    assert [row.object_id for row in outputs()] == [*stored(services), "", "", ""]


def test_an_output_that_cannot_be_read_back_is_held_back(services, batch_of):
    def picky(source, *, size_bytes, limits):
        assert source.tell() == size_bytes
        raise Refused(RefusalCode.INVALID_UID, "A UID is none.")

    study, batch = batch_of(image(1))
    run(services, study, batch, read_header=picky)
    (row,) = outputs()
    assert (row.cause, row.object_id) == ("deidentification_failed", "")
    assert row.detail == "What was made of it cannot be read back: A UID is none."
    assert stored(services) == []


def test_running_twice_makes_nothing_new(services, batch_of):
    study, batch = batch_of(image(1), image(2, x00280301=("CS", "YES")))
    run(services, study, batch)
    before = [(row.pk, row.object_id) for row in outputs()]
    run(services, study, batch)
    assert [(row.pk, row.object_id) for row in outputs()] == before
    assert len(stored(services)) == 1


def test_two_workers_at_once_leave_one_output_each_and_no_orphan(services, batch_of):
    study, batch = batch_of(*(image(number) for number in range(1, 9)))
    together = threading.Barrier(2)
    errors = []

    def both_have_made_theirs(source, *, size_bytes, limits):
        header = read_header(source, size_bytes=size_bytes, limits=limits)
        if header.attributes.instance_number == 8:
            together.wait(timeout=60)
        return header

    def work():
        from django.db import connection

        try:
            run(services, study, batch, read_header=both_have_made_theirs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            errors.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert errors == []
    rows = outputs()
    assert len(rows) == 8
    assert len({row.study_instance_uid for row in rows}) == 1
    assert stored(services) == sorted(row.object_id for row in rows)


def test_a_damaged_original_commits_nothing_and_leaves_nothing(services, batch_of, tmp_path):
    from cauce.records.models import Version

    study, batch = batch_of(image(1), image(2))
    damaged = Version.objects.get(instance_number=2).object_id
    (path,) = (tmp_path / "objects" / "originals").rglob(damaged)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(IntegrityError):
        run(services, study, batch)
    assert outputs() == []
    assert stored(services) == []


@pytest.mark.parametrize(
    ("error", "kept"), [(Unexpected("the database refused"), 0), (DatabaseUnavailable("no answer"), 2)]
)
def test_objects_are_taken_back_unless_the_commit_may_have_happened(services, batch_of, monkeypatch, error, kept):
    study, batch = batch_of(image(1), image(2))

    def failing(written, *, profile):
        raise error

    monkeypatch.setattr(services.work, "write_deidentified", failing)
    with pytest.raises(type(error)):
        run(services, study, batch)
    assert len(stored(services)) == kept


def test_a_store_that_fails_halfway_leaves_nothing(services, batch_of, monkeypatch):
    study, batch = batch_of(image(1), image(2))
    write = services.objects.write

    def failing(space, object_id, chunks, *, about):
        if len(stored(services)) == 1:
            raise StorageUnavailable("no answer")
        return write(space, object_id, chunks, about=about)

    monkeypatch.setattr(services.objects, "write", failing)
    with pytest.raises(StorageUnavailable):
        run(services, study, batch)
    assert (outputs(), stored(services)) == ([], [])


def test_a_defect_that_one_instance_meets_holds_that_one(services, batch_of, monkeypatch):
    from cauce.stages.deidentify import batch as module

    real, calls = module.deidentify_instance, []

    def breaking(*given, **options):
        calls.append(given)
        if len(calls) == 2:
            raise ValueError("QUIMBY^HUBERT")
        return real(*given, **options)

    monkeypatch.setattr(module, "deidentify_instance", breaking)
    study, batch = batch_of(*(image(number) for number in (1, 2, 3)))
    run(services, study, batch)
    assert [row.cause for row in outputs()] == ["", "deidentification_failed", ""]
    assert outputs()[1].detail.startswith("Something unexpected went wrong (ValueError, test_deid_batch.py line ")


def test_the_pseudonym_is_committed_before_anything_is_stored(services, batch_of, monkeypatch):
    from cauce.records.models import PatientLink

    study, batch = batch_of(image(1))
    write, links = services.objects.write, []

    def watching(space, object_id, chunks, *, about):
        links.append(PatientLink.objects.count())
        return write(space, object_id, chunks, about=about)

    monkeypatch.setattr(services.objects, "write", watching)
    run(services, study, batch)
    assert links == [1]


def test_a_large_instance_goes_through_the_spool_folder_and_leaves_nothing_there(services, batch_of):
    pixels = bytes(range(256)) * 8192
    services.limits = Limits(memory_instance_bytes_max=100_000)
    study, batch = batch_of(image(1, x00280010=("US", 1024), x00280011=("US", 1024), x7FE00010=("OW", pixels)))
    run(services, study, batch)
    (row,) = outputs()
    assert read(content_of(services, row)).PixelData == pixels
    assert list(services.spool.iterdir()) == []


def test_a_spool_folder_that_is_gone_is_a_store_that_does_not_answer(services, batch_of):
    services.limits = Limits(memory_instance_bytes_max=1)
    services.spool.rmdir()
    study, batch = batch_of(image(1))
    with pytest.raises(StorageUnavailable):
        run(services, study, batch)
    assert (outputs(), stored(services)) == ([], [])


def test_a_batch_without_work_asks_for_nothing(services, batch_of, monkeypatch):
    study, batch = batch_of()
    monkeypatch.setattr(services, "objects", None)
    monkeypatch.setattr(services, "vault", None)
    run(services, study, batch)
    assert outputs() == []


def test_frames_are_found_in_what_was_written(services, batch_of):
    from cauce.adapters.rows import unpack_frames

    more = {
        "x00280002": ("US", b"\1\0"),
        "x00280010": ("US", b"\4\0"),
        "x00280011": ("US", b"\4\0"),
        "x00280100": ("US", b"\x10\0"),
    }
    study, batch = batch_of(image(1, **more), part10(data_set({})) + b"\0" * 9)
    run(services, study, batch)
    row = outputs()[0]
    ((offset, length),) = unpack_frames(bytes(row.frames)).frames[0]
    assert content_of(services, row)[offset : offset + length] == bytes(range(32))
