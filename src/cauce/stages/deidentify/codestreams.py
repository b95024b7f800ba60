"""What compressed images carry besides pixels: comments, application data, bytes behind the end of the image.

Nothing is decoded: a codestream is followed from marker to marker, or from box to box, and what no decoder needs is
named, so that it can be blanked in place (ITU-T T.81, T.87, T.800; ISO/IEC 18181-2).
"""

import re
from collections.abc import Iterator
from typing import Final

from cauce.stages.deidentify.fragments import STARTS, Edit, Joined, UnexplainedError

_FILL, _EOI, _SOS, _DHT, _DQT, _DHP, _SOF_JPEG_LS = 0xFF, 0xD9, 0xDA, 0xC4, 0xDB, 0xDE, 0xF7
_SOF = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, _SOF_JPEG_LS})
_STANDALONE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
_AS_LONG_AS_SAID = frozenset({0xCC, 0xF8})  # conditioning of arithmetic coding, parameters of JPEG-LS
_LENGTHS: Final = {0xDC: 2, 0xDD: 2, 0xDF: 1}  # number of lines, restart interval, expansion
_APPLICATION: Final = {
    0xE0: ((b"JFIF\0", 14),),
    0xE8: ((b"SPIFF\0", 30), (b"mrfx", 5), (b"\0\0\0\1\xff\xd8", 6)),
    0xEE: ((b"Adobe", 12),),
}
"""Application data that decoders look at: how it begins, and how many bytes of it mean something."""
_BETWEEN_SCANS = frozenset({*range(0xE0, 0xF0), *_SOF, _DHT, _DQT, _SOS, _EOI, 0xCC, 0xDC, 0xDD, 0xDF, 0xF8, 0xFE})
_JPEG_NEXT = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_JPEG_LS_NEXT = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")  # behind FF, the scans of JPEG-LS have a bit of 0
_MARKER = re.compile(rb"\xff")
_NOT_FILL = re.compile(rb"[^\xff]")
_NOT_ZERO = re.compile(rb"[^\0]")

_EOC = re.compile(rb"(?<!\xff\x91\x00\x04)\xff\xd9")  # but for the number of a packet
_COM_2000, _SOT, _SOD, _END_2000 = 0xFF64, 0xFF90, 0xFF93, 0xFFD9
_KNOWN_2000 = frozenset({*range(0xFF50, 0xFF64), 0xFF78})

_IN_JP2 = frozenset([b"jP  ", b"ftyp"])
_IN_HEADER_OF_JP2 = frozenset([b"ihdr", b"bpcc", b"colr", b"pclr", b"cmap", b"cdef", b"res "])
_IN_JPEG_XL = frozenset([b"JXL ", b"ftyp", b"jxll", b"jxlc", b"jxlp", b"jxli"])
_ANY_START = re.compile(b"|".join(re.escape(start) for start in STARTS[:-1]))


def beside_the_image(frame: Joined) -> Iterator[Edit]:
    """Yield what one compressed frame carries besides its image, by position in it; see `Edit`.

    Raises:
        UnexplainedError: another image follows, or this is none that can be followed.
    """
    head = frame.at(0, 12)
    if head.startswith(STARTS[-1]):  # a bare JPEG XL codestream has no room for anything
        return
    if head.startswith(STARTS[3]):
        yield from _boxes(frame, 0, frame.length, known=_IN_JPEG_XL)
        return
    if head.startswith(STARTS[2]):
        yield from _boxes(frame, 0, frame.length, known=_IN_JP2)
        return
    start = frame.find(_ANY_START, 0)
    if start < 0:
        raise UnexplainedError("It holds a fragment that is no image.")
    yield from _blank(frame, 0, start)
    follow = _jpeg if frame.at(start, 2) == b"\xff\xd8" else _jpeg2000
    yield from follow(frame, start, frame.length)


def _blank(frame: Joined, start: int, end: int) -> Iterator[Edit]:
    """Blank a stretch, if there is anything in it."""
    if start < end and frame.find(_NOT_ZERO, start, end) >= 0:
        yield start, end - start, None


def _rest(frame: Joined, start: int, end: int) -> Iterator[Edit]:
    """Blank what lies behind an image, but for one byte that makes its length even."""
    if end - start <= 1:
        return
    if frame.find(_ANY_START, start, end) >= 0:
        raise UnexplainedError("Another image lies behind a frame.")
    yield from _blank(frame, start, end)


