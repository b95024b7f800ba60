"""Objects in encryption format v1, in memory."""

import random

from cauce.adapters import encryption_v1
from cauce.adapters.encryption_v1 import CHUNK_BYTES, DecryptingReader, EncryptingStream
from cauce.core.errors import IntegrityError
from cauce.core.statuses import Space

ID = "0123456789abcdef" * 2
OTHER_ID = "f" * 32
EPOCH = (bytes(range(16)), bytes(range(100, 132)))
ABOUT = {"sop_instance_uid": "1.2.3", "name": "Zoë\udcff"}  # a lone surrogate: bytes that were no Unicode
HEADER_BYTES = 104
TAG_BYTES = 16
SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES


class Stored:
    """Stored bytes as a source that remembers which ranges it was asked for."""

    def __init__(self, stored):
        self.stored = bytes(stored)
        self.reads = []
        self.is_closed = False

    @property
    def size(self):
        return len(self.stored)

    def read_at(self, offset, length):
        self.reads.append((offset, length))
        return self.stored[offset : offset + length]

    def close(self):
        self.is_closed = True


def key_of(key_id):
    if key_id != EPOCH[0]:
        raise IntegrityError("no such key")
    return EPOCH[1]


def seal(*parts, object_id=ID, space=Space.ORIGINALS, about=ABOUT, epoch_key=EPOCH):
    return b"".join(EncryptingStream(parts, space=space, object_id=object_id, epoch_key=epoch_key, about=about))


def unseal(stored, *, object_id=ID, space=Space.ORIGINALS, key=key_of):
    source = stored if isinstance(stored, Stored) else Stored(stored)
    return DecryptingReader(source, space=space, object_id=object_id, key=key)


def plain_bytes(length, *, seed=7):
    return random.Random(seed).randbytes(length)


def body_offset(about=ABOUT):
    return HEADER_BYTES + len(encryption_v1._encode_about(about)) + TAG_BYTES


THREE_CHUNKS = plain_bytes(2 * CHUNK_BYTES + 12_345)
SEALED_THREE = seal(THREE_CHUNKS)
SMALL = seal(b"some bytes of an image", about={"sop": "1.2"})
