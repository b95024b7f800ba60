"""Encryption format v1: how one object lies on disk (docs/decisions/0002-encryption-format-v1.md).

A header (magic, version, key id, wrapped data key), an encrypted `about` section, then AES-256-GCM chunks of 256 KiB
whose nonces carry a counter and a last flag (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizar, 2015).
Any size streams in bounded memory; a range is read without the rest; what was altered, cut, reordered or put in
another object's place does not decrypt.
"""

import io
import json
import secrets
import struct
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, Protocol, Self, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cauce.core.errors import IntegrityError, InvalidRequest
from cauce.core.identifiers import ObjectId
from cauce.core.statuses import Space

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAGIC: Final = b"CAUCEOBJ"
VERSION: Final = 1
CHUNK_BYTES: Final = 256 * 1024
ABOUT_BYTES_MAX: Final = 64 * 1024
KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 16

_TAG_BYTES = 16
_WRAP_NONCE_BYTES = 12
_PREFIX_BYTES = 7
_CHUNKS_MAX = 2**32
# Magic, version, zero, chunk size, key id | nonce of the wrapped key, wrapped key, nonce prefix, zero, length of about.
_FIXED = struct.Struct(">8sHHI16s12s48s7sxI")
_BEFORE_WRAPPED_KEY = struct.calcsize(">8sHHI16s")
_FIRST_READ_BYTES = 4096
_CHUNKS_CACHED = 4
# The last byte of every nonce says what the bytes are, so that none passes for another.
_MORE, _LAST, _ABOUT = 0, 1, 2
_NOT_WHAT_WAS_WRITTEN = "A stored object is not what was written: altered, cut or reordered."
# Buffers that streams and readers leave to the next: fresh memory of this size costs more, page by page, than the
# cipher. At most 8 MiB a process.
_BUFFERS: deque[bytearray] = deque(maxlen=32)


class RangeSource(Protocol):
    """Stored bytes that can be read by range: a file, or an object behind HTTP range requests."""

    @property
    def size(self) -> int:
        """Length of the stored bytes."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, or fewer where the stored bytes end before."""

    def close(self) -> None:
        """Let go of what is behind; a second call is no error."""


class EncryptingStream(Iterator[bytes]):
    """Turn plain parts of any sizes into the stored form of one object, piece by piece.

    An iterator that can be run once, because its data key must never meet a second plain text. It holds at most one
    chunk. `size_bytes` is the length of the plain bytes taken so far, and of the whole object at the end.
    Whatever the plain parts raise passes through.

    Raises:
        InvalidRequest: `about` is no mapping of text to text, or longer than 64 KiB; the object passes 1 PiB.
    """

    def __init__(
        self,
        parts: Iterable[bytes],
        *,
        space: Space,
        object_id: ObjectId,
        epoch_key: tuple[bytes, bytes],
        about: Mapping[str, str],
    ) -> None:
        """`epoch_key` is the pair that `KeyRing.current_key` returns: key id and key."""
        self.size_bytes = 0
        data_key = secrets.token_bytes(KEY_BYTES)
        self._cipher = AESGCM(data_key)
        self._prefix = secrets.token_bytes(_PREFIX_BYTES)
        about_plain = _encode_about(about)
        key_id, key = epoch_key
        wrap_nonce = secrets.token_bytes(_WRAP_NONCE_BYTES)
        start = struct.pack(">8sHHI16s", MAGIC, VERSION, 0, CHUNK_BYTES, key_id)
        place = _place(space, object_id)
        wrapped = AESGCM(key).encrypt(wrap_nonce, data_key, start + place)
        fixed = start + struct.pack(">12s48s7sxI", wrap_nonce, wrapped, self._prefix, len(about_plain) + _TAG_BYTES)
        self._bound = fixed + place
        self._header = fixed + self._cipher.encrypt(_nonce(self._prefix, 0, _ABOUT), about_plain, self._bound)
        self._pieces = self._run(parts)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        return bytes(next(self._pieces))

    def borrowed(self) -> Iterator[memoryview]:
        """Return the same pieces without a copy of each: one is good only until the next is asked for."""
        return self._pieces

    def _run(self, parts: Iterable[bytes]) -> Iterator[memoryview]:
        yield memoryview(self._header)
        plain, sealed = _borrow(CHUNK_BYTES), _borrow(CHUNK_BYTES + _TAG_BYTES)
        try:
            for counter, (chunk, is_last) in enumerate(_chunks(parts, buffer=plain)):
                if counter >= _CHUNKS_MAX:
                    raise InvalidRequest("The object is longer than the encryption format can hold (1 PiB).")
                self.size_bytes += len(chunk)
                nonce = _nonce(self._prefix, counter, _LAST if is_last else _MORE)
                piece = sealed[: len(chunk) + _TAG_BYTES]
                self._cipher.encrypt_into(nonce, chunk, self._bound, piece)
                yield piece
        finally:
            _give_back(plain)
            _give_back(sealed)


