"""One parse of an instance's header: identity, catalogue columns, DICOM JSON, frame offsets, digest."""

from typing import BinaryIO, Final

from cauce.core.errors import Refused
from cauce.core.identifiers import (
    SeriesInstanceUid,
    SopClassUid,
    SopInstanceUid,
    StudyInstanceUid,
    TransferSyntaxUid,
    is_usable_uid,
    is_valid_uid,
)
from cauce.core.limits import Limits
from cauce.core.messages import FrameIndex, Header, Warned
from cauce.core.statuses import RefusalCode
from cauce.stages.validate import part10
from cauce.stages.validate.checks import check_codestream, check_file_meta, check_pixels, check_uids
from cauce.stages.validate.columns import WANTED, Columns
from cauce.stages.validate.dictionary import MEDIA_DIRECTORY, is_storage_class, tag_text
from cauce.stages.validate.frames import EncapsulatedPixels, PixelDescription, native_frames
from cauce.stages.validate.iods import report_missing
from cauce.stages.validate.json_model import INLINE_MAX, JsonModel
from cauce.stages.validate.reader import ForwardReader, InflatingReader
from cauce.stages.validate.walker import (
    PIXEL_TAGS,
    Walker,
)

_EXTENDED_OFFSET_TABLE: Final = 0x7FE00001
_PIXEL_REPRESENTATION: Final = 0x00280103
_SOP_CLASS_UID: Final = 0x00080016
_SOP_INSTANCE_UID: Final = 0x00080018
_STUDY_INSTANCE_UID: Final = 0x0020000D
_SERIES_INSTANCE_UID: Final = 0x0020000E
_INLINE_MAX: Final = INLINE_MAX | {"OV": 8 << 20}


def read_header(source: BinaryIO, *, size_bytes: int, limits: Limits) -> Header:
    """Parse the header of one instance and hash its data set, in one pass and bounded memory.

    `source` is seekable and holds `size_bytes` of a Part 10 file (PS3.10 7.1); files without preamble or without file
    meta information are taken too when they can be understood. Pixels are never decoded. Offsets are in bytes from the
    start of the file; those of a deflated data set (PS3.5 A.5) count as if it were stored inflated.

    Raises:
        Refused: `not_dicom`, `truncated`, `missing_uid`, `invalid_uid`, `unsupported_sop_class`,
            `pixel_length_mismatch`, `too_large` or `too_deep`.
    """
    if size_bytes > limits.instance_bytes_max:
        raise Refused(RefusalCode.TOO_LARGE, "The file is larger than is allowed.")
    return _HeaderParse(source, size_bytes=size_bytes, limits=limits).run()


