"""Looking at the frames of one object: blank what is found, look again, and spend no more than one object may cost."""

from dataclasses import dataclass, field
from typing import Final

from cauce.stages.deidentify.needles import Needles
from cauce.stages.deidentify.pixel_cleaning.boxes import Box, around, painted
from cauce.stages.deidentify.pixel_cleaning.frames import Frames, Picture
from cauce.stages.deidentify.pixel_cleaning.harmless import to_blank
from cauce.stages.deidentify.pixel_cleaning.novelty import Novelty, regular
from cauce.stages.deidentify.pixel_cleaning.ocr import Line, TextReader

MANY: Final = "More text was found in it than can be blanked box by box."
REMAINS: Final = "Text was found in it that could not be blanked."
RESTLESS: Final = "Its frames differ too much to look at all that is new in them."

_LOOKS_MAX: Final = 8
"""Looks at one picture: the last must find nothing."""
_SCALES: Final = (1.125, 0.8)
_FROM_AFAR, _LARGE_PX = 0.3, 150
"""Letters that fill a picture are found when it is looked at in small; only large ones count there."""
_PIXELS_FEW, _PIXELS_MANY, _PIXELS_OF_RADIOGRAPHS = 300_000, 4_000_000, 1_500_000
_ENLARGED_MAX: Final = 2.0
_COST_MAX: Final = 70_000_000
"""So many pixels are looked at of one object, about a minute of a core; what they stand for is in `_cost`."""
_TALL_LETTERS, _TALL_PX = 12, 24
"""Letters on images whose kind shows none are no higher than this part of them, or this."""
_LOOKS_PER_FRAME: Final = 3
_COST_OF_LOOK, _COST_OF_SQUARE, _SQUARES_MAX = 10_000, 4_000, 20
"""What a look costs besides its pixels, and reading a piece of a line that is as long as it is high."""


@dataclass(slots=True)
class Look:
    """One object under the eyes of a reader: the boxes found so far, and how many frames were looked at."""

    frames: Frames
    needles: Needles | None
    is_risky: bool
    short: frozenset[str] = frozenset()
    boxes: list[Box] = field(default_factory=list)
    looked_at: int = 0
    _cost: float = 0.0

    def at_all(self, reader: TextReader) -> str:
        """Look at regular frames whole, and at what is new in the others; return why it is held, "" for nothing.

        Raises:
            Undecodable: a frame is damaged.
            TooManyBoxes: there is more text than can be read and blanked.
        """
        novelty, whole = Novelty(), regular(len(self.frames))
        everything = (0, 0, self.frames.columns, self.frames.rows)
        others = (index for index in range(len(self.frames)) if index not in whole)
        for index in (*sorted(whole), *others):
            pictures = self.frames.pictures(index)
            if index in whole:
                novelty.learn(pictures)
                places = [everything]
            else:
                places = novelty.places(pictures, self.boxes)
            self.looked_at += bool(places)
            for picture in pictures:
                for place in places:
                    if held := self._held(reader, picture, place, is_first=index == 0 and self.is_risky):
                        return held
        return ""

    def _held(self, reader: TextReader, picture: Picture, place: Box, *, is_first: bool) -> str:
        """Look at a place of a picture, blank what is found there, and look again until nothing is found.

        The first frame of a kind that shows text is looked at from afar as well, for very large letters, and at two
        scales even if nothing is found at the first.
        """
        x, y, width, height = place
        shown = painted(picture, self.boxes)[y : y + height, x : x + width]
        for number in range(-1 if is_first else 0, _LOOKS_MAX):
            scale = self._scale * (_SCALES[number % 2] if number >= 0 else _FROM_AFAR)
            lines = reader.look(shown, scale=scale)
            self._cost += _cost(width * height * scale * scale, lines)
            if self._cost > _COST_MAX:
                return RESTLESS if self.looked_at > 1 else MANY
            found = self._to_blank(lines)
            if number < 0:
                found = [line for line in found if line.sides[0] >= _LARGE_PX]
            if not found and (number > 0 or (number == 0 and not is_first)):
                return ""
            new = [around(line.box, columns=width, rows=height) for line in found]
            shown = painted(shown, new)
            self.boxes += [(x + left, y + top, wide, high) for left, top, wide, high in new]
        return REMAINS

    def _to_blank(self, lines: list[Line]) -> list[Line]:
        """Return the lines that must go. Where none is expected, what is large is no text but the folds of a brain."""
        if self.is_risky:
            return to_blank(lines, needles=self.needles, is_risky=True, short=self.short)
        tallest = max(self.frames.columns / _TALL_LETTERS, self.frames.rows / _TALL_LETTERS, _TALL_PX)
        return to_blank(lines, needles=self.needles, is_risky=False, short=self.short, tallest=tallest)

    @property
    def _scale(self) -> float:
        """Return how much larger a picture is looked at: small ones have small text, very large ones cost too much."""
        pixels = self.frames.columns * self.frames.rows
        most = _PIXELS_MANY if self.is_risky else _PIXELS_OF_RADIOGRAPHS
        most = min(most, _COST_MAX // (_LOOKS_PER_FRAME * len(regular(len(self.frames)))))
        if pixels > most:
            return float((most / pixels) ** 0.5)
        return min(max(float((_PIXELS_FEW / pixels) ** 0.5), 1.0), _ENLARGED_MAX)


def _cost(pixels: float, lines: list[Line]) -> float:
    squares = sum(min(long / max(short, 1), _SQUARES_MAX) for short, long in (line.sides for line in lines))
    return _COST_OF_LOOK + pixels + _COST_OF_SQUARE * squares
