"""Pixel data as they count in a canonical digest: samples, or compressed bytes where the compression is lossy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np

from cauce.core.errors import Refused, Undecodable
from cauce.stages.validate.canonical_values import little_endian_chunks
from cauce.stages.validate.dictionary import WORD_BYTES
from cauce.stages.validate.frames import Fragments, PixelDescription
from cauce.stages.validate.reader import ForwardReader

LOSSLESS: Final = frozenset(
    {"1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"}
    | {f"1.2.840.10008.1.2.4.{tail}" for tail in (57, 58, 65, 66, 70, 80, 90, 92, 110, 201, 202)}
)
"""Transfer syntaxes that encapsulate pixels without loss: uncompressed, RLE, deflated, and JPEG's lossless families."""

_SAMPLES: Final = b"P"
_COMPRESSED: Final = b"C"
_PLANAR: Final = b"planar"
_ZEROS: Final = bytes(1 << 16)
_PLANES_MAX: Final = 4
_SAMPLE_BITS: Final = frozenset({8, 16, 32, 64})


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelDigest:
    """The digest of one pixel data element; `is_sampled` says whether it is of samples, or of compressed bytes."""

    sha256: bytes
    is_sampled: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelElement:
    """One pixel data element: native at (offset, length), or its fragments."""

    tag: int
    vr: str
    big: bool
    offset: int = 0
    length: int = 0
    fragments: Fragments | None = None


def pixel_digest(
    element: PixelElement,
    reader: ForwardReader,
    *,
    pixels: PixelDescription,
    is_planar: bool,
    decode: Callable[[], Iterable[bytes]] | None,
) -> PixelDigest:
    """Return the digest of one pixel data element, read through a fresh `reader`.

    Raises:
        Refused: `truncated`.
    """
    if element.fragments is None:
        chunks = reader.stream(element.offset, element.length)
        words = little_endian_chunks(chunks, word_bytes=WORD_BYTES.get(element.vr, 1) if element.big else 1)
        samples = _Samples(pixels, length=element.length, is_planar=is_planar)
        return PixelDigest(sha256=_samples_digest(words, samples), is_sampled=True)
    if decode is not None:
        samples = _Samples(pixels, length=None, is_planar=False)
        try:
            return PixelDigest(sha256=_samples_digest(decode(), samples), is_sampled=True)
        except (Refused, Undecodable):
            pass  # the compressed bytes stand for the pixels
    compressed = UnpaddedHash()
    for offset, length in element.fragments.pairs():
        for chunk in reader.stream(offset, length):
            compressed.update(chunk)
        if length & 1:
            compressed.update(b"\0")
    return PixelDigest(sha256=compressed_digest(compressed), is_sampled=False)


def compressed_digest(fragments: "UnpaddedHash") -> bytes:
    """Return the digest of compressed bytes."""
    return sha256(_COMPRESSED + fragments.digest()).digest()


class UnpaddedHash:
    """A hash that leaves out the zeros at the end; `is_empty` says that it has seen nothing else."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._hash = sha256()
        self._zeros = 0
        self.is_empty = True

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        kept = chunk.rstrip(b"\0")
        if not kept:
            self._zeros += len(chunk)
            return
        self.is_empty = False
        while self._zeros:
            count = min(self._zeros, len(_ZEROS))
            self._hash.update(_ZEROS[:count])
            self._zeros -= count
        self._hash.update(kept)
        self._zeros = len(chunk) - len(kept)

    def digest(self) -> bytes:
        """Return the SHA-256 so far."""
        return self._hash.digest()


class _Samples:
    """Hashes native samples plane by plane, so that it does not matter how colour is laid out (PS3.3 C.7.6.3.1.3)."""

    def __init__(self, pixels: PixelDescription, *, length: int | None, is_planar: bool) -> None:
        full = pixels.expected_bytes(is_subsampled=False)
        is_subsampled = length is not None and "422" in pixels.photometric_interpretation and length < (full or 0)
        self.expected_bytes = pixels.expected_bytes(is_subsampled=is_subsampled)
        count, bits = pixels.samples_per_pixel, pixels.bits_allocated or 0
        is_split = bool(full) and not is_subsampled and 1 < count <= _PLANES_MAX and bits in _SAMPLE_BITS
        self._hashes = [sha256() for _ in range(count if is_split else 1)]
        self._sample_bytes = bits // 8
        self._plane_bytes = (pixels.frame_bits or 0) // 8 // count
        self._is_planar = is_planar and count > 1
        self._position = 0
        self._rest = b""

    def update(self, chunk: bytes) -> None:
        if len(self._hashes) == 1:
            self._hashes[0].update(chunk)
        elif self._is_planar:
            self._update_planes(chunk)
        else:
            self._update_pixels(chunk)

    def _update_planes(self, chunk: bytes) -> None:
        start = 0
        while start < len(chunk):
            plane, inside = divmod(self._position, self._plane_bytes)
            count = min(len(chunk) - start, self._plane_bytes - inside)
            self._hashes[plane % len(self._hashes)].update(chunk[start : start + count])
            self._position += count
            start += count

    def _update_pixels(self, chunk: bytes) -> None:
        chunk = self._rest + chunk
        pixel_bytes = self._sample_bytes * len(self._hashes)
        cut = len(chunk) - len(chunk) % pixel_bytes
        self._rest = chunk[cut:]
        samples = np.frombuffer(chunk, np.uint8, count=cut).reshape(-1, len(self._hashes), self._sample_bytes)
        for i, plane in enumerate(self._hashes):
            plane.update(samples[:, i].tobytes())

    def digest(self) -> bytes:
        self._hashes[0].update(self._rest)
        if len(self._hashes) == 1 and self._is_planar:
            self._hashes[0].update(_PLANAR)
        return b"".join([plane.digest() for plane in self._hashes])


def _samples_digest(chunks: Iterable[bytes], samples: _Samples) -> bytes:
    """Digest samples; a byte that makes the length even, and zeros behind the last frame, do not count."""
    expected = samples.expected_bytes
    surplus = UnpaddedHash()
    position = 0
    for chunk in chunks:
        room = len(chunk) if expected is None else max(0, expected - position)
        samples.update(chunk[:room])
        if room < len(chunk) and expected is not None:
            is_padding = expected & 1 and position + room == expected
            surplus.update(chunk[room + is_padding :])
        position += len(chunk)
    if expected is None and position & 1:
        samples.update(b"\0")
    return sha256(_SAMPLES + samples.digest() + (b"" if surplus.is_empty else surplus.digest())).digest()
