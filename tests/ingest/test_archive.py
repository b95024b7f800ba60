"""Zip archives: every entry is unpacked or has a verdict, whatever the archive does to prevent it."""

import io
import random
import stat
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.core.errors import Refused, StorageFull
from cauce.core.limits import MIB, Limits
from cauce.core.messages import Verdict
from cauce.stages.ingest import Unpacked, archive, is_archive, unpack


class Memory:
    """A spooled file that counts who is open."""

    open_files = 0

    def __init__(self, room=None):
        self._file = io.BytesIO()
        self._room = room
        self.size_bytes = 0
        Memory.open_files += 1

    def write(self, chunk):
        self.size_bytes += len(chunk)
        if self._room is not None and self.size_bytes > self._room:
            raise StorageFull("The disk of the spool folder is full.")
        self._file.write(chunk)

    @property
    def head(self):
        return self._file.getvalue()[:2048]

    def readable(self):
        self._file.seek(0)
        return self._file

    def content(self):
        return self._file.getvalue()

    def close(self):
        if self._file is not None:
            Memory.open_files -= 1
        self._file = None


@pytest.fixture(autouse=True)
def every_file_is_closed():
    Memory.open_files = 0
    yield
    assert Memory.open_files == 0


def zipped(files, *, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for name, content in files.items() if isinstance(files, dict) else files:
            made.writestr(name, content)
    return buffer.getvalue()


def outcome(content, *, limits=None, spool=Memory):
    """Return [(name, bytes or refusal code)], ending with ("", code) when the archive as a whole is refused."""
    seen = []
    try:
        for item in unpack(io.BytesIO(content), name="z.zip", limits=limits or Limits(), spool=spool):
            if isinstance(item, Verdict):
                seen.append((item.name, item.code))
            else:
                seen.append((item.name, item.file.content()))
                item.file.close()
    except Refused as refusal:
        seen.append(("", refusal.code))
    return seen


def patched(content, old, new, *, count=-1):
    assert old in content
    return content.replace(old, new, count)


def test_entries_come_in_order_and_folders_are_not_mentioned():
    content = zipped([("a/", ""), ("a/1", b"one"), ("b", b"two"), ("a/2", b"three")])
    assert outcome(content) == [("z.zip/a/1", b"one"), ("z.zip/b", b"two"), ("z.zip/a/2", b"three")]


def test_what_is_no_archive_is_not_taken_for_one():
    assert is_archive(zipped({"a": b""}))
    assert is_archive(zipped({}))
    assert not is_archive(b"\0" * 128 + b"DICM")
    assert not is_archive(b"PK\x03\x04".ljust(128, b"\0") + b"DICM")
    assert not is_archive(b"")


def test_an_empty_archive_yields_nothing():
    assert outcome(zipped({})) == []


def test_names_are_read_as_cp437_or_utf_8():
    assert outcome(zipped({"tórax/é": b"1", "плод": b"2"})) == [("z.zip/tórax/é", b"1"), ("z.zip/плод", b"2")]
    legacy = patched(zipped({"XX": b"1"}), b"XX", b"\x82\xa2")
    assert outcome(legacy) == [("z.zip/éó", b"1")]


def test_zip64_archives_are_read():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made, made.open("a", "w", force_zip64=True) as entry:
        entry.write(b"large")
    assert outcome(buffer.getvalue()) == [("z.zip/a", b"large")]


def test_archives_in_archives_are_unpacked_up_to_the_depth():
    inner = {"i": b"image"}
    for depth in (4, 3, 2):
        inner = {f"{depth}.zip": zipped(inner), f"beside{depth}": b"x"}
    assert outcome(zipped(inner), limits=Limits(archive_depth_max=3)) == [
        ("z.zip/2.zip/3.zip/4.zip", "archive_unsafe"),
        ("z.zip/2.zip/3.zip/beside4", b"x"),
        ("z.zip/2.zip/beside3", b"x"),
        ("z.zip/beside2", b"x"),
    ]
    assert ("z.zip/2.zip/3.zip/4.zip/i", b"image") in outcome(zipped(inner), limits=Limits(archive_depth_max=4))


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/a", "..\\a", "\\a", "C:\\a", "a\\..\\b", "d:a"])
def test_a_name_that_points_out_of_the_archive_is_unsafe_and_the_rest_goes_on(name):
    assert outcome(zipped([(name, b"evil"), ("b", b"good")])) == [
        (f"z.zip/{name}", "archive_unsafe"),
        ("z.zip/b", b"good"),
    ]


def test_a_symbolic_link_is_passed_over():
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert outcome(zipped([(link, b"/etc/passwd"), ("b", b"good")])) == [("z.zip/link", "link"), ("z.zip/b", b"good")]


def test_an_encrypted_entry_is_refused_and_the_rest_goes_on():
    content = bytearray(zipped([("secret", b"x"), ("b", b"good")], method=zipfile.ZIP_STORED))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[content.index(b"PK\x03\x04") + 6] |= 1
    assert outcome(bytes(content)) == [("z.zip/secret", "archive_unsafe"), ("z.zip/b", b"good")]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_methods_whose_memory_has_no_bound_are_refused(method):
    assert outcome(zipped({"a": b"x" * 100}, method=method)) == [("z.zip/a", "archive_unsafe")]


def test_a_damaged_entry_is_truncated_and_the_rest_goes_on():
    noise = random.Random(1).randbytes(5000)
    content = zipped([("a", noise), ("b", b"good")], method=zipfile.ZIP_STORED)
    damaged = patched(content, noise[2000:2010], b"0123456789")
    assert outcome(damaged) == [("z.zip/a", "truncated"), ("z.zip/b", b"good")]


def test_an_entry_that_is_shorter_than_its_directory_says_is_truncated():
    content = bytearray(zipped([("a", b"x" * 1000), ("b", b"good")]))
    struct.pack_into("<L", content, content.index(b"PK\x01\x02") + 24, 2000)
    assert outcome(bytes(content)) == [("z.zip/a", "truncated"), ("z.zip/b", b"good")]


@pytest.mark.parametrize("keep", [4, 30, 200, -30])
def test_a_cut_archive_is_truncated_as_a_whole(keep):
    content = zipped({"a": random.Random(1).randbytes(500), "b": b"y"})
    assert outcome(content[:keep]) == [("", "truncated")]


def test_an_entry_longer_than_an_instance_may_be_is_not_unpacked():
    limits = Limits(instance_bytes_max=100)
    assert outcome(zipped({"a": b"x" * 101, "b": b"y" * 100}), limits=limits) == [
        ("z.zip/a", "too_large"),
        ("z.zip/b", b"y" * 100),
    ]


def test_a_dense_entry_is_unsafe_from_64_mib_on():
    content = zipped([("bomb", bytes(65 * MIB)), ("small", b"\0" * 1000)])
    assert outcome(content) == [("z.zip/bomb", "archive_unsafe"), ("z.zip/small", b"\0" * 1000)]


def test_a_dense_entry_that_is_dicom_is_unpacked():
    sparse = bytes(128) + b"DICM" + bytes(65 * MIB)
    assert outcome(zipped({"segmentation.dcm": sparse})) == [("z.zip/segmentation.dcm", sparse)]


def test_an_archive_that_unpacks_to_more_than_is_allowed_stops_there():
    limits = Limits(archive_unpacked_bytes_max=250)
    files = {name: random.Random(name).randbytes(100) for name in "abcd"}
    assert [name or code for name, code in outcome(zipped(files), limits=limits)] == [
        "z.zip/a",
        "z.zip/b",
        "archive_unsafe",
    ]


def test_what_an_inner_archive_unpacks_to_counts_for_the_outer_one():
    inner = zipped({name: random.Random(name).randbytes(100) for name in "abcd"})
    limits = Limits(archive_unpacked_bytes_max=len(inner) + 250)
    assert [name or code for name, code in outcome(zipped({"i.zip": inner}), limits=limits)] == [
        "z.zip/i.zip/a",
        "z.zip/i.zip/b",
        "archive_unsafe",
    ]


def test_many_small_dense_entries_are_stopped_by_the_ratio_of_the_whole(monkeypatch):
    monkeypatch.setattr(archive, "_UNPACKED_ALWAYS_ALLOWED_BYTES", 4 * MIB)
    content = zipped({str(number): bytes(MIB) for number in range(10)})
    assert [code for _, code in outcome(content, limits=Limits(archive_ratio_max=2))][-1] == "archive_unsafe"
    assert len(outcome(content, limits=Limits(archive_ratio_max=2))) == 5


def test_entries_beyond_the_count_refuse_the_archive_as_a_whole():
    content = zipped({str(number): b"" for number in range(11)})
    assert outcome(content, limits=Limits(archive_entries_max=10)) == [("", "archive_unsafe")]
    assert len(outcome(content, limits=Limits(archive_entries_max=11))) == 11


def test_the_entries_of_inner_archives_count_too():
    inner = zipped({str(number): b"x" for number in range(6)})
    outer = zipped([("1.zip", inner), ("2.zip", inner)])
    seen = outcome(outer, limits=Limits(archive_entries_max=10))
    assert len(seen) == 7
    assert seen[-1] == ("z.zip/2.zip", "archive_unsafe")


def test_a_directory_that_hides_its_count_is_counted():
    content = bytearray(zipped({str(number): b"" for number in range(50)}))
    end = content.index(b"PK\x05\x06")
    struct.pack_into("<HH", content, end + 8, 1, 1)
    assert outcome(bytes(content), limits=Limits(archive_entries_max=10)) == [("", "archive_unsafe")]


def test_an_endless_directory_is_not_read():
    content = bytearray(zipped({"a": b"x"}))
    struct.pack_into("<L", content, content.index(b"PK\x05\x06") + 12, 0xFFFFFFF0)
    assert outcome(bytes(content)) == [("", "archive_unsafe")]


def test_overlapping_entries_are_unsafe():
    content = bytearray(zipped([("a", b"x" * 300), ("b", b"y" * 300)], method=zipfile.ZIP_STORED))
    second = content.rindex(b"PK\x01\x02")
    struct.pack_into("<L", content, second + 42, 10)
    assert outcome(bytes(content)) == [("", "archive_unsafe")]


def test_many_entries_over_one_packed_kernel_are_unsafe():
    content = bytearray(zipped([(f"{number:02}", b"\0" * 5000) for number in range(20)]))
    first = content.index(b"PK\x03\x04")
    for entry in range(20):
        at = content.index(b"PK\x01\x02" if not entry else f"{entry:02}".encode(), content.index(b"PK\x01\x02"))
        start = at if not entry else at - 46
        struct.pack_into("<L", content, start + 42, first)
    assert outcome(bytes(content)) == [("", "archive_unsafe")]


def test_an_entry_that_reaches_over_the_next_one_is_unsafe():
    content = bytearray(zipped([("a", b"x" * 300), ("b", b"y" * 300)], method=zipfile.ZIP_STORED))
    struct.pack_into("<2L", content, content.index(b"PK\x01\x02") + 20, 600, 600)
    assert outcome(bytes(content)) == [("", "archive_unsafe")]


@pytest.mark.parametrize("declared", [2**40, 2**63])
def test_a_zip64_size_that_is_not_there_is_not_waited_for(declared):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made, made.open("a", "w", force_zip64=True) as entry:
        entry.write(b"large")
    content = bytearray(buffer.getvalue())
    at = content.index(b"PK\x01\x02")
    struct.pack_into("<L", content, at + 24, 0xFFFFFFFF)
    struct.pack_into("<H", content, at + 30, 12)
    extra = struct.pack("<HHQ", 1, 8, declared)
    content[at + 47 : at + 47] = extra
    end = content.index(b"PK\x05\x06")
    struct.pack_into("<L", content, end + 12, end - at)
    assert outcome(bytes(content)) == [("z.zip/a", "too_large")]


def test_a_local_header_that_names_another_file_is_damage():
    content = patched(zipped([("aa", b"1"), ("b", b"good")]), b"aa", b"zz", count=1)
    assert outcome(content) == [("z.zip/aa", "truncated"), ("z.zip/b", b"good")]


@pytest.mark.parametrize("name", ["n" * 5000, "a\nb", "con", "ab:c", "\u202egnp.exe", "~/.ssh/x", "%2e%2e/x"])
def test_odd_names_are_labels_and_harm_nobody(name):
    assert outcome(zipped({name: b"x"})) == [(f"z.zip/{name}", b"x")]


def test_fifty_thousand_files_are_unpacked_one_after_the_other():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for number in range(50_000):
            made.writestr(f"study/{number // 500:03}/{number:05}.dcm", b"x")
    spooled = [0]

    def spool():
        spooled[0] += 1
        return Memory()

    count = 0
    for item in unpack(io.BytesIO(buffer.getvalue()), name="z.zip", limits=Limits(), spool=spool):
        assert isinstance(item, Unpacked)
        assert Memory.open_files == 1
        item.file.close()
        count += 1
    assert (count, spooled[0]) == (50_000, 50_000)


def test_two_entries_of_one_name_are_both_unpacked():
    with pytest.warns(UserWarning, match="Duplicate"):
        content = zipped([("a", b"1"), ("a", b"2")])
    assert outcome(content) == [("z.zip/a", b"1"), ("z.zip/a", b"2")]


def test_a_full_disk_refuses_the_entry_that_met_it():
    content = zipped({"a": b"x" * 100, "b": b"y"})
    assert outcome(content, spool=lambda: Memory(room=50)) == [("z.zip/a", "storage_full"), ("z.zip/b", b"y")]


def test_giving_up_in_the_middle_closes_what_is_open():
    found = unpack(
        io.BytesIO(zipped({"a": b"1", "b.zip": zipped({"c": b"2"})})), name="z", limits=Limits(), spool=Memory
    )
    first = next(found)
    assert isinstance(first, Unpacked)
    first.file.close()
    inner = next(found)
    assert inner.name == "z/b.zip/c"
    inner.file.close()
    found.close()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_is_changed_in_an_archive_it_yields_files_or_verdicts(data):
    Memory.open_files = 0
    content = bytearray(zipped([("a", b"x" * 50), ("b.zip", zipped({"c": b"z" * 40})), ("d", b"y" * 60)]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    for name, result in outcome(bytes(content)):
        assert isinstance(result, bytes) or result in {
            "archive_unsafe",
            "truncated",
            "too_large",
            "link",
        }, name


@pytest.mark.corpus
def test_the_malformed_archives_come_to_their_verdicts(malformed):
    folder = malformed / "archives"
    read = {path.name: path.read_bytes() for path in folder.glob("*.zip")}
    assert outcome(read["zip-bomb-flat.zip"]) == [("z.zip/zeros.dcm", "archive_unsafe")]
    nested = outcome(read["zip-bomb-nested.zip"])
    assert [code for _, code in nested] == ["archive_unsafe"] * 8
    assert len(outcome(read["zip-many-entries.zip"])) == 20000
    slip = outcome(read["zip-slip.zip"])
    assert [code for _, code in slip] == ["archive_unsafe", "archive_unsafe"]
    assert outcome(read["zip-symlink.zip"]) == [("z.zip/link", "link")]
