"""Image media: a DICOMDIR held against what lies beside it."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.fileset import FileSet

from cauce.cli.found import files_of
from cauce.cli.imports import media
from cauce.core.errors import Refused
from cauce.samples import ct_slice


@pytest.fixture
def disc(tmp_path):
    """A disc of one series of three slices, as its maker writes it."""
    file_set = FileSet()
    for number in range(3):
        file_set.add(ct_slice(number, seed=8))
    file_set.write(tmp_path / "disc")
    return tmp_path / "disc"


def images_of(disc):
    return sorted(path for path in disc.rglob("*") if path.is_file() and path.name != "DICOMDIR")


def compared(disc):
    (found,) = media.media_among(list(files_of([disc])))
    return media.compare(*found)


def directory_of(folder, *file_ids, name="DICOMDIR"):
    """Write a DICOMDIR of image records that refer to these files."""
    ds = Dataset()
    ds.FileSetID = "TEST"
    ds.DirectoryRecordSequence = []
    for file_id in file_ids:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = file_id
        ds.DirectoryRecordSequence.append(record)
    from pydicom.dataset import FileMetaDataset

    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    folder.mkdir(exist_ok=True, parents=True)
    ds.save_as(folder / name, enforce_file_format=True)
    return folder / name


def test_a_whole_disc_lists_all_that_it_has(disc):
    found = compared(disc)
    assert (found.listed, found.missing, found.outside, found.unlisted, found.trouble) == (3, [], [], 0, "")


def test_what_is_listed_and_not_there_is_named_and_what_is_there_and_not_listed_is_counted(disc):
    gone = images_of(disc)[1]
    gone.unlink()
    (disc / "EXTRA").mkdir()
    (disc / "EXTRA" / "1").write_bytes(b"x")
    found = compared(disc)
    assert (found.listed, found.missing, found.unlisted) == (3, [str(gone)], 1)


@pytest.mark.parametrize(
    "changed",
    [str.lower, str.upper, lambda name: f"{name};1", lambda name: f"{name}.;1", lambda name: f"{name.lower()}."],
)
def test_case_versions_and_final_full_stops_do_not_count(disc, changed):
    for path in sorted(disc.rglob("*"), key=lambda path: -len(path.parts)):
        is_folder = path.is_dir()
        path.rename(path.with_name(path.name.swapcase() if is_folder else changed(path.name)))
    found = compared(disc)
    assert (found.listed, found.missing, found.unlisted) == (3, [], 0)


@pytest.mark.parametrize(
    "file_id",
    [["..", "secret"], ["A", "..", "..", "secret"], ["", "etc", "passwd"], ["A", "/etc/passwd"], ["A", ".", "B"]],
)
def test_a_reference_that_leads_out_of_the_medium_is_named_and_not_looked_for(tmp_path, file_id):
    (tmp_path / "secret").write_bytes(b"x")
    directory_of(tmp_path / "disc", file_id)
    found = compared(tmp_path / "disc")
    assert (found.outside, found.missing) == (["/".join(file_id)], [])


def test_a_link_to_a_folder_outside_is_no_part_of_the_medium(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "IM1").write_bytes(b"x")
    directory_of(tmp_path / "disc", ["DIR", "IM1"])
    (tmp_path / "disc" / "DIR").symlink_to(tmp_path / "elsewhere")
    assert compared(tmp_path / "disc").missing == [str(tmp_path / "disc" / "DIR" / "IM1")]


def test_a_file_that_is_listed_twice_counts_once(tmp_path):
    (tmp_path / "disc").mkdir()
    (tmp_path / "disc" / "IM1").write_bytes(b"x")
    directory_of(tmp_path / "disc", "IM1", "im1")
    found = compared(tmp_path / "disc")
    assert (found.listed, found.missing, found.unlisted) == (1, [], 0)


def test_each_of_several_discs_in_a_folder_is_held_against_its_own_files(tmp_path):
    for name in ("1", "2"):
        directory_of(tmp_path / "discs" / name, "IM1", "IM2")
        (tmp_path / "discs" / name / f"IM{name}").write_bytes(b"x")
    found = [media.compare(*each) for each in media.media_among(list(files_of([tmp_path / "discs"])))]
    assert [[Path(path).name for path in each.missing] for each in found] == [["IM2"], ["IM1"]]


def test_a_file_of_that_name_that_is_none_is_no_directory(tmp_path):
    (tmp_path / "DICOMDIR").write_bytes(b"not DICOM")
    assert list(media.media_among(list(files_of([tmp_path])))) == []


def test_a_damaged_directory_says_so_and_what_it_lists_before_the_damage_counts(disc):
    whole = (disc / "DICOMDIR").read_bytes()
    (disc / "DICOMDIR").write_bytes(whole[: len(whole) - 40])
    found = compared(disc)
    assert found.trouble
    assert found.missing == []


def test_a_directory_cut_off_anywhere_is_told_from_a_whole_one(disc):
    path = disc / "DICOMDIR"
    whole = path.read_bytes()
    assert compared(disc).trouble == ""
    taken_for_whole = []
    for length in range(600, len(whole), 7):
        path.write_bytes(whole[:length])
        if media.is_directory(path) and not media.compare(path, []).trouble:
            taken_for_whole.append(length)
    assert taken_for_whole == []


@pytest.mark.parametrize("kept", [0, 0.01, 0.3, 0.6, 0.98])
def test_a_damaged_directory_that_is_named_itself_is_refused(run, disc, server, kept):
    path = disc / "DICOMDIR"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    done = run("import", path)
    assert done.status == 1
    assert done.out.splitlines()[0] == f"refused    {path}  directory_damaged: {media.DETAILS[media.DAMAGED]}"
    assert done.err.startswith(f"{path} cannot be read (")
    sent = [name for _, names, _ in server.uploads for name in names]
    assert "disc/DICOMDIR" not in sent
    done = run("import", disc, "--again")  # what was damaged is no loss where the folder is named
    assert (done.status, len(server.uploads[-1][1])) == (0, 4)
    assert done.err.rstrip().endswith("what lies there counts") == (kept > 0.1)


def test_a_directory_that_lists_nothing_and_is_named_itself_is_refused(run, tmp_path, server):
    path = directory_of(tmp_path / "disc")
    done = run("import", path)
    assert (done.status, server.uploads) == (1, [])
    assert done.err == f"{path} cannot be read (It lists no files)\n"


@given(data=st.binary(max_size=300), cut=st.integers(0, 2000))
@settings(max_examples=60, deadline=None)
def test_whatever_a_directory_holds_it_is_read_or_refused(tmp_path_factory, data, cut):
    folder = tmp_path_factory.mktemp("fuzz")
    path = directory_of(folder, ["A", "B"], ["C"])
    whole = path.read_bytes()
    path.write_bytes(whole[: cut % len(whole)] + data)
    read = []
    with suppress(Refused):
        read.extend(media.file_ids_of(path))
    assert all(isinstance(part, str) for file_id in read for part in file_id)


def test_the_references_are_those_that_pydicom_reads(disc):
    ds = dcmread(disc / "DICOMDIR")
    records = [tuple(one.ReferencedFileID) for one in ds.DirectoryRecordSequence if "ReferencedFileID" in one]
    assert list(media.file_ids_of(disc / "DICOMDIR")) == records


def test_a_disc_is_imported_and_told_of(run, disc, server):
    images = images_of(disc)
    images[2].unlink()
    (disc / "EXTRA.DCM").write_bytes(b"x")
    done = run("import", disc)
    assert done.status == 1
    assert done.out.splitlines()[:5] == [
        f"refused    {images[2]}  missing: The DICOMDIR lists this file, and it is not there.",
        f"stored     {disc}/DICOMDIR",
        f"stored     {disc}/EXTRA.DCM",
        f"stored     {images[0]}",
        f"stored     {images[1]}",
    ]
    assert done.err == f"{disc}/DICOMDIR: 1 file is there and not listed in it: taken as well\n"


def test_programs_read_of_missing_files_as_of_refused_ones(run, disc, server):
    images_of(disc)[0].unlink()
    done = run("import", "--json", disc)
    assert done.status == 1
    first = json.loads(done.out.splitlines()[0])
    assert (first["status"], first["code"], first["study"]) == ("refused", "missing", None)


def test_a_directory_that_is_named_itself_stands_for_its_medium_and_nothing_beside_it(run, tmp_path, server):
    for name in ("DIR/IM1", "DIR/IM2", "IM3", "IM4", "OTHER/IM5"):
        (tmp_path / "downloads" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "downloads" / name).write_bytes(b"x")
    directory = directory_of(tmp_path / "downloads", ["DIR", "IM1"], "IM3")
    done = run("import", directory)
    assert done.status == 0
    sent = [name for _, names, _ in server.uploads for name in names]
    assert sent == [f"downloads/{name}" for name in ("DICOMDIR", "DIR/IM1", "DIR/IM2", "IM3")]
    assert done.err == f"{directory}: 1 file is there and not listed in it: taken as well\n"


def test_a_directory_named_itself_from_its_own_folder_works_too(run, tmp_path, server, monkeypatch):
    directory_of(tmp_path / "disc", ["DIR", "IM1"])
    (tmp_path / "disc" / "DIR").mkdir()
    (tmp_path / "disc" / "DIR" / "IM1").write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "disc")
    assert run("import", "DICOMDIR").status == 0
    assert [names for _, names, _ in server.uploads] == [["disc/DICOMDIR", "disc/DIR/IM1"]]
