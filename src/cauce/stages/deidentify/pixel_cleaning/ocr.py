"""Finding and reading text in pictures, with the PP-OCR models that the package `rapidocr` carries (Apache-2.0).

Only its model files are used, by ONNX Runtime, on one thread: nothing is downloaded, and nothing is loaded before the
first picture is looked at. A picture is looked at tile by tile, so that the memory of one look does not grow with it.
"""

import importlib.util
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cauce.core.errors import CauceError
from cauce.stages.deidentify.pixel_cleaning.boxes import TooManyBoxes

Picture = NDArray[np.uint8]

_DETECTOR, _RECOGNISER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OVERLAP = 832, 640, 96
_STEP: Final = 32
"""The detector wants sides that are multiples of this."""
_LIKELY: Final = 0.3
_SURE: Final = 0.6
_LIKELY_ON_AVERAGE: Final = 0.5
_CLOSER: Final = 2.0
_CLOSER_MAX: Final = 64
LINES_MAX: Final = 384
"""A film of a dozen images has fewer lines; more than this are not read one by one."""
_UNREADABLE, _CLOSER_SIDE_MIN, _CLOSER_PIXELS_MAX = 0.6, 18, 60_000
_BLOB_SIDE: Final = 72
"""Text this tall is rare, and a blob this tall may hold smaller text: it is looked at once more, more strictly."""
_SPREAD: Final = 0.8
"""The detector marks the core of a line; the line is this much of the core's height larger on every side."""
_LEVEL: Final = 0.7
"""The core of a level line fills so much of its box; one that fills less may be a line that is not level."""
_LONG, _SLOPE_MIN = 2.0, 8.0
_SIDE_MIN: Final = 3
_LINE_HEIGHT, _LINE_WIDTH_MIN, _LINE_WIDTH_MAX = 48, 48, 960
_UPRIGHT: Final = 1.5
_TRIAL: Final = "TRIAL"


