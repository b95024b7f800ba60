"""Pixel risk: which objects may show identity in their pixels, so that they are held before anything is written."""

from dataclasses import dataclass

from cauce.core.statuses import AttentionCause

_CLASSES = "1.2.840.10008.5.1.4.1.1."

_ULTRASOUND = frozenset(_CLASSES + tail for tail in ("3", "3.1", "6", "6.1", "6.2", "6.3"))
_INTRAVASCULAR = frozenset(_CLASSES + tail for tail in ("14.1", "14.2"))
_SECONDARY_CAPTURE = frozenset(_CLASSES + tail for tail in ("7", "7.1", "7.2", "7.3", "7.4"))
_VISIBLE_LIGHT = frozenset(
    _CLASSES + tail
    for tail in ("77.1.1", "77.1.1.1", "77.1.2", "77.1.2.1", "77.1.4", "77.1.4.1", "77.1", "77.2", "77.1.7")
)
_ENCAPSULATED = _CLASSES + "104."
_DIRECTORY = "1.2.840.10008.1.3.10"

_ULTRASOUND_MODALITIES = frozenset({"US", "IVUS", "BDUS", "EPS"})
_PHOTOGRAPHIC_MODALITIES = frozenset({"XC", "ES", "GM", "DMS"})
_SCREEN_MODALITIES = frozenset({"SC", "HC", "FC", "DOC"})
_CAPTURED = frozenset({"DV", "DI", "DF", "WSD", "SD", "SI", "DRW"})
_SCREEN_WORDS = ("SCREEN", "CAPTURE", "SECONDARY CAPTURE", "DOSE_INFO", "REPORT")
_SLIDE_LABELS = frozenset({"LABEL", "OVERVIEW"})


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelFacts:
    """What the header says about the pixels. Text is stripped and in capitals; a backslash joins several values.

    `overlay_in_pixels` tells of overlay planes kept in unused bits of the pixel cells (retired, PS3.3 C.9.2 of 2004).
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


def pixel_risk(facts: PixelFacts) -> AttentionCause | None:
    """Return `PIXELS_UNPROVEN` when the pixels, or an encapsulated document, may show who the patient is."""
    return AttentionCause.PIXELS_UNPROVEN if pixel_risk_reason(facts) else None


def pixel_risk_reason(facts: PixelFacts) -> str:
    """Return why the pixels are not proven clean, in one plain sentence without identity; "" when nothing speaks so."""
    if facts.has_document or facts.sop_class_uid.startswith(_ENCAPSULATED):
        return "It holds an encapsulated document."
    if not facts.has_pixels:
        return ""
    image_type = facts.image_type.split("\\")
    for applies, reason in (
        (facts.burned_in_annotation == "YES", "Its header says that text is burned into the pixels."),
        (facts.recognizable_features == "YES", "Its header says that the patient can be recognised."),
        (facts.overlay_in_pixels, "It keeps an overlay inside the pixel cells."),
        (facts.sop_class_uid in _ULTRASOUND | _INTRAVASCULAR, "Ultrasound images usually show the patient's name."),
        (facts.modality in _ULTRASOUND_MODALITIES, "Ultrasound images usually show the patient's name."),
        (facts.sop_class_uid in _SECONDARY_CAPTURE, "Secondary captures may show anything."),
        (facts.modality in _SCREEN_MODALITIES, "Secondary captures may show anything."),
        (facts.conversion_type in _CAPTURED, "Its conversion type says that it was captured or digitised."),
        (_is_screen(image_type), "Its image type says that it shows a screen."),
        (facts.sop_class_uid in _VISIBLE_LIGHT, "Photographs may show faces and labels."),
        (facts.modality in _PHOTOGRAPHIC_MODALITIES, "Photographs may show faces and labels."),
        (bool(_SLIDE_LABELS.intersection(image_type)), "It shows the label of a slide."),
    ):
        if applies:
            return reason
    return ""


def _is_screen(image_type: list[str]) -> bool:
    return any(word in part for part in image_type for word in _SCREEN_WORDS)


def is_directory(sop_class_uid: str) -> bool:
    """Tell whether this is a DICOMDIR (PS3.10 section 8), which is no instance."""
    return sop_class_uid == _DIRECTORY
