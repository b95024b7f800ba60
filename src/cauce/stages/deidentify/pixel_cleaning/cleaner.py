"""Cleaning pixels: look, blank what was found, look again, and hold what still shows text."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cauce.core.errors import CauceError, Refused, Undecodable
from cauce.core.transcoding import Element
from cauce.stages.deidentify.identity import Identity
from cauce.stages.deidentify.needles import Needles, needles_for
from cauce.stages.deidentify.pixel_cleaning.boxes import Box, TooManyBoxes, around, clipped, outside, painted, united
from cauce.stages.deidentify.pixel_cleaning.device_rules import boxes_of_device
from cauce.stages.deidentify.pixel_cleaning.harmless import to_blank
from cauce.stages.deidentify.pixel_cleaning.novelty import Novelty, regular
from cauce.stages.deidentify.pixel_cleaning.ocr import OcrUnavailable, TextReader, text_reader
from cauce.stages.deidentify.pixels import CleanedPixels
from cauce.stages.deidentify.reading import BrokenError

Picture = NDArray[np.uint8]

_LOOKS_MAX: Final = 8
"""Looks at one picture: the last must find nothing."""
_FIRST_SCALE, _SECOND_SCALE = 1.125, 0.8
_PIXELS_FEW, _PIXELS_MANY, _PIXELS_OF_RADIOGRAPHS = 300_000, 4_000_000, 1_500_000
_ENLARGED_MAX: Final = 2.0
_PLACES_MAX: Final = 400
"""So many places are looked at besides the regular frames; an object that changes more often is held."""

_UNDECODABLE = "Its pixels cannot be decoded."
_UNREAD = "What reads text in pictures is not installed, and no rule is known for its device."
_REMAINS = "Text was found in it that could not be blanked."
_RESTLESS = "Its frames differ too much to look at all that is new in them."
_NOT_WRITTEN = "Text was found in it, and pixels of this form cannot be written."
_MANY = "More text was found in it than can be blanked box by box."
_REGIONS: Final = "SequenceOfUltrasoundRegions"
_CORNERS: Final = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")


class Repainted(Protocol):
    """New pixel data; see `stages.process.repainting`."""

    @property
    def transfer_syntax_uid(self) -> str:
        """Return the transfer syntax of the new pixel data."""

    @property
    def edits(self) -> Mapping[int, Element | None]:
        """Return what the data set then says."""

    @property
    def chunks(self) -> Iterable[bytes]:
        """Return the bytes of the element."""


class Frames(Protocol):
    """The frames of one object, and the way back into it; see `stages.process.repainting`."""

    @property
    def ds(self) -> Any:
        """Return the data set up to the pixel data."""

    @property
    def rows(self) -> int:
        """Return the height of a frame in pixels."""

    @property
    def columns(self) -> int:
        """Return the width of a frame in pixels."""

    def __len__(self) -> int:
        """Return the number of frames."""

    def pictures(self, index: int) -> Sequence[Picture]:
        """Return how a frame looks; more than one where a window hides a part of its values.

        Raises:
            Undecodable: the frame is damaged.
        """

    def repainted(self, boxes: Sequence[Box], *, to: str) -> Repainted:
        """Return the pixel data with boxes of every frame painted over.

        Raises:
            NoCodec, Undecodable: pixels of this form cannot be written, or not be decoded.
        """


OpenFrames = Callable[[BinaryIO], Frames]
"""Opens the frames of a Part 10 object. Raises `Refused` or `Undecodable`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextCleaner:
    """Finds text in frames and blanks it: a `PixelCleaner`.

    With `keeps_regions_only`, what lies outside of an ultrasound image's regions is blanked whether text was found
    there or not.
    """

    open_frames: OpenFrames
    reader: Callable[[], TextReader] = text_reader
    keeps_regions_only: bool = False

    def cleaned(
        self, source: BinaryIO, *, transfer_syntax_uid: str, identity: Identity, is_risky: bool
    ) -> CleanedPixels:
        """See `PixelCleaner`."""
        try:
            frames = self.open_frames(source)
        except (Refused, Undecodable):
            return CleanedPixels(held=_UNDECODABLE if is_risky else "")
        look = _Look(frames, needles=_needles(identity), is_risky=is_risky)
        look.boxes += _known(frames, keeps_regions_only=self.keeps_regions_only)
        try:
            if (held := self._looked(look)) != "":
                return CleanedPixels(held=held, looked_at=look.looked_at)
            boxes = united(look.boxes)
        except Undecodable:
            return CleanedPixels(held=_UNDECODABLE if is_risky else "")
        except TooManyBoxes:
            return CleanedPixels(held=_MANY)
        return _written(frames, boxes, to=transfer_syntax_uid, looked_at=look.looked_at)

    def blanked(self, source: BinaryIO, *, transfer_syntax_uid: str, boxes: Sequence[Box]) -> CleanedPixels:
        """See `PixelCleaner`."""
        try:
            frames = self.open_frames(source)
        except (Refused, Undecodable):
            return CleanedPixels(held=_UNDECODABLE)
        inside = [clipped(box, columns=frames.columns, rows=frames.rows) for box in boxes]
        if not all(inside):
            return CleanedPixels(held=_NOT_WRITTEN)
        return _written(frames, tuple(box for box in inside if box), to=transfer_syntax_uid, looked_at=0)

    def _looked(self, look: "_Look") -> str:
        """Look at the frames; return why the object is held, "" when it is not."""
        try:
            reader = self.reader()
        except OcrUnavailable:
            return "" if look.boxes or not look.is_risky else _UNREAD
        return look.at_all(reader)


