"""Text in pixels: found by reading, by rules for devices and by ultrasound regions, and blanked in every frame."""

from cauce.stages.deidentify.pixel_cleaning.cleaner import Frames, OpenFrames, Repainted, TextCleaner
from cauce.stages.deidentify.pixel_cleaning.ocr import OcrUnavailable, TextReader, text_reader

__all__ = ["Frames", "OcrUnavailable", "OpenFrames", "Repainted", "TextCleaner", "TextReader", "text_reader"]
