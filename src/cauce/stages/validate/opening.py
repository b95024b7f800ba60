"""A file that was taken in once, opened again: irregularities pass, since `read_header` has told of them."""

from typing import BinaryIO

from cauce.core.limits import Limits
from cauce.stages.validate import part10
from cauce.stages.validate.json_model import INLINE_MAX
from cauce.stages.validate.reader import ForwardReader, InflatingReader, SeekingReader
from cauce.stages.validate.walker import Walker


def opened(
    source: BinaryIO, *, size_bytes: int, limits: Limits
) -> tuple[part10.FileMeta, part10.Encoding, ForwardReader]:
    """Return the file meta information, the encoding of the data set and what reads it.

    Raises:
        Refused: `not_dicom` or `truncated`.
    """
    reader: ForwardReader = SeekingReader(source, size_bytes=size_bytes)
    meta = part10.read_file_meta(reader)
    head = reader.peek(meta.dataset_offset, part10.HEAD_BYTES)
    encoding = part10.settle_encoding(meta, head, warn=_ignore)
    if encoding.is_deflated:
        reader = InflatingReader(reader, offset=meta.dataset_offset, limits=limits)
    return meta, encoding, reader


def walker_of(meta: part10.FileMeta, encoding: part10.Encoding, reader: ForwardReader, *, limits: Limits) -> Walker:
    """Return what walks over the data set that `opened` found."""
    return Walker(
        reader,
        start=meta.dataset_offset,
        implicit=encoding.implicit,
        big=encoding.big,
        limits=limits,
        inline_max=INLINE_MAX,
        warn=_ignore,
    )


def _ignore(_code: str, _detail: str) -> None:
    """Let an irregularity pass."""
