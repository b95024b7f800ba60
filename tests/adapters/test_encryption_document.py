"""The format's document says what the code does: its own reader is run on what the store wrote."""

import re
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from object_stores import ID
from sealed import ABOUT, THREE_CHUNKS

from cauce.adapters.encryption_v1 import ABOUT_BYTES_MAX, CHUNK_BYTES
from cauce.adapters.keyring_file import FileKeyRing
from cauce.adapters.keys_file import FileKeyService
from cauce.adapters.objects_local import LocalObjects
from cauce.core.statuses import Space

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "encryption-format-v1.md").read_text()


@pytest.fixture(scope="module")
def read_object():
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    names = {}
    exec(compile(code, "encryption-format-v1.md", "exec"), names)
    return names["read_object"]


@pytest.fixture
def ring(tmp_path):
    return FileKeyRing(tmp_path / "keyring.json", FileKeyService(tmp_path / "keys"))


@pytest.mark.parametrize("content", [b"", b"short", bytes(CHUNK_BYTES), THREE_CHUNKS])
@pytest.mark.parametrize("space", list(Space))
def test_the_reader_in_the_document_gets_any_object_back(read_object, ring, tmp_path, content, space):
    store = LocalObjects(tmp_path / "objects", keyring=ring, reserve_bytes=0)
    ring.rotate(space)
    store.write(space, ID, [content], about=ABOUT)
    ring.rotate(space)  # the object's epoch is the current one no more
    stored = (tmp_path / "objects" / space / ID[:2] / ID).read_bytes()
    keys = tmp_path / "keys", tmp_path / "keyring.json"
    assert read_object(stored, space.value, ID, *keys) == (ABOUT, content)
    with pytest.raises(InvalidTag):
        read_object(stored, space.value, ID[::-1], *keys)


def test_the_numbers_in_the_document_are_those_of_the_code():
    for number in (CHUNK_BYTES, CHUNK_BYTES + 16, ABOUT_BYTES_MAX, ABOUT_BYTES_MAX + 16):
        assert f"{number:,}" in DOCUMENT