class OcrUnavailable(CauceError):
    """What reads text in pictures is not installed."""

    code = "ocr_unavailable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of text: where it lies (x, y, width, height, in pixels), how sure that it is text, and what it says.

    `said` and its score are empty where it was not read. One that is not level has a `slope` (degrees, downwards to
    the right), and lies along its box: it is `length` by `height` pixels.
    """

    box: tuple[int, int, int, int]
    likely: float
    said: str = ""
    said_likely: float = 0.0
    slope: float = 0.0
    length: float = 0.0
    height: float = 0.0

    @property
    def sides(self) -> tuple[float, float]:
        """Return the shorter and the longer side of the line itself, in pixels."""
        one, other = (self.height, self.length) if self.slope else self.box[2:]
        return min(one, other), max(one, other)


@dataclass(frozen=True, slots=True)
class _Blob:
    """What a heat map marks: x, y, width, height, how sure that is; and its slope, length and height if not level."""

    x: float
    y: float
    width: float
    height: float
    likely: float
    slope: float = 0.0
    sides: tuple[float, float] = (0.0, 0.0)


class TextReader:
    """Looks at pictures. One is enough for a process; any number of threads may use it, one after the other."""

    def __init__(self, detector: Any, recogniser: Any) -> None:
        """Take the two sessions of ONNX Runtime; see `text_reader`."""
        self._detector, self._recogniser = detector, recogniser
        self._signs = ["", *recogniser.get_modelmeta().custom_metadata_map["character"].splitlines(), " "]
        self._turn = threading.Lock()

    def look(self, picture: Picture, *, scale: float = 1.0) -> list[Line]:
        """Return the lines of text in a picture, grey or red, green, blue, looked at `scale` times as large.

        Raises:
            OcrUnavailable: the models do not work.
            TooManyBoxes: there are so many lines that reading them would take long.
        """
        with self._turn:
            lines = _merged(self._found(picture, scale))
            if len(lines) > LINES_MAX:
                raise TooManyBoxes("There are more lines of text in it than are read.")
            found = [self._read(picture, line) for line in lines]
            closer = [line for line in found if _wants_another_look(line)][:_CLOSER_MAX]
            return found + [self._read(picture, inner) for line in closer for inner in self._closer(picture, line)]

    def _closer(self, picture: Picture, line: Line) -> list[Line]:
        """Return what is found in an unreadable place seen larger: mostly lines so close that they looked like one."""
        left, top, width, height = line.box
        found = self._found(picture[top : top + height, left : left + width], _CLOSER)
        return _merged(replace(one, box=(left + one.box[0], top + one.box[1], *one.box[2:])) for one in found)

    def _found(self, picture: Picture, scale: float) -> Iterator[Line]:
        rows, columns = picture.shape[:2]
        size = max(round(columns * scale), _STEP), max(round(rows * scale), _STEP)
        scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        for left, right in _tiles(size[0], _TILE_WIDTH):
            for top, bottom in _tiles(size[1], _TILE_HEIGHT):
                tile = np.asarray(scaled[top:bottom, left:right], np.uint8)
                if int(tile.max()) == int(tile.min()):
                    continue
                for blob in self._blobs(tile):
                    x0, x1 = (left + blob.x) * columns / size[0], (left + blob.x + blob.width) * columns / size[0]
                    y0, y1 = (top + blob.y) * rows / size[1], (top + blob.y + blob.height) * rows / size[1]
                    long, high = (side * columns / size[0] for side in blob.sides)
                    box = _within(x0, y0, x1, y1, columns, rows)
                    yield Line(box=box, likely=blob.likely, slope=blob.slope, length=long, height=high)

    def _blobs(self, tile: Picture) -> Iterator[_Blob]:
        rows, columns = tile.shape[:2]
        padded = np.zeros((-(-rows // _STEP) * _STEP, -(-columns // _STEP) * _STEP, 3), np.uint8)
        padded[:rows, :columns] = tile if tile.ndim == 3 else tile[:, :, None]  # noqa: PLR2004 - colour
        heat = _run(self._detector, padded)[0, 0]
        yield from _components(heat[:rows, :columns], _LIKELY)

    def _read(self, picture: Picture, line: Line) -> Line:
        x, y, width, height = line.box
        crop = picture[y : y + height, x : x + width]
        turns = (1, -1) if height > _UPRIGHT * width else (0,)
        if line.slope:
            crop, turns = _levelled(crop, line), (0, 2)
        readings = [self._said(np.rot90(crop, turn)) for turn in turns]
        said, said_likely = max(readings, key=lambda one: one[1])
        return replace(line, said=said, said_likely=said_likely)

    def _said(self, crop: Picture) -> tuple[str, float]:
        """Return what a level line of text says, and how sure that is."""
        if crop.ndim == 2:  # noqa: PLR2004 - grey
            crop = np.repeat(crop[:, :, None], 3, axis=2)
        width = round(_LINE_HEIGHT * crop.shape[1] / crop.shape[0])
        width = min(max(width, _LINE_WIDTH_MIN), _LINE_WIDTH_MAX)
        scaled = cv2.resize(np.ascontiguousarray(crop), (width, _LINE_HEIGHT), interpolation=cv2.INTER_LINEAR)
        guesses = _run(self._recogniser, np.asarray(scaled, np.uint8))[0]
        chosen, chance = guesses.argmax(axis=1), guesses.max(axis=1)
        keeps = (chosen > 0) & np.concatenate([[True], chosen[1:] != chosen[:-1]])
        if not keeps.any():
            return "", 0.0
        return "".join(self._signs[number] for number in chosen[keeps]), float(chance[keeps].mean())


def _wants_another_look(line: Line) -> bool:
    width, height = line.box[2:]
    is_small = width * height <= _CLOSER_PIXELS_MAX
    return line.said_likely < _UNREADABLE and is_small and min(width, height) >= _CLOSER_SIDE_MIN


def _levelled(crop: Picture, line: Line) -> Picture:
    """Return a line that is not level as one that is."""
    size = max(round(line.length), 1), max(round(line.height), 1)
    rows, columns = crop.shape[:2]
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), line.slope, 1.0)
    turn[:, 2] += (size[0] - columns) / 2, (size[1] - rows) / 2
    return np.asarray(cv2.warpAffine(crop, turn, size), np.uint8)


def _run(session: Any, picture: Picture) -> NDArray[np.float32]:
    try:
        return np.asarray(session.run(None, {"x": _as_input(picture)})[0], np.float32)
    except Exception as error:  # the runtime's own, of many kinds
        raise OcrUnavailable("What reads text in pictures does not work.") from error


def _as_input(picture: Picture) -> NDArray[np.float32]:
    scaled = (picture[:, :, ::-1].astype(np.float32) / np.float32(127.5) - 1).transpose(2, 0, 1)
    return np.ascontiguousarray(scaled[None])


def _tiles(length: int, tile: int) -> Iterator[tuple[int, int]]:
    """Yield from where to where tiles reach along one side; they overlap."""
    if length <= tile:
        yield 0, length
        return
    count = -(-(length - _TILE_OVERLAP) // (tile - _TILE_OVERLAP))
    tile = -(-(length + (count - 1) * _TILE_OVERLAP) // count)
    for number in range(count):
        start = round(number * (length - tile) / (count - 1))
        yield start, start + tile


def _components(heat: NDArray[np.float32], threshold: float) -> Iterator[_Blob]:
    """Yield the lines whose cores a heat map marks."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((heat > threshold).astype(np.uint8))
    for label in range(1, count):
        x, y, width, height, area = (int(number) for number in stats[label])
        if min(width, height) < _SIDE_MIN:
            continue
        inside = heat[y : y + height, x : x + width]
        mine = labels[y : y + height, x : x + width] == label
        if min(width, height) > _BLOB_SIDE and threshold < _SURE:
            for one in _components(np.where(mine, inside, 0), _SURE):
                yield replace(one, x=x + one.x, y=y + one.y)
        spread = min(_SPREAD * min(width, height), _SPREAD * area / max(width, height)) + 1
        likely = float(inside[mine].mean())
        if likely < _LIKELY_ON_AVERAGE:
            continue
        slope, sides = _lie(mine) if area < _LEVEL * width * height else (0.0, (0.0, 0.0))
        yield _Blob(x - spread, y - spread, width + 2 * spread, height + 2 * spread, likely, slope, sides)


