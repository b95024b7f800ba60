"""The transfer syntaxes that Cauce knows by name: what each is, and what can be done with it (PS3.6 table A-1).

One table for whoever negotiates, transcodes or documents. A test holds `decodes` and `encodes` against the codecs.
Media types are those of single frames (PS3.18 table 8.7.3-5).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from cauce.core.identifiers import TransferSyntaxUid

_ROOT: Final = "1.2.840.10008.1.2"
_JPEG: Final = f"{_ROOT}.4"

IMPLICIT_LITTLE: Final = TransferSyntaxUid(_ROOT)
EXPLICIT_LITTLE: Final = TransferSyntaxUid(f"{_ROOT}.1")
ENCAPSULATED: Final = TransferSyntaxUid(f"{_ROOT}.1.98")
DEFLATED: Final = TransferSyntaxUid(f"{_ROOT}.1.99")
EXPLICIT_BIG: Final = TransferSyntaxUid(f"{_ROOT}.2")
JPEG_BASELINE: Final = TransferSyntaxUid(f"{_JPEG}.50")
JPEG_LOSSLESS: Final = TransferSyntaxUid(f"{_JPEG}.57")
JPEG_LOSSLESS_SV1: Final = TransferSyntaxUid(f"{_JPEG}.70")
JPEG_LS: Final = TransferSyntaxUid(f"{_JPEG}.80")
JPEG_LS_NEAR: Final = TransferSyntaxUid(f"{_JPEG}.81")
JPEG_2000_LOSSLESS: Final = TransferSyntaxUid(f"{_JPEG}.90")
JPEG_2000: Final = TransferSyntaxUid(f"{_JPEG}.91")
HTJ2K_LOSSLESS: Final = TransferSyntaxUid(f"{_JPEG}.201")
HTJ2K: Final = TransferSyntaxUid(f"{_JPEG}.203")
RLE: Final = TransferSyntaxUid(f"{_ROOT}.5")
DEFLATED_FRAMES: Final = TransferSyntaxUid(f"{_ROOT}.8.1")

OCTET_STREAM: Final = "application/octet-stream"


class Pixels(Enum):
    """How a transfer syntax holds pixel data."""

    NATIVE = "native"
    ENCAPSULATED = "encapsulated"
    VIDEO = "video"


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferSyntax:
    """One transfer syntax.

    `media_type` is that of one frame, "" where PS3.18 has none; `is_default` marks the syntax that the media type
    stands for when none is named. `is_lossless` says that it cannot lose anything. `decodes`: its frames can be read
    and put into another syntax; `encodes`: those of another can be put into it, without loss even where it may lose.
    """

    uid: TransferSyntaxUid
    name: str
    pixels: Pixels = Pixels.ENCAPSULATED
    media_type: str = ""
    is_default: bool = False
    is_lossless: bool = False
    is_retired: bool = False
    decodes: bool = False
    encodes: bool = False

    @property
    def is_implicit(self) -> bool:
        """Whether its data elements have no value representation."""
        return self.uid == IMPLICIT_LITTLE

    @property
    def is_big_endian(self) -> bool:
        """Whether its words begin with the most significant byte."""
        return self.uid == EXPLICIT_BIG

    @property
    def is_served(self) -> bool:
        """Whether web services may answer with it (PS3.18 section 8.7.3)."""
        return self.uid not in {IMPLICIT_LITTLE, EXPLICIT_BIG}


def _native(uid: TransferSyntaxUid, name: str, *, is_default: bool = False, is_retired: bool = False) -> TransferSyntax:
    return TransferSyntax(
        uid=uid,
        name=name,
        pixels=Pixels.NATIVE,
        media_type=OCTET_STREAM if is_default else "",
        is_default=is_default,
        is_lossless=True,
        is_retired=is_retired,
        decodes=True,
        encodes=True,
    )


def _lossless(
    uid: str, name: str, media_type: str, *, is_default: bool = False, is_retired: bool = False, encodes: bool = False
) -> TransferSyntax:
    return TransferSyntax(
        uid=TransferSyntaxUid(uid),
        name=name,
        media_type=media_type,
        is_default=is_default,
        is_lossless=True,
        is_retired=is_retired,
        decodes=True,
        encodes=encodes,
    )


def _lossy(uid: str, name: str, media_type: str, *, is_retired: bool = False, encodes: bool = False) -> TransferSyntax:
    return TransferSyntax(
        uid=TransferSyntaxUid(uid),
        name=name,
        media_type=media_type,
        is_retired=is_retired,
        decodes=True,
        encodes=encodes,
    )


def _video(number: str, name: str, media_type: str, *, is_default: bool = False) -> TransferSyntax:
    return TransferSyntax(
        uid=TransferSyntaxUid(f"{_JPEG}.{number}"),
        name=name,
        pixels=Pixels.VIDEO,
        media_type=media_type,
        is_default=is_default,
    )


_RETIRED_JPEG: Final = (
    (52, "JPEG Extended (Process 3 and 5)"),
    (53, "JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)"),
    (54, "JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)"),
    (55, "JPEG Full Progression, Non-Hierarchical (Process 10 and 12)"),
    (56, "JPEG Full Progression, Non-Hierarchical (Process 11 and 13)"),
    (59, "JPEG Extended, Hierarchical (Process 16 and 18)"),
    (60, "JPEG Extended, Hierarchical (Process 17 and 19)"),
    (61, "JPEG Spectral Selection, Hierarchical (Process 20 and 22)"),
    (62, "JPEG Spectral Selection, Hierarchical (Process 21 and 23)"),
    (63, "JPEG Full Progression, Hierarchical (Process 24 and 26)"),
    (64, "JPEG Full Progression, Hierarchical (Process 25 and 27)"),
)
_RETIRED_LOSSLESS_JPEG: Final = (
    (58, "JPEG Lossless, Non-Hierarchical (Process 15)"),
    (65, "JPEG Lossless, Hierarchical (Process 28)"),
    (66, "JPEG Lossless, Hierarchical (Process 29)"),
)
_H264: Final = "MPEG-4 AVC/H.264"
_MPEG4: Final = (
    (102, f"{_H264} High Profile / Level 4.1"),
    (103, f"{_H264} BD-compatible High Profile / Level 4.1"),
    (104, f"{_H264} High Profile / Level 4.2 For 2D Video"),
    (105, f"{_H264} High Profile / Level 4.2 For 3D Video"),
    (106, f"{_H264} Stereo High Profile / Level 4.2"),
)

TRANSFER_SYNTAXES: Final[tuple[TransferSyntax, ...]] = (
    _native(EXPLICIT_LITTLE, "Explicit VR Little Endian", is_default=True),
    _native(IMPLICIT_LITTLE, "Implicit VR Little Endian"),
    _native(DEFLATED, "Deflated Explicit VR Little Endian"),
    _native(EXPLICIT_BIG, "Explicit VR Big Endian", is_retired=True),
    _lossless(ENCAPSULATED, "Encapsulated Uncompressed Explicit VR Little Endian", "", encodes=True),
    _lossless(DEFLATED_FRAMES, "Deflated Image Frame Compression", "", encodes=True),
    _lossless(RLE, "RLE Lossless", "image/dicom-rle", is_default=True, encodes=True),
    _lossless(
        JPEG_LOSSLESS_SV1,
        "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])",
        "image/jpeg",
        is_default=True,
        encodes=True,
    ),
    _lossless(JPEG_LOSSLESS, "JPEG Lossless, Non-Hierarchical (Process 14)", "image/jpeg", encodes=True),
    _lossy(JPEG_BASELINE, "JPEG Baseline (Process 1)", "image/jpeg"),
    _lossy(f"{_JPEG}.51", "JPEG Extended (Process 2 and 4)", "image/jpeg"),
    *(_lossy(f"{_JPEG}.{number}", name, "image/jpeg", is_retired=True) for number, name in _RETIRED_JPEG),
    *(_lossless(f"{_JPEG}.{number}", name, "image/jpeg", is_retired=True) for number, name in _RETIRED_LOSSLESS_JPEG),
    _lossless(JPEG_LS, "JPEG-LS Lossless Image Compression", "image/jls", is_default=True, encodes=True),
    _lossy(JPEG_LS_NEAR, "JPEG-LS Lossy (Near-Lossless) Image Compression", "image/jls", encodes=True),
    _lossless(
        JPEG_2000_LOSSLESS, "JPEG 2000 Image Compression (Lossless Only)", "image/jp2", is_default=True, encodes=True
    ),
    _lossy(JPEG_2000, "JPEG 2000 Image Compression", "image/jp2", encodes=True),
    _lossless(
        f"{_JPEG}.92",
        "JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)",
        "image/jpx",
        is_default=True,
    ),
    _lossy(f"{_JPEG}.93", "JPEG 2000 Part 2 Multi-component Image Compression", "image/jpx"),
    _lossless(
        HTJ2K_LOSSLESS,
        "High-Throughput JPEG 2000 Image Compression (Lossless Only)",
        "image/jphc",
        is_default=True,
        encodes=True,
    ),
    _lossless(
        f"{_JPEG}.202", "High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)", "image/jphc"
    ),
    _lossy(HTJ2K, "High-Throughput JPEG 2000 Image Compression", "image/jphc", encodes=True),
    _lossless(f"{_JPEG}.110", "JPEG XL Lossless", "image/jxl", is_default=True),
    _lossy(f"{_JPEG}.111", "JPEG XL JPEG Recompression", "image/jxl"),
    _lossy(f"{_JPEG}.112", "JPEG XL", "image/jxl"),
    _video("100", "MPEG2 Main Profile / Main Level", "video/mpeg", is_default=True),
    _video("101", "MPEG2 Main Profile / High Level", "video/mpeg"),
    *(_video(f"{number}", name, "video/mp4", is_default=number == 102) for number, name in _MPEG4),  # noqa: PLR2004 - as listed
    _video("107", "HEVC/H.265 Main Profile / Level 5.1", "video/mp4"),
    _video("108", "HEVC/H.265 Main 10 Profile / Level 5.1", "video/mp4"),
    _video("100.1", "Fragmentable MPEG2 Main Profile / Main Level", "video/mpeg"),
    _video("101.1", "Fragmentable MPEG2 Main Profile / High Level", "video/mpeg"),
    *(_video(f"{number}.1", f"Fragmentable {name}", "video/mp4") for number, name in _MPEG4),
)
"""In the order in which they are offered. What is not listed is served as it is stored, and in no other way."""

MEDIA_TYPE_ALIASES: Final = {
    "image/x-dicom-rle": "image/dicom-rle",
    "image/x-jls": "image/jls",
    "image/dicom+rle": "image/dicom-rle",
    "image/dicom+jpeg": "image/jpeg",
    "image/dicom+jpeg-ls": "image/jls",
    "image/dicom+jp2": "image/jp2",
    "image/dicom+jpx": "image/jpx",
}
"""What earlier editions of PS3.18 called the media types."""

NATIVE: Final = frozenset(one.uid for one in TRANSFER_SYNTAXES if one.pixels is Pixels.NATIVE)
"""Those whose pixel data are not encapsulated."""

_BY_UID: Final = {one.uid: one for one in TRANSFER_SYNTAXES}


def transfer_syntax(uid: str) -> TransferSyntax | None:
    """Return what is known of a transfer syntax; `None` when it is not in the table."""
    return _BY_UID.get(TransferSyntaxUid(uid))


def default_of(media_type: str) -> TransferSyntax | None:
    """Return the transfer syntax that a media type of frames stands for; `None` for other media types."""
    media_type = MEDIA_TYPE_ALIASES.get(media_type, media_type)
    return next((one for one in TRANSFER_SYNTAXES if one.media_type == media_type and one.is_default), None)


def of_media_type(media_type: str) -> tuple[TransferSyntax, ...]:
    """Return the transfer syntaxes of a media type of frames, its default first."""
    media_type = MEDIA_TYPE_ALIASES.get(media_type, media_type)
    found = [one for one in TRANSFER_SYNTAXES if one.media_type == media_type]
    return tuple(sorted(found, key=lambda one: not one.is_default))


def can_transcode(from_: str, to: str) -> bool:
    """Tell whether objects stored in `from_` can be handed on in `to`, their pixels permitting.

    What is stored is always handed on as it is. The pixels do not permit what the target has no room for, such as
    floating point values in JPEG 2000; that is told by `NoCodec` when their encoder is asked for.
    """
    if from_ == to:
        return True
    source, target = transfer_syntax(from_), transfer_syntax(to)
    return source is not None and target is not None and source.decodes and target.encodes
