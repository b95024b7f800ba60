"""Damage to files: blind, as disks and networks do it, and aimed at what a parser believes, as attackers do it.

Everything comes from one `random.Random`, so a case is made again from its number.
"""

import io
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

NUMBERS = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFE,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0xFFFFFFFE,
    2**32 - 1,
)
VRS = b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
TAGS = (
    (0x0002, 0x0010), (0x0004, 0x1220), (0x0008, 0x0000), (0x0008, 0x0005), (0x0008, 0x0016), (0x0008, 0x0018),
    (0x0008, 0x1140), (0x0009, 0x1001), (0x0010, 0x0010), (0x0020, 0x000D), (0x0028, 0x0002), (0x0028, 0x0004),
    (0x0028, 0x0008), (0x0028, 0x0010), (0x0028, 0x0011), (0x0028, 0x0100), (0x0028, 0x0101), (0x0028, 0x0103),
    (0x0028, 0x1052), (0x0028, 0x1101), (0x0028, 0x3010), (0x0040, 0xA730), (0x0042, 0x0011), (0x5200, 0x9230),
    (0x5400, 0x0100), (0x6000, 0x3000), (0x7FE0, 0x0001), (0x7FE0, 0x0008), (0x7FE0, 0x0010), (0xFFFA, 0xFFFA),
    (0xFFFC, 0xFFFC), (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD), (0xFFFF, 0xFFFF), (0x0000, 0x0000),
)  # fmt: skip
WORDS = (
    b"", b"\0", b" ", b"\\" * 40, b"=" * 12, b"^" * 12, b"1.2.3", b"1." * 40, b"-1", b"1e400", b"NaN", b"9" * 200,
    b"65535", b"4294967295", b"-2147483648", b"ISO_IR 100", b"ISO_IR 192", b"\\ISO 2022 IR 87\\ISO 2022 IR 149",
    b"GB18030", b"ISO_IR 999", b"\x1b$B;3ED\x1b(B", b"\x1b$)C\xb1\xe8", b"\x1b" * 9, b"\xff\xfe\xfd",
    b"\xf0\x9f\xa9\xbb", b"\xed\xa0\x80", b"RGB", b"PALETTE COLOR", b"YBR_FULL_422", b"MONOCHROME2",
    b"../../etc/passwd", b"%s%n", b"00000000", b"20260231", b"999999.999999", b"\xff\xd8\xff\xe0",
    b"\xff\x4f\xff\x51", b"PK\x03\x04", b"\xfe\xff\x00\xe0",
)  # fmt: skip
SYNTAXES = tuple(
    f"1.2.840.10008.1.2{tail}".encode()
    for tail in (
        *("", ".1", ".2", ".1.99", ".1.98", ".5", ".8.1", ".4.50", ".4.51", ".4.57", ".4.70", ".4.80", ".4.81"),
        *(".4.90", ".4.91", ".4.94", ".4.95", ".4.100", ".4.102", ".4.110", ".4.201", ".4.203", ".4.205", ".77"),
    )
)
BYTES_MAX = 3_000_000
_DEPTHS = (2, 3, 30, 63, 64, 65, 66, 400)
_ELEMENT = re.compile(rb"(?=(?:" + b"|".join(VRS) + rb"))")
_SYNTAX = re.compile(rb"\x02\0\x10\0UI(..)", re.DOTALL)

Mutation = Callable[[bytearray, random.Random], None]


def mutated(seed: bytes, other: bytes, rng: random.Random) -> bytes:
    """Return `seed` after one to eight changes; some take bytes from `other`."""
    data = bytearray(seed)
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 8))):
        if len(data) < 2:
            data += other[:400]
        change = rng.choice(_CHANGES)
        if change is _splice:
            at = rng.randrange(len(data))
            data[at:] = other[rng.randrange(len(other) or 1) :]
        else:
            change(data, rng)
        del data[BYTES_MAX:]
    if rng.random() < 0.02:
        return _zipped(bytes(data), other, rng)
    return bytes(data)


def _place(data: bytearray, rng: random.Random) -> int:
    """Return an offset: mostly where the header is."""
    return rng.randrange(min(len(data), rng.choice((200, 1200, 6000, len(data)))) or 1)


def _element(data: bytearray, rng: random.Random) -> int:
    """Return where an element with a VR seems to begin, or anywhere when there is none near."""
    start = _place(data, rng)
    for match in _ELEMENT.finditer(data, start, start + 20_000):
        if match.start() >= 4:
            return match.start() - 4
    return start


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 4, 40))):
        data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _overwrite(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    size = rng.choice((1, 2, 4, 8))
    data[at : at + size] = (rng.choice(NUMBERS) % 256**size).to_bytes(size, rng.choice(("little", "big")))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(1, len(data)) :]


