"""The elements that every output carries, and those that follow from cleaned pixels (PS3.15 E.1.1)."""

from cauce.core.file_head import IMPLEMENTATION_VERSION_NAME
from cauce.core.messages import Pseudonym
from cauce.stages.deidentify.encoding import Encoding
from cauce.stages.deidentify.pixels import CleanedPixels
from cauce.stages.deidentify.profile import Profile
from cauce.stages.deidentify.values import AGE_MAX


def our_elements(
    pseudonym: Pseudonym, profile: Profile, encoding: Encoding, pixels: CleanedPixels | None
) -> dict[int, bytes]:
    """Return the elements that every output carries, by tag (PS3.15 E.1.1)."""
    name = pseudonym.name.encode()
    items = [
        encoding.element(0x00080100, b"SH", code.value.encode())
        + encoding.element(0x00080102, b"SH", b"DCM")
        + encoding.element(0x00080104, b"LO", code.meaning.encode())
        for code in profile.claimed(cleans_pixels=pixels is not None)
    ]
    return _of_pixels(pixels, encoding) | {
        0x00100010: encoding.element(0x00100010, b"PN", name),
        0x00100020: encoding.element(0x00100020, b"LO", name),
        0x00120062: encoding.element(0x00120062, b"CS", b"YES"),
        0x00120063: encoding.element(0x00120063, b"LO", profile.method.encode()),
        0x00120064: encoding.sequence(0x00120064, *items),
        0x00280303: encoding.element(0x00280303, b"CS", profile.longitudinal.encode()),
    }


def written(pseudonym: Pseudonym, profile: Profile) -> frozenset[bytes]:
    """Return the values of `our_elements` and of the file meta information that are the same for everybody."""
    texts = [pseudonym.name, profile.method, profile.longitudinal, IMPLEMENTATION_VERSION_NAME, AGE_MAX.decode()]
    texts += (rule.value for rule in profile.rules if rule.value)
    for code in profile.codes:
        texts += (code.value, code.meaning)
    return frozenset(text.encode() for text in texts)


def _of_pixels(pixels: CleanedPixels | None, encoding: Encoding) -> dict[int, bytes]:
    """Return the elements that follow from cleaned pixels; empty bytes for those that go."""
    if pixels is None:
        return {}
    made = {0x00280301: encoding.element(0x00280301, b"CS", b"NO")}
    for tag, edit in pixels.edits.items():
        if edit is None:
            made[tag] = b""
            continue
        vr, value = edit
        value = value[::-1] if vr == "US" and not encoding.little else value
        made[tag] = encoding.element(tag, vr.encode(), value)
    return made
