"""Which files a path on the command line names, and what receipts call them."""

import os
import subprocess
from pathlib import Path

import pytest
from fake_server import line

from cauce.cli.found import FileToSend, files_of
from cauce.cli.receipts import located


def names_of(*paths):
    return [file.name for file in files_of(paths)]


def test_a_file_is_named_by_itself_and_a_folder_by_all_below_it_in_order(tmp_path):
    top = tmp_path / "study"
    (top / "b").mkdir(parents=True)
    (top / "a").mkdir()
    for name in ("b/2.dcm", "b/1.dcm", "a/3.dcm", "c.dcm"):
        (top / name).write_bytes(b"12")
    files = list(files_of([top, top / "c.dcm"]))
    assert [file.name for file in files] == [
        "study/a/3.dcm",
        "study/b/1.dcm",
        "study/b/2.dcm",
        "study/c.dcm",
        "c.dcm",
    ]
    assert {file.size_bytes for file in files} == {2}
    assert files[0].path == top / "a" / "3.dcm"


def test_the_working_folder_is_named_by_its_own_name(tmp_path, monkeypatch):
    (tmp_path / "1.dcm").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    files = list(files_of([Path()]))
    assert [(file.name, str(file.path)) for file in files] == [(f"{tmp_path.name}/1.dcm", "1.dcm")]


def test_links_to_folders_are_not_followed_and_links_to_files_are(tmp_path):
    top = tmp_path / "study"
    top.mkdir()
    (tmp_path / "one.dcm").write_bytes(b"1")
    (top / "file").symlink_to(tmp_path / "one.dcm")
    (top / "folder").symlink_to(tmp_path)
    (top / "nothing").symlink_to("nowhere")
    assert names_of(top) == ["study/file"]


def test_a_folder_that_cannot_be_read_stands_for_what_is_in_it(tmp_path, monkeypatch):
    (tmp_path / "study" / "locked").mkdir(parents=True)
    listed = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert names_of(tmp_path / "study") == ["study/locked"]


def test_names_that_are_no_text_are_sent_as_text(tmp_path):
    (tmp_path / "study").mkdir()
    os.close(os.open(os.fsencode(tmp_path) + b"/study/caf\xe9.dcm", os.O_CREAT | os.O_WRONLY))
    (file,) = files_of([tmp_path / "study"])
    assert file.name == "study/caf?.dcm"
    assert os.fsencode(file.path).endswith(b"caf\xe9.dcm")


def sent(*paths):
    return [FileToSend(path=Path(path), name=path.rpartition("/")[2], size_bytes=1) for path in paths]


def paths_of(files, *names):
    return [entry["path"] for _, entry in located(files, [line(name) for name in names])]


def test_a_receipt_is_matched_by_order_even_where_names_are_equal():
    assert paths_of(sent("a/1.dcm", "b/1.dcm"), "1.dcm", "1.dcm") == ["a/1.dcm", "b/1.dcm"]


def test_the_files_of_an_archive_are_named_inside_it():
    assert paths_of(sent("d/x.zip", "d/y.dcm"), "x.zip/1.dcm", "x.zip/s/2.dcm", "y.dcm") == [
        "d/x.zip/1.dcm",
        "d/x.zip/s/2.dcm",
        "d/y.dcm",
    ]


def test_the_line_of_an_archive_itself_may_follow_those_of_its_files():
    files = sent("d/x.zip", "e/x.zip")
    assert paths_of(files, "x.zip/1.dcm", "x.zip", "x.zip") == ["d/x.zip/1.dcm", "d/x.zip", "e/x.zip"]


def test_a_name_that_the_server_changed_still_finds_its_file():
    files = sent('d/we"ird\nname.dcm', "d/a%22b.dcm", "d/\x01.dcm", "d/next.dcm")
    assert paths_of(files, 'we"ird name.dcm', 'a"b.dcm', "\ufffd.dcm", "next.dcm") == [str(file.path) for file in files]


def test_a_name_that_nobody_foresaw_is_matched_by_its_place():
    assert paths_of(sent("d/1.dcm", "d/2.dcm"), "something else", "2.dcm") == ["d/1.dcm", "d/2.dcm"]


def test_what_is_passed_over_is_told(tmp_path):
    top = tmp_path / "study"
    (top / "sub").mkdir(parents=True)
    (top / "one.dcm").write_bytes(b"1")
    (top / "circle").symlink_to("circle")
    (top / "up").symlink_to("..")
    os.mkfifo(top / "sub" / "pipe")
    told = []
    files = files_of([top, top / "sub" / "pipe"], passed=lambda path, code, _: told.append((path, code)))
    assert [file.name for file in files] == ["study/one.dcm"]
    assert told == [
        (str(top / "circle"), "link"),
        (str(top / "sub" / "pipe"), "special_file"),
        (str(top / "up"), "link"),
        (str(top / "sub" / "pipe"), "special_file"),
    ]


def test_folders_may_lie_deeper_than_pythons_stack(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(os.open("1", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    try:
        assert [file.name.count("/") for file in files_of([tmp_path])] == [1501]
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # Python's own way down would not come back


def test_a_folder_that_cannot_be_read_says_why_when_it_is_opened(tmp_path, monkeypatch):
    from cauce.cli.imports.items import SourceBroken

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    (file,) = files_of([tmp_path])
    with pytest.raises(SourceBroken, match=r"^Permission denied$"):
        file.open()