class DecryptingReader(io.RawIOBase):
    """The plain bytes of one stored object: a seekable binary stream that decrypts only the chunks it is asked for.

    Reads are never short except at the end. The length of the object is told, and an end of file reported, only after
    the last chunk has proven that nothing was cut off. A reader belongs to one thread at a time. Closing it closes
    the source.
    """

    def __init__(
        self, source: RangeSource, *, space: Space, object_id: ObjectId, key: Callable[[bytes], bytes]
    ) -> None:
        """Check header and about section; `key` finds an epoch key by its id (`KeyRing.key`).

        Raises:
            IntegrityError: this is not what was written for this space and object id, or the key is not at hand.
        """
        super().__init__()
        self._source = source
        self._position = 0
        self._cache: OrderedDict[int, memoryview] = OrderedDict()
        first = source.read_at(0, _FIRST_READ_BYTES)
        fixed, prefix, about_bytes = self._open_key(first, place=_place(space, object_id), key=key)
        self._prefix = prefix
        self._bound = fixed + _place(space, object_id)
        self._body_offset = _FIXED.size + about_bytes
        self._size, self._chunks = _plain_layout(source.size - self._body_offset)
        self._proven = False
        about = first[_FIXED.size : self._body_offset]
        if len(about) < about_bytes:
            about = source.read_at(_FIXED.size, about_bytes)
        try:
            about = self._cipher.decrypt(_nonce(prefix, 0, _ABOUT), about, self._bound)
        except InvalidTag as error:
            raise IntegrityError(_NOT_WHAT_WAS_WRITTEN) from error
        self.about: Mapping[str, str] = _decode_about(about)

    def _open_key(self, first: bytes, *, place: bytes, key: Callable[[bytes], bytes]) -> tuple[bytes, bytes, int]:
        """Parse the fixed header and set the cipher; return (fixed header, nonce prefix, length of about)."""
        if len(first) < _FIXED.size:
            raise IntegrityError("A stored object is cut off within its header.")
        fixed = first[: _FIXED.size]
        magic, version, _, chunk, key_id, wrap_nonce, wrapped, prefix, about_bytes = _FIXED.unpack(fixed)
        if magic != MAGIC:
            raise IntegrityError("A stored object does not begin as one.")
        if version != VERSION or chunk != CHUNK_BYTES:
            raise IntegrityError("A stored object is of a format version that this program does not know.")
        if not _TAG_BYTES <= about_bytes <= ABOUT_BYTES_MAX + _TAG_BYTES:
            raise IntegrityError("A stored object's header is damaged.")
        try:
            data_key = AESGCM(key(key_id)).decrypt(wrap_nonce, wrapped, fixed[:_BEFORE_WRAPPED_KEY] + place)
        except InvalidTag as error:
            raise IntegrityError("A stored object's key does not open: altered, or not this object.") from error
        self._cipher = AESGCM(data_key)
        return fixed, prefix, about_bytes

    @property
    def size_bytes(self) -> int:
        """Length of the plain bytes.

        Raises:
            IntegrityError: the stored bytes are not whole.
        """
        self._prove_end()
        return self._size

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in plain bytes."""
        self._check_open()
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the position; it may lie beyond the end, where nothing is read.

        Raises:
            IntegrityError: the end is asked for and the stored bytes are not whole.
            ValueError: the position would be negative, or the reader is closed (as every file of Python's).
        """
        self._check_open()
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            offset += self.size_bytes
        elif whence != io.SEEK_SET:
            raise ValueError("whence must be 0, 1 or 2")
        if offset < 0:
            raise ValueError("negative position")
        self._position = offset
        return offset

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes, fewer only at the end; all that is left when `size` is negative or None.

        Raises:
            IntegrityError: the stored bytes are not what was written.
        """
        self._check_open()
        index, start = divmod(self._position, CHUNK_BYTES)
        plain = self._cache.get(index)
        if plain is not None and size is not None and 0 <= size <= len(plain) - start:
            self._position += size
            return bytes(plain[start : start + size])
        if size is None or size < 0:
            size = max(0, self.size_bytes - self._position)
        # A BytesIO gives its own bytes away without a copy.
        target = io.BytesIO(bytes(max(0, min(size, self._size - self._position))))
        with target.getbuffer() as view:
            self._fill(view)
        if len(view_size := target.getvalue()) < size:
            self._prove_end()
        return view_size

    def readall(self) -> bytes:
        """Return everything from the position to the end, as `read` does."""
        return self.read(-1)

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill `buffer` from the position; return the number of bytes, fewer than its length only at the end.

        Raises:
            IntegrityError: the stored bytes are not what was written.
        """
        self._check_open()
        target = memoryview(buffer).cast("B")
        wanted = max(0, min(len(target), self._size - self._position))
        if wanted < len(target):
            self._prove_end()
        self._fill(target[:wanted])
        return wanted

    def close(self) -> None:
        """Forget what was decrypted and close the source."""
        if not self.closed:
            while self._cache:
                _give_back(self._cache.popitem()[1])
            self._source.close()
        super().close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def _fill(self, target: memoryview) -> None:
        """Fill `target`, which does not reach beyond the end, from the position."""
        done = 0
        while done < len(target):
            index, start = divmod(self._position, CHUNK_BYTES)
            here = min(len(target) - done, CHUNK_BYTES - start)
            if here == self._length(index) and index not in self._cache:
                self._decrypt_chunk(index, target[done : done + here])
            else:
                target[done : done + here] = self._chunk(index)[start : start + here]
            done += here
            self._position += here

    def _prove_end(self) -> None:
        if not self._proven:
            self._chunk(self._chunks - 1)

    def _length(self, index: int) -> int:
        """Return the length of chunk `index` in plain."""
        return min(CHUNK_BYTES, self._size - index * CHUNK_BYTES)

    def _chunk(self, index: int) -> memoryview:
        """Return chunk `index` in plain, from the cache or decrypted; it is good until the next is asked for."""
        plain = self._cache.get(index)
        if plain is None:
            if len(self._cache) >= _CHUNKS_CACHED:
                _give_back(self._cache.popitem(last=False)[1])
            plain = _borrow(self._length(index))
            self._decrypt_chunk(index, plain)
            self._cache[index] = plain
        else:
            self._cache.move_to_end(index)
        return plain

    def _decrypt_chunk(self, index: int, target: memoryview) -> None:
        """Decrypt chunk `index` into `target`, which has its length."""
        is_last = index == self._chunks - 1
        offset = self._body_offset + index * (CHUNK_BYTES + _TAG_BYTES)
        stored = self._source.read_at(offset, len(target) + _TAG_BYTES)
        if len(stored) != len(target) + _TAG_BYTES:
            raise IntegrityError("A stored object was cut off while it was read.")
        try:
            self._cipher.decrypt_into(
                _nonce(self._prefix, index, _LAST if is_last else _MORE), stored, self._bound, target
            )
        except InvalidTag as error:
            target[:] = bytes(len(target))  # nothing unproven is left behind
            raise IntegrityError(_NOT_WHAT_WAS_WRITTEN) from error
        self._proven = self._proven or is_last


