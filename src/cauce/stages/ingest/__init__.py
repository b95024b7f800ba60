"""Ingest: from the bytes of one file to a verdict that its sender can rely on."""

from cauce.stages.ingest.archive import Unpacked, is_archive, unpack
from cauce.stages.ingest.intake import adopt, refused, take_in
from cauce.stages.ingest.skipping import SkipReason, looks_like_dicom, skip_reason, skipped

__all__ = [
    "SkipReason",
    "Unpacked",
    "adopt",
    "is_archive",
    "looks_like_dicom",
    "refused",
    "skip_reason",
    "skipped",
    "take_in",
    "unpack",
]