def _lie(mine: NDArray[np.bool_]) -> tuple[float, tuple[float, float]]:
    """Return the slope of the core of a line, in degrees, and the length and height of the line; 0 for no line."""
    points = np.argwhere(mine)[:, ::-1].astype(np.float32)
    _, (one, other), slope = cv2.minAreaRect(points)
    if one < other:
        one, other, slope = other, one, slope - 90
    if one < _LONG * max(other, 1) or min(abs(slope) % 90, 90 - abs(slope) % 90) < _SLOPE_MIN:
        return 0.0, (0.0, 0.0)
    return float(slope), (one + 2 * _SPREAD * other, other + 2 * _SPREAD * other)


def _within(x0: float, y0: float, x1: float, y1: float, columns: int, rows: int) -> tuple[int, int, int, int]:
    left, top = min(max(int(np.floor(x0)), 0), columns - 1), min(max(int(np.floor(y0)), 0), rows - 1)
    right, bottom = min(int(np.ceil(x1)), columns), min(int(np.ceil(y1)), rows)
    return left, top, max(right - left, 1), max(bottom - top, 1)


def _merged(lines: Iterator[Line]) -> list[Line]:
    """Return lines without those that lie in others, as where two tiles saw the same one."""
    kept: list[Line] = []
    for line in sorted(lines, key=lambda one: -one.box[2] * one.box[3]):
        if not any(_is_in(line.box, other.box) for other in kept):
            kept.append(line)
    return kept


def _is_in(small: tuple[int, int, int, int], large: tuple[int, int, int, int]) -> bool:
    """Tell whether most of a box lies in another of about its height."""
    width = min(small[0] + small[2], large[0] + large[2]) - max(small[0], large[0])
    height = min(small[1] + small[3], large[1] + large[3]) - max(small[1], large[1])
    covers = max(width, 0) * max(height, 0) >= 0.8 * small[2] * small[3]
    return covers and min(large[2:]) <= 2 * min(small[2:])


@cache
def text_reader() -> TextReader:
    """Return what looks at pictures in this process; the first call loads the models.

    Raises:
        OcrUnavailable: it is not installed.
    """
    found = importlib.util.find_spec("rapidocr")  # found, not imported: importing it would load far more
    if found is None or not found.submodule_search_locations:
        raise OcrUnavailable("What reads text in pictures is not installed.")
    folder = Path(found.submodule_search_locations[0], "models")
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # else it keeps the memory of the largest picture for good
        options.log_severity_level = 4
        sessions = [
            onnxruntime.InferenceSession(folder / name, options, providers=["CPUExecutionProvider"])
            for name in (_DETECTOR, _RECOGNISER)
        ]
        reader = TextReader(*sessions)
        is_right = [line.said for line in reader.look(_trial())] == [_TRIAL]
    except Exception as error:  # ImportError, KeyError of another model, or the runtime's own where one cannot be read
        raise OcrUnavailable("What reads text in pictures cannot be loaded.") from error
    if not is_right:
        raise OcrUnavailable("What reads text in pictures does not read.")
    return reader


def _trial() -> Picture:
    """Return a small picture with which models are tried."""
    picture = np.zeros((_STEP, 4 * _STEP), np.uint8)
    cv2.putText(picture, _TRIAL, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    return picture