def _needles(identity: Identity) -> Needles:
    names, values, birth_dates = map(frozenset, (identity.names, identity.values, identity.birth_dates))
    return needles_for(names, values, birth_dates, tuple(sorted(identity.codecs())))


def _known(frames: Frames, *, keeps_regions_only: bool) -> list[Box]:
    """Return what is blanked without a look: by the rules for the device, and outside of ultrasound regions."""
    known = list(boxes_of_device(lambda keyword: _text(frames.ds, keyword)))
    regions = _regions(frames) if keeps_regions_only else []
    if regions:
        known += outside(regions, columns=frames.columns, rows=frames.rows)
    found = (clipped(box, columns=frames.columns, rows=frames.rows) for box in known)
    return [box for box in found if box]


def _regions(frames: Frames) -> list[Box]:
    regions: list[Box] = []
    try:
        for item in frames.ds.get(_REGIONS) or ():
            x0, y0, x1, y1 = (int(item[keyword].value) for keyword in _CORNERS)
            region = clipped((x0, y0, x1 - x0 + 1, y1 - y0 + 1), columns=frames.columns, rows=frames.rows)
            regions += [region] if region else []
    except (KeyError, TypeError, ValueError):
        return []
    return regions


def _text(ds: Any, keyword: str) -> str:
    try:
        value = ds.get(keyword)
    except Exception:  # noqa: BLE001 - a malformed element fails in many ways and then fits no rule
        return ""
    values = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
    return "\\".join("" if one is None else str(one) for one in values).strip(" \0").upper()


@dataclass(slots=True)
class _Look:
    """One object under the eyes of a reader: the boxes found so far, and how many frames were looked at."""

    frames: Frames
    needles: Needles | None
    is_risky: bool
    boxes: list[Box] = field(default_factory=list)
    looked_at: int = 0

    def at_all(self, reader: TextReader) -> str:
        """Look at regular frames whole, and at each place where something new appears in the others."""
        novelty = Novelty()
        whole = regular(len(self.frames))
        places = 0
        for index in range(len(self.frames)):
            pictures = self.frames.pictures(index)
            place = novelty.place(pictures[0])
            if index in whole:
                place = (0, 0, self.frames.columns, self.frames.rows)
            elif place is not None:
                places += 1
            if place is None:
                continue
            if places > _PLACES_MAX:
                return _RESTLESS
            novelty.note(pictures[0])
            self.looked_at += 1
            for picture in pictures:
                if not self._is_clean(reader, picture, place, twice=index == 0 and self.is_risky):
                    return _REMAINS
        return ""

    def _is_clean(self, reader: TextReader, picture: Picture, place: Box, *, twice: bool) -> bool:
        """Look at a place of a picture, blank what is found there, and look again until nothing is found.

        With `twice` there is a second look, at another scale, even if the first one found nothing.
        """
        x, y, width, height = place
        shown = painted(picture, self.boxes)[y : y + height, x : x + width]
        scale = _scale(width, height, pixels_max=_PIXELS_MANY if self.is_risky else _PIXELS_OF_RADIOGRAPHS)
        for number in range(_LOOKS_MAX):
            lines = reader.look(shown, scale=scale * (_SECOND_SCALE if number % 2 else _FIRST_SCALE))
            found = to_blank(lines, needles=self.needles, is_risky=self.is_risky)
            if not found and (number or not twice):
                return True
            new = [around(line.box, columns=width, rows=height) for line in found]
            shown = painted(shown, new)
            self.boxes += [(x + left, y + top, wide, high) for left, top, wide, high in new]
        return False


def _scale(width: int, height: int, *, pixels_max: int) -> float:
    """Return how much larger a picture is looked at: small ones have small text, very large ones cost too much."""
    pixels = width * height
    if pixels > pixels_max:
        return float((pixels_max / pixels) ** 0.5)
    return min(max(float((_PIXELS_FEW / pixels) ** 0.5), 1.0), _ENLARGED_MAX)


def _written(frames: Frames, boxes: tuple[Box, ...], *, to: str, looked_at: int) -> CleanedPixels:
    if not boxes:
        return CleanedPixels(looked_at=looked_at)
    try:
        made = frames.repainted(boxes, to=to)
    except Undecodable:  # NoCodec, or video, which is not written at all
        return CleanedPixels(held=_NOT_WRITTEN, looked_at=looked_at)
    return CleanedPixels(
        boxes=boxes,
        looked_at=looked_at,
        transfer_syntax_uid=made.transfer_syntax_uid,
        edits=made.edits,
        chunks=_told(made.chunks),
    )


def _told(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks; a frame that turns out to be damaged ends them as a broken original does."""
    try:
        yield from chunks
    except CauceError as error:
        raise BrokenError(_UNDECODABLE) from error
