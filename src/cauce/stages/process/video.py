"""Video in DICOM (MPEG-2, H.264, H.265): one stream over all fragments, read in order by OpenCV's FFmpeg.

FFmpeg reads through a small file object over the fragments, so nothing is copied to disk.
"""

import io
import os
from bisect import bisect_right
from functools import cache
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from cauce.core.errors import Undecodable
from cauce.stages.process.fragments import Span
from cauce.stages.process.layout import PixelLayout

VIDEO_SYNTAXES = {f"1.2.840.10008.1.2.4.{n}" for n in ("100", "101", *range(102, 109), "100.1", "101.1")} | {
    f"1.2.840.10008.1.2.4.{n}.1" for n in range(102, 107)
}

_STARTS = (b"\x47", b"\0\0\x01", b"\0\0\0\x01")
"""Transport stream; program or elementary stream; H.264 or H.265 with a long start code. MP4 says `ftyp` at byte 4.

FFmpeg also knows playlists, which name further files to be read; what begins otherwise never gets there.
"""

_AV_LOG_QUIET = -8


class FragmentStream(io.BufferedIOBase):
    """The fragments of a video as one seekable file."""

    def __init__(self, stream: BinaryIO, spans: list[Span]) -> None:
        """`spans` lie in `stream`, in order."""
        self._stream = stream
        self._spans = spans
        self._starts = [0]
        for _, length in spans:
            self._starts.append(self._starts[-1] + length)
        self._position = 0

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def seekable(self) -> bool:
        """Return that this can be positioned."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._starts[-1]}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Return up to `size` bytes from the position."""
        end = self._starts[-1] if size is None or size < 0 else min(self._position + size, self._starts[-1])
        parts = []
        while self._position < end:
            index = bisect_right(self._starts, self._position) - 1
            offset, length = self._spans[index]
            within = self._position - self._starts[index]
            count = min(length - within, end - self._position)
            self._stream.seek(offset + within)
            part = self._stream.read(count)
            if not part:
                break
            parts.append(part)
            self._position += len(part)
        return b"".join(parts)


class VideoFrames:
    """Frames of one video; reading in order is fast, going back starts again from the beginning."""

    def __init__(self, stream: BinaryIO, spans: list[Span], layout: PixelLayout) -> None:
        """Nothing is decoded before the first `read`."""
        self._file = FragmentStream(stream, spans)
        self._layout = layout
        self._capture: Any = None
        self._next = 0

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return frame `index` as (rows, columns, 3) red, green, blue, or its luminance for a grey object.

        Raises:
            Undecodable: the stream is damaged, ends early, or has other dimensions than the data set.
        """
        try:
            if self._capture is None or index < self._next:
                self._open()
            while self._next < index:
                if not self._capture.grab():
                    raise self._undecodable("the video ends before this frame")
                self._next += 1
            fine, image = self._capture.read()
        except cv2.error as error:
            raise self._undecodable("the video is damaged") from error
        self._next += 1
        if not fine:
            raise self._undecodable("the video ends before this frame")
        if image.shape[:2] != (self._layout.rows, self._layout.columns):
            raise self._undecodable("the video has other dimensions than the data set says")
        grey = self._layout.samples == 1
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY if grey else cv2.COLOR_BGR2RGB), np.uint8)

    def _open(self) -> None:
        self._file.seek(0)
        head = self._file.read(8)
        if not head.startswith(_STARTS) and head[4:] != b"ftyp":
            raise self._undecodable("the video stream is not recognised")
        self._file.seek(0)
        _silence()
        source: Any = self._file  # any Python file will do, whatever the stubs of OpenCV say
        capture: Any = cv2.VideoCapture(source, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        if not capture.isOpened():
            raise self._undecodable("the video stream is not recognised")
        size = (capture.get(cv2.CAP_PROP_FRAME_HEIGHT), capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        if size != (self._layout.rows, self._layout.columns):
            raise self._undecodable("the video has other dimensions than the data set says")
        self._capture, self._next = capture, 0

    def _undecodable(self, detail: str) -> Undecodable:
        return Undecodable(detail, transfer_syntax_uid=self._layout.transfer_syntax_uid)


@cache
def _silence() -> None:
    """Keep FFmpeg and OpenCV from writing to standard error, which they do for every damaged packet."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", str(_AV_LOG_QUIET))
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
