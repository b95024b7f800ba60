"""Bytes in the pixel data element that belong to no frame: found before anything is written, and blanked in place.

Frames themselves are not decoded, and stay bit for bit. Of pixel data of any length a window is in memory at a time.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from cauce.core import transfer_syntaxes as ts
from cauce.core.limits import MIB
from cauce.stages.deidentify.codestreams import beside_the_image
from cauce.stages.deidentify.fragments import Edit, Fragments, Joined, Source, UnexplainedError, copied, zeros
from cauce.stages.deidentify.rewriting import Span
from cauce.stages.deidentify.run_lengths import beside_the_runs

MORE: Final = "Its pixel data holds more than its frames."
"""Why an instance is held whose pixel data cannot be told apart into frames and what lies beside them."""

_SAMPLES: Final = 0x00280002
_BYTE, _COLOURS = 8, 3
_NOT_ZERO = re.compile(rb"[^\0]")
_SUBSAMPLED = frozenset({b"YBR_FULL_422", b"YBR_PARTIAL_422"})
_VIDEO = frozenset(syntax.uid for syntax in ts.TRANSFER_SYNTAXES if syntax.pixels is ts.Pixels.VIDEO)
_COMPRESSED = frozenset(syntax.uid for syntax in ts.TRANSFER_SYNTAXES if syntax.pixels is not ts.Pixels.NATIVE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How many pixels there are: `frame_bits` is 0 where it is not said, `frames` where what is said is no number."""

    frame_bits: int
    frames: int
    samples: int
    bits: int
    is_subsampled: bool

    @classmethod
    def of(cls, noted: Mapping[int, bytes], *, is_floating: bool, little: bool) -> Self:
        """Read it from the values that the walker noted; `is_floating` says that pixels are floating point numbers."""
        samples, rows, columns, bits = (
            int.from_bytes(raw, "little" if little else "big") if len(raw) == 2 else 0  # noqa: PLR2004
            for raw in (noted.get(tag, b"") for tag in (_SAMPLES, 0x00280010, 0x00280011, 0x00280100))
        )
        samples = samples or int(_SAMPLES not in noted)
        bits = bits or (32 if is_floating else 0)
        said = noted.get(0x00280008, b"").strip(b" \0")
        frames = int(said) if said.isdigit() and len(said) < 12 else int(not said)  # noqa: PLR2004
        photometric = noted.get(0x00280004, b"").strip(b" \0").upper()
        return cls(
            frame_bits=rows * columns * samples * bits,
            frames=frames or int(said.strip(b"0") == b""),
            samples=samples,
            bits=bits,
            is_subsampled=photometric in _SUBSAMPLED and samples == _COLOURS,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Pixels:
    """Where the value of the pixel data element lies; `tables` are the extended offset tables before it, by tag."""

    span: Span
    is_encapsulated: bool
    tables: Mapping[int, Span]


class BesideFrames:
    """What lies in the pixel data besides its frames. `held` says why that cannot be told, "" when it can."""

    def __init__(self, source: Source, pixels: Pixels, layout: Layout, *, transfer_syntax_uid: str) -> None:
        """Look through it; frames are passed over."""
        self._source, self._pixels, self._layout = source, pixels, layout
        self._span, self._syntax = pixels.span, transfer_syntax_uid
        self.held = ""
        self.count = 0
        try:
            self.count = sum(1 for _ in self._edits())
        except UnexplainedError:
            self.held = MORE

    def chunks(self) -> Iterator[bytes]:
        """Yield the pixel data, with zeros for what lies beside its frames."""
        position = self._span.offset
        for offset, length, value in self._edits() if self.count else ():
            yield from copied(self._source, position, offset)
            yield from zeros(length) if value is None else (value,)
            position = offset + length
        yield from copied(self._source, position, self._span.offset + self._span.length)

    def _edits(self) -> Iterator[Edit]:
        """Yield what changes, in the order in which it lies in the file."""
        return self._of_fragments() if self._pixels.is_encapsulated else self._of_native()

    def _of_native(self) -> Iterator[Edit]:
        layout, length = self._layout, self._span.length
        if self._syntax in _COMPRESSED:
            raise UnexplainedError("Compressed pixels are not encapsulated.")
        if not layout.frame_bits or not layout.frames:
            raise UnexplainedError("It does not say how many pixels there are.")
        bits = layout.frame_bits * layout.frames
        if layout.is_subsampled and length * _BYTE < bits:
            bits = bits * 2 // 3
        used = -(-bits // _BYTE)
        used += used & 1  # what pads words of big endian pixels lies before the last of them
        if used < length and Joined(self._source, [(self._span.offset, length)]).find(_NOT_ZERO, used) >= 0:
            yield self._span.offset + used, length - used, None

    def _of_fragments(self) -> Iterator[Edit]:
        fragments = Fragments(self._source, self._span.offset, self._span.length)
        is_video = self._syntax in _VIDEO
        if not self._layout.frames and not is_video:
            raise UnexplainedError("It does not say how many frames there are.")
        tables = [self._table(tag) for tag in (0x7FE00001, 0x7FE00002)]
        firsts = range(min(len(fragments), 1)) if is_video else fragments.firsts(self._layout.frames, tables[0])
        if tables != [(), ()] and not fragments.fits(firsts, *tables):
            raise UnexplainedError("Its extended offset table does not fit its frames.")
        yield from fragments.before(firsts)
        for number in range(0 if is_video else len(firsts)):
            frame = fragments.joined(firsts, number)
            for position, length, value in self._of_frame(frame):
                if value is not None:
                    yield from _replaced(frame, position, value)
                    continue
                for offset, count in frame.places(position, length):
                    yield offset, count, None
        yield from fragments.behind()

    def _table(self, tag: int) -> Sequence[int]:
        """Return an extended offset table, or that of its lengths."""
        span = self._pixels.tables.get(tag)
        if span is None or not span.length:
            return ()
        if span.length != 8 * self._layout.frames:
            raise UnexplainedError("Its extended offset table does not fit its frames.")
        self._source.seek(span.offset)
        return struct.unpack(f"<{self._layout.frames}Q", self._source.read(span.length))

    def _of_frame(self, frame: Joined) -> Iterator[Edit]:
        layout = self._layout
        if self._syntax == ts.RLE:
            if not layout.frame_bits:
                raise UnexplainedError("It does not say how many pixels there are.")
            width = max(layout.bits // _BYTE, 1)
            segment_bytes = -(-layout.frame_bits // (_BYTE * layout.samples * width))
            return beside_the_runs(frame, segments=layout.samples * width, segment_bytes=segment_bytes)
        if self._syntax == ts.ENCAPSULATED:
            return _behind(frame, -(-layout.frame_bits // _BYTE))
        if self._syntax == ts.DEFLATED_FRAMES:
            return _behind(frame, _inflated_end(frame))
        return beside_the_image(frame)


def _replaced(frame: Joined, position: int, value: bytes) -> Iterator[Edit]:
    for offset, count in frame.places(position, len(value)):
        yield offset, count, value[:count]
        value = value[count:]


def _behind(frame: Joined, used: int) -> Iterator[Edit]:
    if used < frame.length and frame.find(_NOT_ZERO, used) >= 0:
        yield used, frame.length - used, None


def _inflated_end(frame: Joined) -> int:
    """Return where a deflated frame ends."""
    inflater, position = zlib.decompressobj(-zlib.MAX_WBITS), 0
    try:
        while not inflater.eof and position < frame.length:
            piece = frame.at(position, 64 * 1024)
            position += len(piece)
            while piece and not inflater.eof:
                inflater.decompress(piece, MIB)
                piece = inflater.unconsumed_tail
    except zlib.error as error:
        raise UnexplainedError("A deflated frame is damaged.") from error
    return position - len(inflater.unused_data)