def _chunks(parts: Iterable[bytes], *, buffer: memoryview) -> Iterator[tuple[memoryview, bool]]:
    """Cut `parts` into (chunk, is last): all of 256 KiB but the last, which is empty only when everything is.

    What does not fill a chunk is gathered in `buffer`, which holds one.
    """
    filled = 0
    for part in parts:
        view = memoryview(part).cast("B")
        while filled + len(view) > CHUNK_BYTES:
            taken = CHUNK_BYTES - filled
            if filled:
                buffer[filled:] = view[:taken]
            yield (buffer if filled else view[:taken]), False
            view = view[taken:]
            filled = 0
        buffer[filled : filled + len(view)] = view
        filled += len(view)
    yield buffer[:filled], True


def _borrow(length: int) -> memoryview:
    """Return writable memory of this length, which holds anything."""
    try:
        buffer = _BUFFERS.pop()
    except IndexError:
        buffer = bytearray(CHUNK_BYTES + _TAG_BYTES)
    return memoryview(buffer)[:length]


def _give_back(memory: memoryview) -> None:
    """Leave what `_borrow` gave to the next; whoever gives it back looks at it no more."""
    if isinstance(memory.obj, bytearray):
        _BUFFERS.append(memory.obj)


def _place(space: Space, object_id: ObjectId) -> bytes:
    """Return what binds an object to its place: bytes that open under another name or space are not its own."""
    return f"{space.value}/{object_id}".encode()


def _nonce(prefix: bytes, counter: int, kind: int) -> bytes:
    return prefix + struct.pack(">IB", counter, kind)


def _plain_layout(body_bytes: int) -> tuple[int, int]:
    """Return (plain length, number of chunks) of a body; every object has at least one chunk."""
    whole, rest = divmod(body_bytes, CHUNK_BYTES + _TAG_BYTES)
    if body_bytes < _TAG_BYTES or (whole and 0 < rest <= _TAG_BYTES) or whole > _CHUNKS_MAX:
        raise IntegrityError("A stored object is cut off.")
    chunks = whole + (1 if rest else 0)
    return body_bytes - chunks * _TAG_BYTES, chunks


def _encode_about(about: Mapping[str, str]) -> bytes:
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in about.items()):
        raise InvalidRequest("What is kept about an object must be text by name.", field="about")
    # File names of old systems may hold bytes that are no Unicode (lone surrogates): they come back as they were.
    encoded = json.dumps(dict(about), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if len(encoded) > ABOUT_BYTES_MAX:
        raise InvalidRequest("What is kept about an object is longer than 64 KiB.", field="about")
    return encoded


def _decode_about(encoded: bytes) -> Mapping[str, str]:
    # Authenticated: these are the very bytes that `_encode_about` made.
    return cast("dict[str, str]", json.loads(encoded.decode("utf-8", "surrogatepass")))
