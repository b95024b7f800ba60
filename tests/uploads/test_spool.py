"""Spooled files: in memory while there is room, on disk beyond, never under a name."""

import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.api.raw.spool import HEAD_BYTES, ByteBudget, Spool
from cauce.core.errors import StorageFull, StorageUnavailable


def spool_at(folder, *, budget=10_000, memory=1_000):
    return Spool(folder, budget=ByteBudget(budget), memory_bytes_max=memory)


def test_a_small_file_stays_in_memory(tmp_path):
    spool = spool_at(tmp_path / "spool")
    file = spool.open()
    file.write(b"abc")
    file.write(b"def")
    assert spool.budget.left_bytes == 10_000 - 6
    assert file.content() == b"abcdef"
    assert file.readable().read() == b"abcdef"
    file.close()
    file.close()
    assert spool.budget.left_bytes == 10_000
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize(("budget", "memory"), [(10_000, 5), (5, 10_000)])
def test_a_file_beyond_its_bound_or_the_budget_goes_to_disk_without_a_name(tmp_path, budget, memory):
    spool = spool_at(tmp_path, budget=budget, memory=memory)
    file = spool.open()
    file.write(b"abc")
    file.write(b"defg")
    assert file.content().read() == b"abcdefg"
    assert (file.size_bytes, file.head) == (7, b"abcdefg")
    assert spool.budget.left_bytes == budget
    assert list(tmp_path.iterdir()) == []
    file.close()


def test_two_files_that_want_the_last_memory_do_not_wait_for_each_other(tmp_path):
    spool = spool_at(tmp_path, budget=10, memory=8)
    first, second = spool.open(), spool.open()
    first.write(b"12345678")
    second.write(b"12345678")
    assert second.content().read() == b"12345678"
    first.close()
    second.close()
    assert spool.budget.left_bytes == 10


@settings(max_examples=50, deadline=None)
@given(chunks=st.lists(st.binary(max_size=3000), max_size=12), budget=st.integers(0, 9000), memory=st.integers(0, 9000))
def test_what_is_written_is_read_wherever_it_lies(tmp_path_factory, chunks, budget, memory):
    spool = spool_at(tmp_path_factory.getbasetemp() / "spool", budget=budget, memory=memory)
    file = spool.open()
    for chunk in chunks:
        file.write(chunk)
    whole = b"".join(chunks)
    assert (file.size_bytes, file.head) == (len(whole), whole[:HEAD_BYTES])
    assert file.readable().read() == whole
    assert file.readable().read() == whole
    file.close()
    assert spool.budget.left_bytes == budget


@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, StorageFull), (errno.EIO, StorageUnavailable)])
def test_a_disk_that_fails_is_an_error_of_ours_and_memory_comes_back(tmp_path, monkeypatch, number, error):
    import tempfile

    def fail(**_options):
        raise OSError(number, "no")

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    spool = spool_at(tmp_path, memory=2)
    file = spool.open()
    with pytest.raises(error):
        file.write(b"abc")
    file.close()
    assert spool.budget.left_bytes == 10_000
