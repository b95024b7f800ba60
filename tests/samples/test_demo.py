"""The demonstration's files: repeatable when asked, new otherwise, taken without a warning, and their fate."""

import itertools
import secrets
from io import BytesIO

import pydicom
import pytest

from cauce.core.limits import Limits
from cauce.core.messages import Pseudonym
from cauce.core.statuses import AttentionCause
from cauce.samples import DEMO_SEED, phantom, write_demo
from cauce.stages.deidentify import deidentify_instance
from cauce.stages.validate import read_header

PSEUDONYM = Pseudonym(name="QJ7XWD2M", uid_secret=bytes(range(32)), date_offset_days=-41)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return write_demo(tmp_path_factory.mktemp("demo"), seed=DEMO_SEED)


@pytest.fixture
def shorter(monkeypatch):
    """Two slices tell as much as 48 where only names and numbers count."""
    monkeypatch.setattr(phantom, "SLICES", 2)


def test_it_writes_48_slices_and_one_ultrasound_image(demo):
    assert (len(demo.thorax), len(demo.ultrasound), len(demo.paths)) == (48, 1, 49)
    assert demo.instances == {demo.thorax_study_instance_uid: 48, demo.ultrasound_study_instance_uid: 1}
    assert sorted(path for path in demo.folder.rglob("*.dcm")) == sorted(demo.paths)


def test_every_file_is_taken_without_a_refusal_or_a_warning(demo):
    uids = set()
    for path in demo.paths:
        with path.open("rb") as source:
            header = read_header(source, size_bytes=path.stat().st_size, limits=Limits())
        assert header.warnings == (), path.name
        assert header.frames is not None
        uids.add(header.sop_instance_uid)
    assert len(uids) == 49


def test_the_files_hold_the_studies_that_are_reported(demo):
    for paths, uid in (
        (demo.thorax, demo.thorax_study_instance_uid),
        (demo.ultrasound, demo.ultrasound_study_instance_uid),
    ):
        assert {pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID for path in paths} == {uid}


def test_the_positions_of_the_slices_are_even_and_fall(demo):
    tops = [
        float(pydicom.dcmread(path, specific_tags=["ImagePositionPatient"])[0x00200032].value[2])
        for path in demo.thorax
    ]
    assert {a - b for a, b in itertools.pairwise(tops)} == {3.0}


def test_the_same_seed_writes_the_same_bytes(tmp_path, shorter):
    first, second = (write_demo(tmp_path / name, seed=11) for name in "ab")
    assert [path.read_bytes() for path in first.paths] == [path.read_bytes() for path in second.paths]
    assert first.identities == second.identities


def test_without_a_seed_each_demo_is_of_new_studies_and_new_patients(tmp_path, shorter, monkeypatch):
    seeds = iter([21, 22])
    monkeypatch.setattr(secrets, "randbits", lambda _: next(seeds))
    first, second = (write_demo(tmp_path / name) for name in "ab")
    assert not set(first.instances) & set(second.instances)
    patients = [pydicom.dcmread(demo.paths[0], stop_before_pixels=True).PatientID for demo in (first, second)]
    assert patients[0] != patients[1]


def test_no_name_of_a_file_carries_identity(demo):
    names = " ".join(str(path.relative_to(demo.folder)) for path in demo.paths).upper()
    assert [text for text in demo.identities if text.upper() in names] == []


def test_the_thorax_passes_de_identification_and_nothing_that_names_anybody_is_left(demo):
    with demo.thorax[20].open("rb") as source:
        target = BytesIO()
        outcome = deidentify_instance(source, target, pseudonym=PSEUDONYM)
    assert outcome.cause is None, outcome.detail
    before, after = demo.thorax[20].read_bytes(), target.getvalue()
    named = [text for text in demo.identities if text.encode("latin-1") in before]
    assert len(named) >= 13
    assert [text for text in named if text.encode("latin-1") in after] == []
    clean = pydicom.dcmread(BytesIO(after))
    assert clean.PatientName == "QJ7XWD2M"
    assert clean.PixelData == pydicom.dcmread(demo.thorax[20]).PixelData


def test_the_ultrasound_is_held_back_because_its_pixels_are_unproven(demo):
    with demo.ultrasound[0].open("rb") as source:
        target = BytesIO()
        outcome = deidentify_instance(source, target, pseudonym=PSEUDONYM)
    assert outcome.cause is AttentionCause.PIXELS_UNPROVEN
    assert target.getvalue() == b""
