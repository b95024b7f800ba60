"""What an instance says twice has to agree, and what it is identified by has to be sound: warnings, never refusals."""

from collections.abc import Callable, Iterable
from typing import Final

from cauce.core.limits import Limits
from cauce.stages.validate.columns import Columns
from cauce.stages.validate.dictionary import is_transfer_syntax, tag_text
from cauce.stages.validate.frames import JPEG2000_STARTS, JPEG_STARTS, JPEG_XL_STARTS, PixelDescription
from cauce.stages.validate.part10 import FileMeta
from cauce.stages.validate.preamble import preamble_warning

Warn = Callable[[str, str], None]

_META_REQUIRED: Final = (0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012)
"""Type 1 of the file meta information (PS3.10 table 7.1-1)."""

_DICOM_ROOT: Final = "1.2.840.10008."
_NUMBER_OF_FRAMES: Final = 0x00280008
_ROWS_COLUMNS: Final = (0x00280010, 0x00280011)
_BITS_ALLOCATED: Final = frozenset({1, 8, 12, 16, 24, 32, 64})
_SAMPLES: Final = frozenset({1, 3, 4})

_JPEG: Final = "1.2.840.10008.1.2.4."
_RLE_HEADER: Final = 64
_RLE_SEGMENTS_MAX: Final = 15
_STARTS: Final = {
    **dict.fromkeys([f"{_JPEG}{number}" for number in (*range(50, 67), 70, 80, 81)], JPEG_STARTS),
    **dict.fromkeys([f"{_JPEG}{number}" for number in (90, 91, 92, 93, 201, 202, 203)], JPEG2000_STARTS),
    **dict.fromkeys([f"{_JPEG}{number}" for number in (110, 111, 112)], JPEG_XL_STARTS),
}
"""How a frame of each transfer syntax begins."""

_RLE: Final = "1.2.840.10008.1.2.5"


def check_file_meta(meta: FileMeta, *, sop_class_uid: str, sop_instance_uid: str, warn: Warn) -> None:
    """Judge preamble and file meta information against the data set that follows."""
    if not meta.has_prefix:
        warn("no_preamble", "The file has no preamble.")
    elif found := preamble_warning(meta.preamble):
        warn(*found)
    if not meta.has_meta:
        warn("no_file_meta", "The file has no file meta information.")
        return
    if absent := [tag_text(tag) for tag in _META_REQUIRED if tag not in meta.elements]:
        warn("file_meta_incomplete", f"The file meta information lacks {', '.join(absent)}.")
    if not meta.is_length_right:
        warn("file_meta_length_wrong", "The group length (0002,0000) does not lead to the data set.")
    if meta.sop_class_uid not in {"", sop_class_uid} or meta.sop_instance_uid not in {"", sop_instance_uid}:
        warn("file_meta_mismatch", "The file meta information names another object than the data set.")
    if meta.transfer_syntax_uid and not is_transfer_syntax(meta.transfer_syntax_uid):
        warn("transfer_syntax_unknown", "The standard knows no such transfer syntax (0002,0010).")


def check_uids(uids: Iterable[str], *, warn: Warn) -> None:
    """Judge the UIDs of study, series and instance together; each alone has been judged."""
    given = list(uids)
    if len(set(given)) < len(given):
        warn("uid_repeated", "Study, series and instance do not have a UID each: two of them share one.")
    if any(uid.startswith(_DICOM_ROOT) for uid in given):
        warn("uid_of_standard", "A UID of study, series or instance lies below the root that the standard keeps.")


def check_pixels(pixels: PixelDescription, columns: Columns, *, limits: Limits, warn: Warn) -> None:
    """Judge what the header says of the pixels that are there."""
    if not columns.is_positive(_NUMBER_OF_FRAMES):
        warn("number_of_frames_irregular", "Number of Frames is no positive number; one frame is assumed.")
    if found := _contradiction(pixels, columns):
        warn("pixels_irregular", found)
    if (pixels.frame_bits or 0) > limits.frame_bytes_max * 8:
        warn(
            "frame_too_large", "A frame is larger than processing decodes: it is kept, and neither measured nor shown."
        )


def _contradiction(pixels: PixelDescription, columns: Columns) -> str:
    allocated, stored, high = pixels.bits_allocated, pixels.bits_stored, pixels.high_bit
    checks = (
        (not all(map(columns.is_positive, _ROWS_COLUMNS)), "Rows or Columns is zero."),
        (allocated is not None and allocated not in _BITS_ALLOCATED, "Bits Allocated has a value that nobody reads."),
        (allocated is not None and stored is not None and not 0 < stored <= allocated, "Bits Stored does not fit."),
        (None not in {allocated, high} and not 0 <= (high or 0) < (allocated or 0), "High Bit does not fit."),
        (pixels.samples_per_pixel not in _SAMPLES, "Samples per Pixel has a value that nobody reads."),
        (pixels.pixel_representation not in {None, 0, 1}, "Pixel Representation is neither zero nor one."),
    )
    return next((detail for is_wrong, detail in checks if is_wrong), "")


def check_codestream(head: bytes, *, transfer_syntax_uid: str, warn: Warn) -> None:
    """Judge whether the first fragment, which begins with `head`, is compressed as the transfer syntax says."""
    starts = _STARTS.get(transfer_syntax_uid)
    if starts is not None:
        is_right = head.startswith(starts)
    elif transfer_syntax_uid == _RLE:
        count, first = int.from_bytes(head[:4], "little"), int.from_bytes(head[4:8], "little")
        is_right = 1 <= count <= _RLE_SEGMENTS_MAX and first == _RLE_HEADER
    else:
        return
    if not is_right:
        warn("codestream_mismatch", "The first frame does not begin as its transfer syntax says.")
