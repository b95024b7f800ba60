"""The frames of one object as pictures for a reader of text, and the way back with boxes of them painted over.

What lies outside of the boxes stays as it was decoded: frames go back into their own transfer syntax, or into JPEG
2000 without loss where that one has no encoder that loses nothing.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cauce.core import transfer_syntaxes as ts
from cauce.core.errors import NoCodec, Undecodable
from cauce.core.limits import DEFAULTS, Limits
from cauce.core.transcoding import Edits
from cauce.stages.process.encoders import encodes
from cauce.stages.process.histogram import histogram
from cauce.stages.process.layout import PixelLayout
from cauce.stages.process.reader import Frame, FrameReader, frames
from cauce.stages.process.recoding import FrameRecoder
from cauce.stages.process.render import pictured

Box = tuple[int, int, int, int]
"""x, y, width, height in pixels."""

_ALIKE: Final = 6.0
"""Two pictures of a frame that differ by less on the average show the same."""
_COMPARED_MAX: Final = 1_000_000
_BYTE: Final = 8
_BUFFER_BYTES: Final = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Repainted:
    """The new pixel data: its transfer syntax, what the data set then says, and the bytes of the element.

    Encapsulated pixels end with their delimiter; native ones have `length` bytes.
    """

    transfer_syntax_uid: str
    edits: Edits
    length: int | None
    chunks: Iterable[bytes]


def repaintable(source: BinaryIO, *, limits: Limits = DEFAULTS) -> "Repaintable":
    """Open an object whose frames are to be looked at, and perhaps painted over.

    Others may read from `source` in between; it is not closed.

    Raises:
        Refused: the bytes are no DICOM object.
        Undecodable: its pixels cannot be located, or there are none.
    """
    reader = frames(io.BufferedReader(_Borrowed(source), _BUFFER_BYTES), limits=limits)
    if reader.layout is None:
        raise Undecodable("the object has no pixels", transfer_syntax_uid=reader.transfer_syntax_uid)
    return Repaintable(reader, reader.layout, limits)


class Repaintable:
    """The frames of one object; `ds` is its data set up to the pixel data."""

    def __init__(self, reader: FrameReader, layout: PixelLayout, limits: Limits) -> None:
        """See `repaintable`."""
        self._reader, self._layout, self._limits = reader, layout, limits

    @property
    def ds(self) -> Dataset:
        """Return the data set up to the pixel data."""
        return self._reader.ds

    @property
    def rows(self) -> int:
        """Return the height of a frame in pixels."""
        return self._layout.rows

    @property
    def columns(self) -> int:
        """Return the width of a frame in pixels."""
        return self._layout.columns

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._reader)

    def pictures(self, index: int) -> list[NDArray[np.uint8]]:
        """Return frame `index` as it is shown, (rows, columns) or (rows, columns, 3) red, green, blue.

        A second picture stands beside it where the window leaves out what the whole range of values shows.

        Raises:
            Undecodable: the frame is damaged, or no codec knows its transfer syntax.
        """
        shown = pictured(self._reader, index)
        if self._layout.samples > 1 or self._layout.photometric == "PALETTE COLOR" or shown.ndim > 2:  # noqa: PLR2004
            return [shown]
        whole = _whole_range(self._reader.read(index))
        return [shown, whole] if min(_apart(shown, whole), _apart(255 - shown, whole)) > _ALIKE else [shown]

    def repainted(self, boxes: Sequence[Box], *, to: str = "") -> Repainted:
        """Return the pixel data with `boxes` of every frame painted in the darkest colour of the first.

        `to` is the object's own transfer syntax where the caller knows it better than the file meta information.

        Raises:
            NoCodec, Undecodable: pixels of this form cannot be written, or not be decoded.
        """
        to = to or self._reader.transfer_syntax_uid
        if not encodes(to):
            to = ts.JPEG_2000_LOSSLESS
        painted = _PaintedReader(self._reader, boxes, self._darkest())
        recoder = FrameRecoder(painted, to=to, limits=self._limits)
        made = recoder.pixels()
        chunks = made.chunks
        if self._is_swapped(to):
            if self._layout.frame_bits // _BYTE % 2:
                raise NoCodec("words of frames of odd length are not written", transfer_syntax_uid=to)
            chunks = _swapped(chunks)
        return Repainted(transfer_syntax_uid=to, edits=recoder.edits(), length=made.length, chunks=chunks)

    def _is_swapped(self, to: str) -> bool:
        """Tell whether pixels of a byte lie in big endian words (PS3.5 section 8.1.1)."""
        pixel = self._reader._opened.pixel  # noqa: SLF001 - the one thing about pixel data that only its element says
        return to == ts.EXPLICIT_BIG and self._layout.bits_allocated == _BYTE and pixel is not None and pixel.vr == "OW"

    def _darkest(self) -> NDArray[Any]:
        """Return the cell of the first frame that is shown darkest."""
        cells = self._reader.cells(0)
        if cells.ndim == 1:
            dark = 16 if self._layout.photometric.startswith("YBR_PARTIAL") else 0
            return np.array([dark, dark, 128, 128], cells.dtype)
        shown = pictured(self._reader, 0)
        grey = shown if shown.ndim == 2 else shown.max(axis=2)  # noqa: PLR2004 - colour
        darkest: NDArray[Any] = cells[np.unravel_index(int(grey.argmin()), grey.shape)]
        return darkest


class _Borrowed(io.RawIOBase):
    """A file that somebody else reads from as well: every read goes to a position of its own first."""

    def __init__(self, source: BinaryIO) -> None:
        self._source, self._position = source, 0

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def seekable(self) -> bool:
        """Return that this can be positioned."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        if whence == io.SEEK_CUR:
            offset, whence = self._position + offset, io.SEEK_SET
        self._position = self._source.seek(offset, whence)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read up to as many bytes as `buffer` has room for; return how many came."""
        self._source.seek(self._position)
        found = self._source.read(len(buffer))
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)


class _PaintedReader(FrameReader):
    """A reader whose cells are painted over."""

    def __init__(self, reader: FrameReader, boxes: Sequence[Box], colour: NDArray[Any]) -> None:
        self.__dict__.update(reader.__dict__)
        self._boxes, self._colour = boxes, colour

    def cells_as(self, index: int) -> tuple[Frame, str]:
        """Return what the reader does, with the boxes painted."""
        stored, photometric = super().cells_as(index)
        cells = np.array(stored)
        shared = 1
        if cells.ndim == 1 and self.layout is not None:  # two pixels share their chrominance
            shared = 2
            cells = cells.reshape(self.layout.rows, self.layout.columns // shared, 2 * shared)
        for x, y, width, height in self._boxes:
            cells[y : y + height, x // shared : -(-(x + width) // shared)] = self._colour
        return cells.reshape(stored.shape), photometric


def _swapped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        yield np.frombuffer(chunk, np.uint16).byteswap().tobytes()


def _whole_range(stored: Frame) -> NDArray[np.uint8]:
    """Return stored values from the least (black) to the greatest (white)."""
    counted = histogram(stored)
    values = counted.values if counted is not None else np.nan_to_num(stored)
    present = counted.counts > 0 if counted is not None else np.isfinite(stored)
    low, high = (float(values[present].min()), float(values[present].max())) if present.any() else (0.0, 1.0)
    levels = np.clip((values - low) * (255 / max(high - low, 1e-30)), 0, 255).astype(np.uint8)
    return counted.look_up(stored, levels) if counted is not None else levels


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return by how much pictures differ on the average; of large ones not every pixel is compared."""
    step = int((one.size / _COMPARED_MAX) ** 0.5) + 1
    return float(np.abs(one[::step, ::step].astype(np.int16) - other[::step, ::step]).mean())
