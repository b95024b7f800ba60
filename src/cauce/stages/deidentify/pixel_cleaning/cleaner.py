"""Cleaning pixels: look, blank what was found, look again, and hold what still shows text."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from cauce.core.errors import CauceError, Refused, Undecodable
from cauce.stages.deidentify.identity import Identity
from cauce.stages.deidentify.needles import Needles, needles_for
from cauce.stages.deidentify.pixel_cleaning.boxes import Box, TooManyBoxes, clipped, outside, united
from cauce.stages.deidentify.pixel_cleaning.device_rules import boxes_of_device
from cauce.stages.deidentify.pixel_cleaning.frames import Frames, OpenFrames
from cauce.stages.deidentify.pixel_cleaning.harmless import short_values
from cauce.stages.deidentify.pixel_cleaning.looking import MANY, Look
from cauce.stages.deidentify.pixel_cleaning.ocr import OcrUnavailable, TextReader, text_reader
from cauce.stages.deidentify.pixels import CleanedPixels, is_ultrasound
from cauce.stages.deidentify.reading import BrokenError

_UNDECODABLE = "Its pixels cannot be decoded."
_UNREAD = "What reads text in pictures is not installed, and no rule is known for its device."
_NOT_WRITTEN = "Text was found in it, and pixels of this form cannot be written."
_NO_REGIONS = "It declares no regions."
_BROKEN_REGION = "A region that it declares lies nowhere on it."
_REGIONS: Final = "SequenceOfUltrasoundRegions"
_CORNERS: Final = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")


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
            return CleanedPixels(held=_UNDECODABLE)
        look = Look(frames, needles=_needles(identity), short=short_values(identity), is_risky=is_risky)
        look.boxes += _of_device(frames)
        try:
            if (held := self._regions_blanked(look) or self._looked(look)) != "":
                return CleanedPixels(held=held, looked_at=look.looked_at)
            boxes = united(look.boxes)
        except Undecodable:
            return CleanedPixels(held=_UNDECODABLE)
        except TooManyBoxes:
            return CleanedPixels(held=MANY)
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

    def _regions_blanked(self, look: Look) -> str:
        """Have what lies outside of an ultrasound image's regions blanked, if so asked; return why that cannot be."""
        ds = look.frames.ds
        if not self.keeps_regions_only or not is_ultrasound(_text(ds, "SOPClassUID"), _text(ds, "Modality")):
            return ""
        regions = _regions(look.frames)
        if not regions:
            return _NO_REGIONS
        declared = [region for region in regions if region]
        look.boxes += outside(declared, columns=look.frames.columns, rows=look.frames.rows)
        return "" if len(declared) == len(regions) else _BROKEN_REGION

    def _looked(self, look: Look) -> str:
        """Look at the frames; return why the object is held, "" when it is not."""
        try:
            reader = self.reader()
            return look.at_all(reader)
        except OcrUnavailable:
            return "" if _of_device(look.frames) else _UNREAD


def _needles(identity: Identity) -> Needles:
    names, values, birth_dates = map(frozenset, (identity.names, identity.values, identity.birth_dates))
    return needles_for(names, values, birth_dates, tuple(sorted(identity.codecs())))


def _of_device(frames: Frames) -> list[Box]:
    """Return what is blanked without a look, by the rules for the device."""
    known = boxes_of_device(lambda keyword: _text(frames.ds, keyword))
    found = (clipped(box, columns=frames.columns, rows=frames.rows) for box in known)
    return [box for box in found if box]


def _regions(frames: Frames) -> list[Box | None]:
    """Return the ultrasound regions that are declared (PS3.3 C.8.5.5); `None` for one that cannot be followed."""
    try:
        items = list(frames.ds.get(_REGIONS) or ())
    except Exception:  # noqa: BLE001 - a malformed sequence fails in many ways
        return [None]
    regions: list[Box | None] = []
    for item in items:
        try:
            x0, y0, x1, y1 = (int(item[keyword].value) for keyword in _CORNERS)
        except (AttributeError, KeyError, TypeError, ValueError):
            regions.append(None)
            continue
        is_box = min(x0, y0) >= 0 and x1 >= x0 and y1 >= y0
        box = clipped((x0, y0, x1 - x0 + 1, y1 - y0 + 1), columns=frames.columns, rows=frames.rows)
        regions.append(box if is_box else None)
    return regions


def _text(ds: Any, keyword: str) -> str:
    try:
        value = ds.get(keyword)
    except Exception:  # noqa: BLE001 - a malformed element fails in many ways and then fits no rule
        return ""
    values = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
    return "\\".join("" if one is None else str(one) for one in values).strip(" \0").upper()


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
