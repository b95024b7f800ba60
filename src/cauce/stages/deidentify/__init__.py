"""De-identification: identity is gone before anything is processed (PS3.15 Annex E).

`deidentify_instance` reads one original and writes one object that nobody can be named by, or nothing at all;
`deidentify_batch` does so for what a worker's job names, between the stores.
"""

from cauce.stages.deidentify.batch import ReadHeader, deidentify_batch
from cauce.stages.deidentify.deidentification import deidentify_instance
from cauce.stages.deidentify.pixel_cleaning import OcrUnavailable, TextCleaner, text_reader
from cauce.stages.deidentify.pixels import CleanedPixels, PixelCleaner, PixelFacts, pixel_risk, pixel_risk_reason
from cauce.stages.deidentify.profile import BASIC, LONGITUDINAL, STANDARD, Profile
from cauce.stages.deidentify.proof import Leak, Proof
from cauce.stages.deidentify.trial import Trial, tried
from cauce.stages.deidentify.uids import map_uid

__all__ = [
    "BASIC",
    "LONGITUDINAL",
    "STANDARD",
    "CleanedPixels",
    "Leak",
    "OcrUnavailable",
    "PixelCleaner",
    "PixelFacts",
    "Profile",
    "Proof",
    "ReadHeader",
    "TextCleaner",
    "Trial",
    "deidentify_batch",
    "deidentify_instance",
    "map_uid",
    "pixel_risk",
    "pixel_risk_reason",
    "text_reader",
    "tried",
]
