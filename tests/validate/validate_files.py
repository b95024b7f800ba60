"""Small DICOM files of these tests' own making, one data set in any encoding: no library of DICOM has a hand in them.

A data set is a list of (tag, VR, value). A value is text, bytes, numbers (one, or a tuple), a list of data sets for SQ,
`Encapsulated` for pixels in fragments.
"""

import io
import struct
import zlib
from dataclasses import dataclass

from hypothesis import strategies as st

from cauce.core.limits import Limits
from cauce.stages.validate import canonical_digest, read_header

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_LS = "1.2.840.10008.1.2.4.80"
MPEG = "1.2.840.10008.1.2.4.100"

CT = "1.2.840.10008.5.1.4.1.1.2"
INSTANCE, SERIES, STUDY = "2.25.103", "2.25.102", "2.25.101"

LONG_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
NUMBERS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "UV": "Q", "SV": "q", "AT": "H"}
NUMBERS |= {"OW": "H", "OL": "L", "OF": "f", "OD": "d", "OV": "Q"}
UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Encapsulated:
    """Pixels in fragments: `items` are the offset table and the fragments."""

    items: tuple[bytes, ...]
    with_delimiter: bool = True


@dataclass(frozen=True)
class Encoding:
    """How a data set is written; the flags say what two writers may do differently."""

    implicit: bool = False
    big: bool = False
    undefined_lengths: bool = False
    group_lengths: bool = False
    sequences_as_unknown: bool = False

    def header(self, tag, vr, length):
        group, element = tag >> 16, tag & 0xFFFF
        order = ">" if self.big else "<"
        if self.implicit or tag >= 0xFFFE0000:
            return struct.pack(f"{order}HHL", group, element, length)
        if vr in LONG_VRS:
            return struct.pack(f"{order}HH2sHL", group, element, vr.encode(), 0, length)
        return struct.pack(f"{order}HH2sH", group, element, vr.encode(), length)

    def element(self, tag, vr, value):
        if vr == "SQ":
            return self.sequence(tag, value)
        if isinstance(value, Encapsulated):
            return self.encapsulated(tag, vr, value)
        encoded = self.value(vr, value)
        return self.header(tag, vr, len(encoded)) + encoded

    def value(self, vr, value):
        if isinstance(value, bytes):
            return value
        if isinstance(value, str):
            encoded = value.encode()
            return encoded + (b"\0" if vr == "UI" else b" ") * (len(encoded) & 1)
        numbers = value if isinstance(value, tuple) else (value,)
        return struct.pack(f"{'>' if self.big else '<'}{len(numbers)}{NUMBERS[vr]}", *numbers)

    def sequence(self, tag, items):
        inside = Encoding(implicit=True) if self.sequences_as_unknown else self
        body = b"".join(inside.item(item, undefined=self.undefined_lengths) for item in items)
        length = UNDEFINED if self.undefined_lengths else len(body)
        end = inside.header(0xFFFEE0DD, "", 0) if self.undefined_lengths else b""
        return self.header(tag, "UN" if self.sequences_as_unknown else "SQ", length) + body + end

    def item(self, data_set, *, undefined):
        body = self.data_set(data_set)
        if undefined:
            return self.header(0xFFFEE000, "", UNDEFINED) + body + self.header(0xFFFEE00D, "", 0)
        return self.header(0xFFFEE000, "", len(body)) + body

    def encapsulated(self, tag, vr, value):
        items = b"".join(self.header(0xFFFEE000, "", len(item)) + item for item in value.items)
        end = self.header(0xFFFEE0DD, "", 0) if value.with_delimiter else b""
        return self.header(tag, vr, UNDEFINED) + items + end

    def data_set(self, elements):
        groups = {}
        for tag, vr, value in elements:
            groups.setdefault(tag >> 16, []).append(self.element(tag, vr, value))
        parts = []
        for group, encoded in groups.items():
            body = b"".join(encoded)
            if self.group_lengths:
                parts.append(self.element(group << 16, "UL", len(body)))
            parts.append(body)
        return b"".join(parts)


ENCODINGS = {
    EXPLICIT: Encoding(),
    IMPLICIT: Encoding(implicit=True),
    BIG: Encoding(big=True),
    DEFLATED: Encoding(),
}


def deflated(data):
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = squeeze.compress(data) + squeeze.flush()
    return packed + b"\0" * (len(packed) & 1)


def file_meta(transfer_syntax=EXPLICIT, *, sop_class=CT, sop_instance=INSTANCE):
    given = [(0x00020002, "UI", sop_class), (0x00020003, "UI", sop_instance), (0x00020010, "UI", transfer_syntax)]
    elements = [
        (0x00020001, "OB", b"\0\1"),
        *(element for element in given if element[2]),
        (0x00020012, "UI", "2.25.9"),
    ]
    return Encoding(group_lengths=True).data_set(elements)


def part10(elements, transfer_syntax=EXPLICIT, *, encoding=None, meta=None, trailing=b""):
    """Return a file with preamble and meta information; `encoding` defaults to that of the transfer syntax."""
    data = (encoding or ENCODINGS.get(transfer_syntax, Encoding())).data_set(elements) + trailing
    head = bytes(128) + b"DICM" + (file_meta(transfer_syntax) if meta is None else meta)
    return head + (deflated(data) if transfer_syntax == DEFLATED else data)


