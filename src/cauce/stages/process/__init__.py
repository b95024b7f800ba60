"""Decode, measure, preview: what processing does with the pixels of one instance, and of a series."""

from cauce.stages.process.measure import FRAMES_MEASURED_MAX, SeriesSummary, measure_instance, summarise
from cauce.stages.process.reader import FrameReader, frames
from cauce.stages.process.render import preview_png, render, representative

__all__ = [
    "FRAMES_MEASURED_MAX",
    "FrameReader",
    "SeriesSummary",
    "frames",
    "measure_instance",
    "preview_png",
    "render",
    "representative",
    "summarise",
]
