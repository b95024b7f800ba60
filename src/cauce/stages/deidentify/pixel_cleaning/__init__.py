"""Text in pixels: found by reading, by rules for devices and by ultrasound regions, and blanked in every frame."""

from cauce.stages.deidentify.pixel_cleaning.cleaner import TextCleaner
from cauce.stages.deidentify.pixel_cleaning.frames import Frames, OpenFrames, Repainted
from cauce.stages.deidentify.pixel_cleaning.ocr import OcrUnavailable, TextReader, text_reader

__all__ = ["Frames", "OcrUnavailable", "OpenFrames", "Repainted", "TextCleaner", "TextReader", "text_reader"]
