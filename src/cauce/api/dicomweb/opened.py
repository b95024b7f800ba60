"""A stored object opened for its frames: the header is parsed once for all that one answer wants of it."""

from types import TracebackType
from typing import BinaryIO, Final, Self

from cauce import flow
from cauce.api.dicomweb.view import View
from cauce.api.raw.intake import Intake
from cauce.core.errors import Undecodable
from cauce.core.limits import MIB
from cauce.core.messages import FrameIndex
from cauce.core.transfer_syntaxes import JPEG_2000_LOSSLESS, NATIVE
from cauce.ports.served import ServedObject
from cauce.stages.process import FrameReader

_TIMES: Final = 6
"""So many times the size of a frame decoding and encoding it takes."""
_TIMES_COMPRESSED: Final = 3
"""So many times its stored size a compressed frame is taken to have, before it is looked at."""
_TIMES_AS_JPEG_2000: Final = 10
_JPEG_2000_BYTES_MAX: Final = 256 * MIB


class Opened:
    """The frames of one object. Used by one thread at a time, which may wait for the memory; closed by who made it."""

    def __init__(self, intake: Intake, one: ServedObject, index: FrameIndex | None = None) -> None:
        """Nothing is opened yet. With `index`, which tells where its frames lie, they are not looked for again."""
        self._index = index
        self._intake = intake
        self._one = one
        self._source: BinaryIO | None = None
        self._reader: FrameReader | None = None

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def frame(self, number: int, *, to: str) -> bytes:
        """Return a frame (from 0) in the transfer syntax `to`.

        Raises:
            NoCodec, Undecodable, Refused: it cannot be had in `to`, or is damaged.
        """
        reader = self._opened()
        with self._intake.pixels.taken(_TIMES * frame_bytes(reader)):
            return flow.frame_in(reader, number, to=to)

    def picture(self, number: int | None, *, media_type: str, view: View) -> bytes:
        """Return a frame (from 0; `None`: the one that stands for all) as a picture.

        Raises:
            InvalidRequest, NotFound, Undecodable, Refused: it cannot be shown so.
        """
        reader = self._opened()
        is_jpeg_2000 = media_type == "image/jp2"
        needed = (_TIMES_AS_JPEG_2000 if is_jpeg_2000 else _TIMES) * frame_bytes(reader)
        if is_jpeg_2000 and view.viewport is None and needed > _JPEG_2000_BYTES_MAX:
            raise Undecodable("so large a frame is not put into JPEG 2000 here", transfer_syntax_uid=JPEG_2000_LOSSLESS)
        with self._intake.pixels.taken(needed):
            return flow.rendered(
                reader,
                frame=number,
                media_type=media_type,
                window=view.window,
                viewport=view.viewport,
                quality=view.quality,
            )

    def close(self) -> None:
        """Let go of the object."""
        self._reader = None
        if self._source is not None:
            self._source.close()
            self._source = None

    def _opened(self) -> FrameReader:
        if self._reader is None:
            self.close()
            self._source = self._intake.services.objects.open(self._one.space, self._one.object_id)
            self._reader = flow.frames(self._source, limits=self._intake.services.limits, index=self._index)
        return self._reader


def needed_bytes(one: ServedObject) -> int:
    """Return about how much memory the frames of an object take, one at a time, to be decoded and encoded."""
    times = _TIMES if one.transfer_syntax_uid in NATIVE else _TIMES * _TIMES_COMPRESSED
    return times * (one.size_bytes // max(one.number_of_frames, 1))


def frame_bytes(reader: FrameReader) -> int:
    """Return the size of a decoded frame of an opened object."""
    return 0 if reader.layout is None else reader.layout.frame_bits // 8
