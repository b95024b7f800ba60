"""Pixel risk: which objects may show identity in their pixels, so that they are held before anything is written.

What can be cleaned is told here as well, and what cleaning is: `PixelCleaner`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from cauce.core.statuses import AttentionCause
from cauce.core.transcoding import Element
from cauce.stages.deidentify import pixel_classes as classes
from cauce.stages.deidentify.identity import Identity

_DIRECTORY = "1.2.840.10008.1.3.10"

_ULTRASOUND_MODALITIES = frozenset({"US", "IVUS", "BDUS", "EPS"})
_PHOTOGRAPHIC_MODALITIES = frozenset({"XC", "ES", "GM", "DMS"})
_SCREEN_MODALITIES = frozenset({"SC", "HC", "FC", "DOC"})
_GREY_MODALITIES = frozenset(
    "CT MR PT NM ST CR DX MG IO PX XA RF RG DF DS CF CS VF CD BMD DR XRF RTIMAGE RTDOSE".split()  # noqa: SIM905 - a word list
)
_CAPTURED = frozenset({"DV", "DI", "DF", "WSD", "SD", "SI", "DRW"})
_SCREEN_WORDS = ("SCREEN", "CAPTURE", "DOSE", "REPORT", "PATIENT_INFO", "PATIENT INFO")
_LOW_DOSE = re.compile("(LOW|REDUCED|HALF|FULL|NORMAL)[ _-]?DOSE")
_BITS_OF_SCREENS = 8
_SLIDE_LABELS = frozenset({"LABEL", "OVERVIEW"})
_SECONDARY = frozenset({"DERIVED", "SECONDARY"})
_PHOTOGRAPH = "Photographs may show faces and labels."
_OF_THE_INSIDE = frozenset({"ES", "GM"})
"""Photographs taken through an endoscope or a microscope, in which nobody can be recognised."""
_TEXT_ALONE = frozenset(
    {
        "Its header says that text is burned into the pixels.",
        "Ultrasound images usually show the patient's name.",
        "Secondary captures may show anything.",
        "Its conversion type says that it was captured or digitised.",
        "Its image type says that it shows a screen.",
        "It was made for a printer.",
        "It is in colour, and images of its class are grey.",
        "Its modality is none that its class is for.",
        "Its class is private or unknown.",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelFacts:
    """What the header says about the pixels. Text is stripped and in capitals; a backslash joins several values.

    `overlay_in_pixels` tells of overlay planes kept in unused bits of the pixel cells (retired, PS3.3 C.9.2 of 2004).
    `samples` are those of a pixel, `bits` those allocated for one.
    """

    sop_class_uid: str = ""
    modality: str = ""
    conversion_type: str = ""
    image_type: str = ""
    burned_in_annotation: str = ""
    recognizable_features: str = ""
    has_pixels: bool = False
    has_document: bool = False
    overlay_in_pixels: bool = False
    photometric: str = ""
    samples: int = 0
    bits: int = 0

    @property
    def is_colour(self) -> bool:
        """Tell whether the pixels are in colour."""
        return self.samples > 1 or self.photometric[:4] not in {"", "MONO"}


def pixel_risk(facts: PixelFacts) -> AttentionCause | None:
    """Return `PIXELS_UNPROVEN` when the pixels, or an encapsulated document, may show who the patient is."""
    return AttentionCause.PIXELS_UNPROVEN if pixel_risk_reason(facts) else None


def pixel_risk_reason(facts: PixelFacts) -> str:
    """Return why the pixels are not proven clean, in one plain sentence without identity; "" when nothing speaks so."""
    return next(_reasons(facts), "")


def _reasons(facts: PixelFacts) -> Iterator[str]:
    """Yield all that speaks against the pixels, the plainest first."""
    if facts.has_document or facts.sop_class_uid.startswith(classes.ENCAPSULATED):
        yield "It holds an encapsulated document."
    if not facts.has_pixels:
        return
    image_type = [part.strip() for part in facts.image_type.split("\\")]
    is_grey = facts.sop_class_uid in classes.GREY
    is_of_another = bool(facts.modality) and facts.modality not in _GREY_MODALITIES
    for applies, reason in (
        (facts.burned_in_annotation == "YES", "Its header says that text is burned into the pixels."),
        (facts.recognizable_features == "YES", "Its header says that the patient can be recognised."),
        (facts.overlay_in_pixels, "It keeps an overlay inside the pixel cells."),
        (facts.sop_class_uid in classes.ULTRASOUND, "Ultrasound images usually show the patient's name."),
        (facts.modality in _ULTRASOUND_MODALITIES, "Ultrasound images usually show the patient's name."),
        (facts.sop_class_uid in classes.SECONDARY_CAPTURE, "Secondary captures may show anything."),
        (facts.modality in _SCREEN_MODALITIES, "Secondary captures may show anything."),
        (facts.conversion_type in _CAPTURED, "Its conversion type says that it was captured or digitised."),
        (_is_screen(image_type), "Its image type says that it shows a screen."),
        (facts.sop_class_uid in classes.VISIBLE_LIGHT, _PHOTOGRAPH),
        (facts.modality in _PHOTOGRAPHIC_MODALITIES, _PHOTOGRAPH),
        (bool(_SLIDE_LABELS.intersection(image_type)), "It shows the label of a slide."),
        (facts.sop_class_uid in classes.HARDCOPY, "It was made for a printer."),
        (is_grey and facts.is_colour, "It is in colour, and images of its class are grey."),
        (is_grey and is_of_another, "Its modality is none that its class is for."),
        (facts.sop_class_uid not in classes.KNOWN, "Its class is private or unknown."),
    ):
        if applies:
            yield reason


def _is_screen(image_type: list[str]) -> bool:
    return any(word in _LOW_DOSE.sub("", part) for part in image_type for word in _SCREEN_WORDS)


def is_directory(sop_class_uid: str) -> bool:
    """Tell whether this is a DICOMDIR (PS3.10 section 8), which is no instance."""
    return sop_class_uid == _DIRECTORY


def can_be_cleaned(facts: PixelFacts) -> bool:
    """Tell whether text is all that speaks against pixels: no face, no document, no overlay inside of them."""
    is_of_the_inside = facts.sop_class_uid in classes.NO_FACES or (
        facts.sop_class_uid not in classes.VISIBLE_LIGHT and facts.modality in _OF_THE_INSIDE
    )
    harmless = _TEXT_ALONE | {_PHOTOGRAPH} if is_of_the_inside else _TEXT_ALONE
    reasons = set(_reasons(facts))
    return bool(reasons) and reasons <= harmless


def is_worth_a_look(facts: PixelFacts) -> bool:
    """Tell whether pixels that nothing speaks against may show text all the same, as radiographs do.

    Slices that were acquired do not; those that were made of others, that have cells of a byte, or that do not say of
    which modality they are, may be screens.
    """
    if not facts.has_pixels or facts.burned_in_annotation == "NO" or pixel_risk_reason(facts):
        return False
    if facts.sop_class_uid in classes.CROSS_SECTIONS:
        image_type = {part.strip() for part in facts.image_type.split("\\")}
        return image_type >= _SECONDARY or facts.bits == _BITS_OF_SCREENS or not facts.modality
    return facts.sop_class_uid in classes.SOMETIMES_TEXT


def is_ultrasound(sop_class_uid: str, modality: str) -> bool:
    """Tell whether an object is an ultrasound image, one from within a vessel included."""
    return sop_class_uid in classes.ULTRASOUND or modality in _ULTRASOUND_MODALITIES


Box = tuple[int, int, int, int]
"""x, y, width, height in pixels."""


@dataclass(frozen=True, kw_only=True)
class CleanedPixels:
    """What became of the pixels of one object.

    Where `held` says why, in one plain sentence without identity, they cannot be shown to be clean. Otherwise `boxes`
    were blanked in every frame; without any the pixels stay as they are, and there are no `chunks`. `chunks` are the
    bytes that take the place of the pixel data, in `transfer_syntax_uid`, and `edits` what the data set then says.
    `looked_at` frames were looked at.
    """

    boxes: tuple[Box, ...] = ()
    looked_at: int = 0
    held: str = ""
    transfer_syntax_uid: str = ""
    edits: Mapping[int, Element | None] = field(default_factory=dict)
    chunks: Iterable[bytes] = ()

    @property
    def is_proven(self) -> bool:
        """Tell whether the pixels were looked at, or blanked by what is known of their device."""
        return not self.held and (self.looked_at > 0 or bool(self.boxes))


class PixelCleaner(Protocol):
    """Finds text in pixels, and blanks it."""

    def cleaned(
        self, source: BinaryIO, *, transfer_syntax_uid: str, identity: Identity, is_risky: bool
    ) -> CleanedPixels:
        """Look at the frames of the Part 10 object in `source`, whose true transfer syntax is given.

        `identity` is what its header says of people. `is_risky` says that its kind usually shows text.
        """

    def blanked(self, source: BinaryIO, *, transfer_syntax_uid: str, boxes: Sequence[Box]) -> CleanedPixels:
        """Blank boxes that a person has named; nothing is looked for."""
