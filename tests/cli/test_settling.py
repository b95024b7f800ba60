"""When a file is whole."""

from cauce.cli.imports import settling
from cauce.cli.imports.settling import Settling


def test_whole_is_what_was_seen_unchanged_whatever_age_a_file_claims():
    files = Settling(5)
    assert not files.is_whole("a", "10:1", size_bytes=10, now_s=100)
    assert not files.is_whole("a", "10:1", size_bytes=10, now_s=104.9)
    assert files.is_whole("a", "10:1", size_bytes=10, now_s=105)
    assert not files.is_whole("a", "11:1", size_bytes=11, now_s=106)
    assert not files.is_whole("a", "11:1", size_bytes=11, now_s=110)
    assert files.is_whole("a", "11:1", size_bytes=11, now_s=111)
    assert not files.is_whole("b", "0:1", size_bytes=0, now_s=111)
    assert not files.is_whole("b", "0:1", size_bytes=0, now_s=111 + settling.EMPTY_S - 1)
    assert files.is_whole("b", "0:1", size_bytes=0, now_s=111 + settling.EMPTY_S)
    assert files.keep_only({"b"}) == 1
    assert len(files) == 1
