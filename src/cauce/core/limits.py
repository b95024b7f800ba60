"""Limits on what comes in. Each is a setting with a sane default; passing one is a plain refusal, never a crash."""

from dataclasses import dataclass
from typing import Final

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds that intake and processing keep to. Sizes are in bytes."""

    request_bytes_max: int = 1024 * GIB
    """Longest body of one request; a longer one is answered 413, before it is read where its length is announced."""
    instance_bytes_max: int = 16 * GIB
    """Longest file taken; a longer one is `too_large`."""
    header_bytes_max: int = 128 * MIB
    """Longest header, that is all of the data set except pixel data; a longer one is `too_large`."""
    inflated_bytes_max: int = 1 * GIB
    """Longest data set that a deflated transfer syntax may unfold to; more is `too_large`."""
    frame_bytes_max: int = 64 * MIB
    """Largest frame that is decoded, which takes up to six times its size; an object with larger ones is kept as it is,
    and neither measured nor shown."""
    depth_max: int = 64
    """Deepest nesting of sequences; deeper is `too_deep`."""
    elements_max: int = 2_000_000
    """Most elements in one header, counted at all depths; more is `too_large`."""
    memory_instance_bytes_max: int = 16 * MIB
    """Up to this size an instance is held in memory on its way in, beyond it goes through an unlinked spool file."""
    memory_bytes_max: int = 128 * MIB
    """Most bytes that all files on their way in hold in memory of one process; what is beyond goes to spool files."""
    archive_entries_max: int = 100_000
    """Most entries of one zip; more is `archive_unsafe`."""
    archive_ratio_max: int = 200
    """Highest ratio of unpacked to packed size, of a zip above 1 GiB and of one entry above 64 MiB that is no DICOM; a
    higher one is `archive_unsafe`."""
    archive_depth_max: int = 3
    """Deepest nesting of zips in zips; deeper is `archive_unsafe`."""
    archive_unpacked_bytes_max: int = 256 * GIB
    """Most bytes that one zip may unpack to; more is `archive_unsafe`."""
    reserve_bytes: int = 1 * GIB
    """Room that is kept free on the object store; below it intake answers `storage_full`."""


DEFAULTS: Final = Limits()
"""The limits where nobody has set others."""
