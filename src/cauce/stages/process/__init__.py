"""Decode, measure, preview: what processing does with the pixels of one instance, and of a series."""

from cauce.stages.process.batch import PIPELINE, process_batch, summarise_series
from cauce.stages.process.encoders import FrameEncoder, encode_frame, encoder
from cauce.stages.process.measure import FRAMES_MEASURED_MAX, SeriesFigures, measure_instance, summarise
from cauce.stages.process.reader import FrameReader, decoded_frames, frames
from cauce.stages.process.recoding import FrameRecoder, frame_in, recoder
from cauce.stages.process.render import preview_png, render, representative
from cauce.stages.process.rendering import (
    MEDIA_TYPES,
    QUALITY_USUAL,
    Viewport,
    parsed_viewport,
    parsed_window,
    rendered,
    thumbnail,
)
from cauce.stages.process.repainting import Repaintable, repaintable

__all__ = [
    "FRAMES_MEASURED_MAX",
    "MEDIA_TYPES",
    "PIPELINE",
    "QUALITY_USUAL",
    "FrameEncoder",
    "FrameReader",
    "FrameRecoder",
    "Repaintable",
    "SeriesFigures",
    "Viewport",
    "decoded_frames",
    "encode_frame",
    "encoder",
    "frame_in",
    "frames",
    "measure_instance",
    "parsed_viewport",
    "parsed_window",
    "preview_png",
    "process_batch",
    "recoder",
    "render",
    "rendered",
    "repaintable",
    "representative",
    "summarise",
    "summarise_series",
    "thumbnail",
]