class _HeaderParse:
    """The state of one call of `read_header`."""

    def __init__(self, source: BinaryIO, *, size_bytes: int, limits: Limits) -> None:
        self._reader = ForwardReader(source, size_bytes=size_bytes)
        self._size_bytes = size_bytes
        self._limits = limits
        self._warned: dict[str, str] = {}
        self._json = JsonModel(bytes_max=limits.header_bytes_max, warn=self._warn)
        self._columns = Columns(self._json.context)
        self._extended_offset_table = b""
        self._encapsulated: EncapsulatedPixels | None = None
        self._pixels: tuple[int, int] | None = None

    def run(self) -> Header:
        meta = part10.read_file_meta(self._reader)
        if meta.sop_class_uid == MEDIA_DIRECTORY:
            raise Refused(RefusalCode.UNSUPPORTED_SOP_CLASS, "A DICOMDIR is no instance.")
        head = self._reader.peek(meta.dataset_offset, part10.HEAD_BYTES)
        self._reader.start_hash(meta.dataset_offset)
        reader = self._reader
        encoding = part10.settle_encoding(meta, head, warn=self._warn)
        if encoding.is_deflated:
            reader = InflatingReader(reader, offset=meta.dataset_offset, limits=self._limits)
        walker = Walker(
            reader,
            start=meta.dataset_offset,
            implicit=encoding.implicit,
            big=encoding.big,
            limits=self._limits,
            inline_max=_INLINE_MAX,
            warn=self._warn,
        )
        self._collect(walker)
        return self._header(meta, encoding, reader.finish())

    def _warn(self, code: str, detail: str) -> None:
        self._warned.setdefault(code, detail)

    def _collect(self, walker: Walker) -> None:
        context = self._json.context
        take = (
            self._take_element,
            self._take_bulk,
            self._open,
            self._close_sequence,
            self._open,
            self._close_item,
            self._take_offset_table,
            self._take_fragment,
            self._close_fragments,
        )
        for kind, tag, vr, offset, length, value in walker:
            context.big = walker.big
            take[kind](tag, vr, offset, length, value)

    def _take_element(self, tag: int, vr: str, offset: int, length: int, value: bytes) -> None:
        model = self._json
        if tag in WANTED and not model.depth:
            self._columns.take(tag, vr, value)
        if length & 1:
            self._warn("odd_length", f"A value has an odd length, first that of {tag_text(tag)}.")
        if tag == _PIXEL_REPRESENTATION:
            model.context.is_signed = value[:2] in {b"\1\0", b"\0\1"}
        elif tag == _EXTENDED_OFFSET_TABLE and not model.depth:
            self._extended_offset_table = value
            if length > INLINE_MAX["OV"]:
                model.bulk(tag, vr, offset, length)
                return
        model.element(tag, vr, value)

    def _take_bulk(self, tag: int, vr: str, offset: int, length: int, _: bytes) -> None:
        if self._is_pixels(tag):
            self._pixels = (offset, length)
        self._json.bulk(tag, vr, offset, length)

    def _is_pixels(self, tag: int) -> bool:
        return tag in PIXEL_TAGS and not self._json.depth

    def _open(self, *_: object) -> None:
        self._json.open()

    def _close_item(self, *_: object) -> None:
        self._json.close_item()

    def _close_sequence(self, tag: int, *_: object) -> None:
        self._json.close_sequence(tag)

    def _take_offset_table(self, tag: int, _vr: str, _offset: int, _length: int, table: bytes) -> None:
        if self._is_pixels(tag):
            self._encapsulated = EncapsulatedPixels(basic_offset_table=table, big=self._json.context.big)

    def _take_fragment(self, tag: int, _: str, offset: int, length: int, head: bytes) -> None:
        if self._is_pixels(tag) and self._encapsulated:
            self._encapsulated.fragments.add(offset, length, head=head)

    def _close_fragments(self, tag: int, vr: str, offset: int, length: int, _: bytes) -> None:
        if self._is_pixels(tag):
            self._pixels = (offset, length)
            if not self._encapsulated:
                self._take_offset_table(tag, vr, offset, 0, b"")
            vr = "OB"
        self._json.bulk(tag, vr, offset, length)

    def _header(self, meta: part10.FileMeta, encoding: part10.Encoding, dataset_sha256: bytes) -> Header:
        sop_class_uid = self._uid(_SOP_CLASS_UID, "SOP Class UID")
        if not is_storage_class(sop_class_uid):
            raise Refused(RefusalCode.UNSUPPORTED_SOP_CLASS, "The SOP Class is none of something to store.")
        sop_instance_uid, study_instance_uid, series_instance_uid = (
            self._uid(tag, name)
            for tag, name in (
                (_SOP_INSTANCE_UID, "SOP Instance UID"),
                (_STUDY_INSTANCE_UID, "Study Instance UID"),
                (_SERIES_INSTANCE_UID, "Series Instance UID"),
            )
        )
        check_file_meta(meta, sop_class_uid=sop_class_uid, sop_instance_uid=sop_instance_uid, warn=self._warn)
        check_uids((study_instance_uid, series_instance_uid, sop_instance_uid), warn=self._warn)
        if self._json.is_disordered:
            self._warn("elements_disordered", "Elements are repeated or not in ascending order.")
        pixels = self._columns.pixels()
        transfer_syntax_uid, frames = self._frames(encoding, pixels)
        report_missing(sop_class_uid, self._json.members, pixels, warn=self._warn)
        return Header(
            sop_class_uid=SopClassUid(sop_class_uid),
            sop_instance_uid=SopInstanceUid(sop_instance_uid),
            series_instance_uid=SeriesInstanceUid(series_instance_uid),
            study_instance_uid=StudyInstanceUid(study_instance_uid),
            transfer_syntax_uid=TransferSyntaxUid(transfer_syntax_uid),
            size_bytes=self._size_bytes,
            dataset_offset=meta.dataset_offset,
            pixel_offset=self._pixels[0] if self._pixels else None,
            dataset_sha256=dataset_sha256,
            attributes=self._columns.attributes(),
            dicom_json=self._json.finish(),
            frames=frames,
            warnings=tuple(Warned(code=code, detail=detail) for code, detail in self._warned.items()),
        )

    def _uid(self, tag: int, name: str) -> str:
        uid = self._columns.text(tag)
        if not uid:
            raise Refused(RefusalCode.MISSING_UID, f"{name} is missing.")
        if not is_usable_uid(uid):
            raise Refused(RefusalCode.INVALID_UID, f"{name} is no UID.")
        if not is_valid_uid(uid):
            self._warn("uid_irregular", f"{name} breaks the rules for UIDs.")
        return uid

    def _frames(self, encoding: part10.Encoding, pixels: PixelDescription) -> tuple[str, FrameIndex | None]:
        """Return the transfer syntax in truth and the frame index; the data set wins over the file meta information."""
        uid = encoding.transfer_syntax_uid
        if self._pixels is None:
            return uid, None
        offset, length = self._pixels
        check_pixels(pixels, self._columns, limits=self._limits, warn=self._warn)
        if self._encapsulated:
            if uid in part10.NATIVE:
                self._warn("transfer_syntax_mismatch", "Pixel data are encapsulated, the transfer syntax says native.")
            self._encapsulated.extended_offset_table = self._extended_offset_table
            index = self._encapsulated.frames(
                number_of_frames=pixels.number_of_frames, transfer_syntax_uid=uid, warn=self._warn
            )
            check_codestream(self._encapsulated.fragments.head, transfer_syntax_uid=uid, warn=self._warn)
        elif uid in part10.NATIVE or length == pixels.padded_bytes:
            if uid not in part10.NATIVE:
                self._warn("transfer_syntax_mismatch", "Pixel data are native, the transfer syntax says encapsulated.")
                uid = part10.syntax_of((encoding.implicit, encoding.big))
            index = native_frames(pixels, offset=offset, length=length, warn=self._warn)
        else:
            self._warn("transfer_syntax_mismatch", "Pixel data are not encapsulated as the transfer syntax says.")
            index = FrameIndex(
                encapsulated=True, frames=(((offset, length),),) if pixels.number_of_frames == 1 and length else ()
            )
        return uid, FrameIndex(encapsulated=index.encapsulated, frames=()) if encoding.is_deflated else index