def _insert(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    data[at:at] = rng.choice((rng.randbytes(rng.randrange(1, 40)), rng.choice(WORDS), bytes(rng.randrange(1, 2000))))


def _remove(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    del data[at : at + rng.choice((1, 2, 4, 8, 100, 1000))]


def _repeat(data: bytearray, rng: random.Random) -> None:
    at = _place(data, rng)
    piece = bytes(data[at : at + rng.choice((2, 8, 30, 300))])
    data[at:at] = piece * rng.choice((1, 2, 10, 500))


def _splice(data: bytearray, rng: random.Random) -> None:
    """Stand for the change that takes bytes of another file."""


def _length(data: bytearray, rng: random.Random) -> None:
    at = _element(data, rng)
    if bytes(data[at + 4 : at + 6]) in LONG_VRS:
        data[at + 8 : at + 12] = struct.pack("<L", rng.choice(NUMBERS) & 0xFFFFFFFF)
    else:
        data[at + 6 : at + 8] = struct.pack("<H", rng.choice(NUMBERS) & 0xFFFF)


def _vr(data: bytearray, rng: random.Random) -> None:
    at = _element(data, rng)
    data[at + 4 : at + 6] = rng.choice((*VRS, b"ZZ", b"\0\0", b"??"))


def _tag(data: bytearray, rng: random.Random) -> None:
    at = _element(data, rng)
    data[at : at + 4] = struct.pack("<HH", *rng.choice(TAGS))


def _value(data: bytearray, rng: random.Random) -> None:
    at = _element(data, rng)
    is_long = bytes(data[at + 4 : at + 6]) in LONG_VRS
    size = int.from_bytes(data[at + 8 : at + 12] if is_long else data[at + 6 : at + 8], "little")
    start = at + (12 if is_long else 8)
    word = rng.choice((rng.choice(WORDS), rng.randbytes(min(size, 64))))
    if rng.random() < 0.5:
        data[start : start + size] = word.ljust(size, b" ")[:size] if size < 100_000 else word
        return
    data[start : start + min(size, 100_000)] = word
    if is_long:
        data[at + 8 : at + 12] = struct.pack("<L", len(word))
    else:
        data[at + 6 : at + 8] = struct.pack("<H", len(word))


def _add(data: bytearray, rng: random.Random) -> None:
    at = _element(data, rng)
    vr, word = rng.choice(VRS), rng.choice(WORDS)
    head = struct.pack("<HH2s", *rng.choice(TAGS), vr)
    data[at:at] = head + (struct.pack("<HL", 0, len(word)) if vr in LONG_VRS else struct.pack("<H", len(word))) + word


def _nest(data: bytearray, rng: random.Random) -> None:
    at = _element(data, rng)
    depth = rng.choice(_DEPTHS)
    head = struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    tail = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    inner = bytes(data[at : at + rng.choice((0, 20, 200))])
    data[at:at] = head * depth + inner + tail * rng.choice((depth, depth - 1, 0))


def _fragments(data: bytearray, rng: random.Random) -> None:
    """Let pixel data be encapsulated, in fragments that agree with nothing."""
    at = data.find(b"\xe0\x7f\x10\0")
    if at < 0:
        return
    body = bytes(data[at + 12 :])
    count = rng.choice((0, 1, 2, 5, 3000))
    size = rng.choice((0, 1, 2, 8, len(body)))
    items = b"".join(
        struct.pack("<HHL", 0xFFFE, 0xE000, rng.choice((size, size, rng.choice(NUMBERS) & 0xFFFFFFFF))) + body[:size]
        for _ in range(count)
    )
    table = struct.pack("<HHL", 0xFFFE, 0xE000, 8) + struct.pack("<2L", 0, rng.choice(NUMBERS) & 0xFFFFFFFF)
    data[at:] = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + table + items
    data += rng.choice((struct.pack("<HHL", 0xFFFE, 0xE0DD, 0), b""))


def _syntax(data: bytearray, rng: random.Random) -> None:
    match = _SYNTAX.search(data)
    if match is None:
        return
    size = int.from_bytes(match[1], "little")
    uid = rng.choice(SYNTAXES)
    uid += b"\0" * (len(uid) & 1)
    body = bytes(data[match.end() + size :])
    if uid.startswith(b"1.2.840.10008.1.2.1.99") and rng.random() < 0.8:
        squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = squeeze.compress(body) + squeeze.flush()
    data[match.start() + 6 :] = struct.pack("<H", len(uid)) + uid + body


def _zipped(data: bytes, other: bytes, rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as made:
        made.writestr(rng.choice(("a.dcm", "../a", "C:\\a", "é", "a/")), data)
        made.writestr("b.dcm", other[:10_000])
    packed = bytearray(buffer.getvalue())
    for _ in range(rng.randrange(6)):
        packed[rng.randrange(len(packed))] = rng.randrange(256)
    return bytes(packed)


_CHANGES: tuple[Mutation, ...] = (
    *(_flip, _overwrite, _cut, _insert, _remove, _repeat, _splice),
    *(_length, _length, _vr, _tag, _value, _value, _add, _nest, _fragments, _syntax),
)
