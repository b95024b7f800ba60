"""How many entries a zip has."""

import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.cli.imports.zips import entries_of


@pytest.mark.parametrize(("count", "comment"), [(0, b""), (3, b""), (3, b"x" * 65_535), (65_535, b""), (70_000, b"x")])
def test_the_entries_are_counted_without_reading_them(tmp_path, count, comment):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.comment = comment
        for number in range(count):
            zipped.writestr(str(number), b"")
    assert entries_of(tmp_path / "a.zip") == (0 if count == 0 else count)


@given(data=st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_what_is_no_zip_has_none_or_what_it_says(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("zips") / "a"
    path.write_bytes(b"PK" + data + b"PK\x05\x06" + data)
    assert entries_of(path) >= 0


def test_what_is_not_there_has_none(tmp_path):
    assert entries_of(tmp_path / "none.zip") == 0