def _jpeg(frame: Joined, position: int, end: int) -> Iterator[Edit]:
    """Follow a JPEG or JPEG-LS image from its start to its end."""
    position += 2
    following, is_scanned = _JPEG_NEXT, False
    while position + 2 <= end:
        code, marker = frame.at(position, 2)
        if code != _FILL:
            found = frame.find(_MARKER, position, end)
            after = end if found < 0 else found
            yield from _blank(frame, position, after)
        elif marker == _FILL:
            found = frame.find(_NOT_FILL, position, end)
            after = end if found < 0 else found - 1
        elif marker == _EOI:
            yield from _rest(frame, position + 2, end)
            return
        elif marker in _STANDALONE or (is_scanned and marker not in _BETWEEN_SCANS):
            after = position + 2
        else:
            length = max(int.from_bytes(frame.at(position + 2, 2), "big"), 2)
            after = min(position + 2 + length, end)
            used = _used(marker, frame.at(position + 4, length - 2))
            yield from _blank(frame, position + 4 + used, after)
            following = _JPEG_LS_NEXT if marker == _SOF_JPEG_LS else following
            is_scanned = is_scanned or marker == _SOS
        if is_scanned:
            found = frame.find(following, after, end)
            after = end if found < 0 else found
        position = after


def _used(marker: int, body: bytes) -> int:
    """Return how many bytes of a segment decoders need."""
    if marker in _APPLICATION:
        return next((length for begins, length in _APPLICATION[marker] if body.startswith(begins)), 0)
    if marker in _SOF or marker == _DHP:
        return 6 + 3 * (body[5] if len(body) > 5 else 0)  # noqa: PLR2004 - the number of components
    if marker == _SOS:
        return 4 + 2 * (body[0] if body else 0)
    if marker in {_DQT, _DHT}:
        return _used_by_tables(marker, body)
    return len(body) if marker in _AS_LONG_AS_SAID else _LENGTHS.get(marker, 0)


def _used_by_tables(marker: int, body: bytes) -> int:
    position = 0
    while position < len(body):
        of_dht = 17 + sum(body[position + 1 : position + 17])
        size = (129 if body[position] >> 4 else 65) if marker == _DQT else of_dht
        if body[position] & 0xF > 3 or position + size > len(body):  # noqa: PLR2004 - there are four of each
            break
        position += size
    return position


def _jpeg2000(frame: Joined, position: int, end: int) -> Iterator[Edit]:
    """Follow a JPEG 2000 or HTJ2K codestream through its main header and the headers of its tile-parts."""
    position, tile_part_end = position + 2, 0
    while position + 2 <= end:
        marker = int.from_bytes(frame.at(position, 2), "big")
        length = int.from_bytes(frame.at(position + 2, 2), "big")
        if marker == _END_2000:
            yield from _rest(frame, position + 2, end)
            return
        if marker == _SOD:
            if not tile_part_end:  # the last one may leave its length open
                found = frame.find(_EOC, position, end)
                tile_part_end = end if found < 0 else found
            position = max(tile_part_end, position + 2)
            continue
        if marker == _SOT:
            size = int.from_bytes(frame.at(position + 6, 4), "big")
            tile_part_end = position + size if size else 0
        elif marker == _COM_2000:
            yield from _blank(frame, position + 6, min(position + 2 + length, end))
        elif marker not in _KNOWN_2000:
            if marker < 0xFF00 or length < 2:  # noqa: PLR2004 - no marker
                if frame.find(_NOT_ZERO, position, end) < 0:
                    return
                raise UnexplainedError("A codestream cannot be followed.")
            yield from _blank(frame, position + 4, min(position + 2 + length, end))
        position += 2 + max(length, 2)


def _boxes(frame: Joined, position: int, end: int, *, known: frozenset[bytes]) -> Iterator[Edit]:
    """Follow boxes; those that no decoder needs become free space."""
    while position + 8 <= end:
        head = frame.at(position, 16)
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if not size and not kind.strip(b"\0"):
            break
        begins = 16 if size == 1 else 8
        size = int.from_bytes(head[8:16], "big") if size == 1 else size or end - position
        after = position + size
        if size < begins or after > end:
            raise UnexplainedError("A box reaches beyond its frame.")
        if kind == b"jp2c":
            yield from _jpeg2000(frame, position + begins, after)
        elif kind == b"jp2h":
            yield from _boxes(frame, position + begins, after, known=_IN_HEADER_OF_JP2)
        elif kind not in known:
            yield position + 4, 4, b"free"
            yield from _blank(frame, position + begins, after)
        position = after
    yield from _rest(frame, position, end)
