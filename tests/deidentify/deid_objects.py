"""Objects to be de-identified, written by an encoder of the tests' own, and what the tests do with them."""

import io
import struct

import pydicom

from cauce.core.messages import Pseudonym
from cauce.stages.deidentify import deidentify_instance

CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"
STUDY, SERIES, INSTANCE = "1.2.999.10.1", "1.2.999.10.2", "1.2.999.10.3"
PATIENT = "Quimby^Hubert"
PSEUDONYM = Pseudonym(name="QZXJWVKYPDMB", uid_secret=b"s" * 32, date_offset_days=-100)
OTHER_PSEUDONYM = Pseudonym(name="MNBVCXZLKJHG", uid_secret=b"t" * 32, date_offset_days=321)

_LONG = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])


def element(tag, vr, value, syntax=EXPLICIT):
    """Return one element; `value` is bytes, text, a number (US) or a list of items (SQ), each its bytes."""
    order = ">" if syntax == BIG else "<"
    if vr == "SQ" and not isinstance(value, bytes):
        value = b"".join(struct.pack(order + "HHL", 0xFFFE, 0xE000, len(item)) + item for item in value)
    value = struct.pack(order + "H", value) if isinstance(value, int) else value
    value = value.encode() if isinstance(value, str) else value
    if len(value) % 2:
        value += b"\0" if vr in {"UI", "OB", "UN"} else b" "
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT:
        return head + struct.pack("<L", len(value)) + value
    if vr in _LONG:
        return head + vr.encode() + struct.pack(order + "HL", 0, len(value)) + value
    return head + vr.encode() + struct.pack(order + "H", len(value)) + value


def data_set(elements, syntax=EXPLICIT):
    """Return the bytes of a data set, from (VR, value) by tag, in the order of the tags."""
    return b"".join(element(tag, vr, value, syntax) for tag, (vr, value) in sorted(elements.items()))


def ct(**more):
    """Return the elements of a CT image of 4 by 4; `more` are others, by tag as `x00100010`, None to leave one out."""
    elements = {
        0x00080008: ("CS", "ORIGINAL\\PRIMARY\\AXIAL"),
        0x00080016: ("UI", CT),
        0x00080018: ("UI", INSTANCE),
        0x00080060: ("CS", "CT"),
        0x00080070: ("LO", "Scanners Inc"),
        0x00100010: ("PN", PATIENT),
        0x00100020: ("LO", "HQ-7654321"),
        0x0020000D: ("UI", STUDY),
        0x0020000E: ("UI", SERIES),
        0x00280002: ("US", 1),
        0x00280004: ("CS", "MONOCHROME2"),
        0x00280010: ("US", 4),
        0x00280011: ("US", 4),
        0x00280100: ("US", 16),
        0x7FE00010: ("OW", bytes(range(32))),
    }
    for name, value in more.items():
        tag = int(name[1:], 16)
        if value is None:
            elements.pop(tag)
        else:
            elements[tag] = value
    return elements


def part10(body, syntax=EXPLICIT, *, preamble=bytes(128), meta=b"", sop_class=CT):
    """Return a Part 10 file around the bytes of a data set; `meta` are more elements of group 0002."""
    group = (
        element(0x00020001, "OB", b"\0\1") + element(0x00020002, "UI", sop_class) + element(0x00020003, "UI", INSTANCE)
    )
    group += element(0x00020010, "UI", syntax) + meta
    return preamble + b"DICM" + element(0x00020000, "UL", struct.pack("<L", len(group))) + group + body


def ct_file(syntax=EXPLICIT, **more):
    """Return the bytes of a small CT image."""
    return part10(data_set(ct(**more), syntax), syntax)


def deidentified(content, *, pseudonym=PSEUDONYM, **options):
    """Return (outcome, output bytes)."""
    target = io.BytesIO()
    outcome = deidentify_instance(io.BytesIO(content), target, pseudonym=pseudonym, **options)
    assert outcome.size_bytes == len(target.getvalue())
    return outcome, target.getvalue()


def cleaned(content, **options):
    """Return the output of an original that nothing is held against."""
    outcome, output = deidentified(content, **options)
    assert (outcome.cause, outcome.detail) == (None, "")
    return output


def read(output):
    """Parse an output with pydicom."""
    return pydicom.dcmread(io.BytesIO(output))
