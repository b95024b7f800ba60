"""SOP classes with pixels (PS3.4 B.5), by what their pixels may show."""

from typing import Final

_CLASSES: Final = "1.2.840.10008.5.1.4.1.1."


def _of(tails: str) -> frozenset[str]:
    return frozenset(_CLASSES + tail for tail in tails.split())


ENCAPSULATED: Final = _CLASSES + "104."
ULTRASOUND: Final = _of("3 3.1 6 6.1 6.2 6.3 14.1 14.2")
"""With intravascular images."""
SECONDARY_CAPTURE: Final = _of("7 7.1 7.2 7.3 7.4")
HARDCOPY: Final = frozenset({"1.2.840.10008.5.1.1.29", "1.2.840.10008.5.1.1.30"})
"""Retired: images as they were sent to a printer."""
VISIBLE_LIGHT: Final = _of("77.1.1 77.1.1.1 77.1.2 77.1.2.1 77.1.4 77.1.4.1 77.1 77.2 77.1.7")
NO_FACES: Final = _of("77.1.1 77.1.1.1 77.1.2 77.1.2.1")
"""Endoscopic and microscopic images: of the photographic ones, those in which nobody can be recognised."""
RADIOGRAPHS: Final = _of("1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 12.1 12.1.1 12.2 12.2.1 12.3")
CROSS_SECTIONS: Final = _of("2 2.1 2.2 4 4.1 4.4 5 20 128 128.1 130")
"""Slices, and projections of nuclear medicine: their devices keep text out of the pixels of what they acquire."""
_OTHER_X_RAYS: Final = _of("13.1.1 13.1.2 13.1.3 13.1.4 13.1.5 481.1 481.23 481.24")
_OF_THE_EYE: Final = _of("77.1.5.1 77.1.5.2 77.1.5.4 77.1.5.5 77.1.5.6 77.1.5.7 77.1.5.8 81.1 82.1")
_COLOUR_MAPS: Final = _of("4.3")
_SLIDE_PLACES: Final = _of("77.1.3 77.1.8")
SOMETIMES_TEXT: Final = RADIOGRAPHS | _OTHER_X_RAYS | _OF_THE_EYE | _COLOUR_MAPS | _SLIDE_PLACES
"""Nothing speaks against them, but people and devices write into them now and then."""
GREY: Final = RADIOGRAPHS | CROSS_SECTIONS | _OTHER_X_RAYS | _of("481.2")
"""What is acquired for these is grey: colour is a screen, a fusion, a drawing."""
_NO_TEXT: Final = _of("30 66.4 66.7 66.8 77.1.6 77.1.9 481.2")
"""Maps, segments, doses; slides, whose labels are found by their image type."""
KNOWN: Final = (
    ULTRASOUND | SECONDARY_CAPTURE | HARDCOPY | VISIBLE_LIGHT | SOMETIMES_TEXT | CROSS_SECTIONS | GREY | _NO_TEXT
)