def described(*, rows=2, columns=3, bits=16, samples=1, frames=None, photometric="MONOCHROME2", planar=None):
    """Return the elements that describe pixels."""
    return [
        (0x00280002, "US", samples),
        (0x00280004, "CS", photometric),
        *([(0x00280006, "US", planar)] if planar is not None else []),
        *([(0x00280008, "IS", str(frames))] if frames is not None else []),
        (0x00280010, "US", rows),
        (0x00280011, "US", columns),
        (0x00280100, "US", bits),
        (0x00280101, "US", bits),
        (0x00280102, "US", bits - 1),
        (0x00280103, "US", 0),
    ]


def identified(*, sop_class=CT, sop_instance=INSTANCE, study=STUDY, series=SERIES):
    """Return the UIDs of an instance; those given as None are left out."""
    given = [
        (0x00080016, "UI", sop_class),
        (0x00080018, "UI", sop_instance),
        (0x0020000D, "UI", study),
        (0x0020000E, "UI", series),
    ]
    return [element for element in given if element[2] is not None]


def instance(*more, **uids):
    """Return the elements of an instance in ascending order: its UIDs and `more`, which may replace them."""
    by_tag = {element[0]: element for element in [*identified(**uids), *more]}
    return [by_tag[tag] for tag in sorted(by_tag)]


def image(*more, pixels=(1, 2, 3, 4, 5, 0xFFFE), vr="OW", **description):
    """Return the elements of an image of 2 x 3 samples of 16 bits, unless told otherwise."""
    return instance(*described(**description), (0x7FE00010, vr, pixels), *more)


CODE = [(0x00080100, "SH", "T-D3000"), (0x00080102, "SH", "SRT"), (0x00080104, "LO", "Chest")]
PRIVATE = [
    (0x00091001, "US", (0x2041, 0x0041)),
    (0x00091002, "FD", (0.1, -3.5)),
    (0x00091003, "LO", "private text"),
    (0x00091004, "OB", b"\1\2\3\4"),
    (0x00091005, "SQ", [[(0x00091006, "SL", -7), (0x00080100, "SH", "X")], []]),
    (0x00091007, "SQ", []),
    (0x00091008, "OW", (1, 2, 3)),
    (0x00091009, "AT", (0x0010, 0x0020)),
]
RICH = [
    (0x00080005, "CS", "ISO_IR 100"),
    (0x00080008, "CS", "ORIGINAL\\PRIMARY"),
    (0x00081115, "SQ", [[(0x0020000E, "UI", "2.25.4"), (0x00081199, "SQ", [CODE, []])], []]),
    (0x00081140, "SQ", []),
    (0x00090010, "LO", "SOMEBODY"),
    *PRIVATE,
    (0x00100010, "PN", b"M\xfcller^J\xf6rg "),
    (0x00100020, "LO", "P1"),
    (0x00186060, "SL", -70000),
    (0x00189087, "FD", 1000.0),
    (0x00189219, "SS", -2),
    (0x00209165, "AT", (0x0018, 0x9087)),
    (0x00280120, "US", 0xFFFE),
    (0x00281201, "OW", (0, 256, 65535)),
    (0x00281055, "LO", "WIDE\\NARROW"),
    (0x00540410, "SQ", [CODE, CODE]),
    (0x00880200, "SQ", [[(0x00280010, "US", 1), (0x00280011, "US", 2), (0x7FE00010, "OW", (7, 8))]]),
]
SUBJECT = image(*RICH)
"""An image with values of every kind: private ones, nested ones, numbers of every width."""


def digest_of(data, decode=None):
    return canonical_digest(io.BytesIO(data), size_bytes=len(data), limits=Limits(), decode=decode)


def header_of(data, limits=None):
    return read_header(io.BytesIO(data), size_bytes=len(data), limits=limits or Limits())


OF_THE_IOD = {"type1_missing", "type1_empty", "type1c_missing", "type2_missing"}
"""Warnings that nearly all files here have: they hold what a test is about, and not what their IOD requires."""


def codes(header):
    return [warning.code for warning in header.warnings if warning.code not in OF_THE_IOD]


VALUES = {
    0x00080060: ("CS", st.text("ABC_ ", max_size=6)),
    0x00100020: ("LO", st.text("abc ", max_size=6)),
    0x00091001: ("US", st.lists(st.integers(0, 65535), max_size=3).map(tuple)),
    0x00091002: ("LO", st.text("abc", max_size=6)),
    0x00091003: ("FD", st.floats(allow_nan=False)),
    0x00091004: ("OB", st.binary(max_size=6).map(lambda value: value + b"\1" * (len(value) & 1))),
    0x00189219: ("SS", st.integers(-32768, 32767)),
    0x00281201: ("OW", st.lists(st.integers(0, 65535), max_size=3).map(tuple)),
}


@st.composite
def data_sets(draw, depth=2):
    """Draw a data set of a few elements, private ones and nested ones among them."""
    elements = []
    for tag in draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=5)):
        vr, values = VALUES[tag]
        elements.append((tag, vr, draw(values)))
    if depth:
        tags = draw(st.lists(st.sampled_from([0x00081115, 0x00091005]), unique=True, max_size=2))
        elements.extend((tag, "SQ", draw(st.lists(data_sets(depth=depth - 1), max_size=2))) for tag in tags)
    return sorted(elements)
