"""Decode, measure, preview: what processing does with the pixels of one instance, and of a series."""

from cauce.stages.process.batch import PIPELINE, process_batch, summarise_series
from cauce.stages.process.measure import FRAMES_MEASURED_MAX, SeriesFigures, measure_instance, summarise
from cauce.stages.process.reader import FrameReader, decoded_frames, frames
from cauce.stages.process.render import preview_png, render, representative

__all__ = [
    "FRAMES_MEASURED_MAX",
    "PIPELINE",
    "FrameReader",
    "SeriesFigures",
    "decoded_frames",
    "frames",
    "measure_instance",
    "preview_png",
    "process_batch",
    "render",
    "representative",
    "summarise",
    "summarise_series",
]
