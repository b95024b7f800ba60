"""Object stores on a folder, for tests, and what to do with them."""

import random

from cauce.adapters.encryption_v1 import CHUNK_BYTES
from cauce.adapters.objects_local import LocalObjects
from cauce.core.statuses import Space

ID = "ab12" + "c" * 28
SAME_LEAF = "ab12" + "d" * 28
CONTENT = random.Random(1).randbytes(CHUNK_BYTES + 1_000)


class FixedKeys:
    """A key ring of one key for each space."""

    def current_key(self, space):
        return space.value.encode().ljust(16, b"."), space.value.encode().ljust(32, b"k")

    def key(self, key_id):
        return key_id.rstrip(b".").ljust(32, b"k")


def make_store(root, *, reserve_bytes=0):
    return LocalObjects(root, keyring=FixedKeys(), reserve_bytes=reserve_bytes)


def put(store, object_id=ID, content=CONTENT, space=Space.ORIGINALS, **about):
    return store.write(space, object_id, [content], about=about)


def read(store, object_id=ID, space=Space.ORIGINALS):
    with store.open(space, object_id) as stream:
        return stream.read()


def files_in(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def is_nothing_there(store, root):
    return files_in(root) == [] and list(store.walk(Space.ORIGINALS)) == []


def path_of(root, object_id=ID):
    return str(root / "originals" / object_id[:2] / object_id)
