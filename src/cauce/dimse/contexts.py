"""Which presentation contexts are accepted, and in which transfer syntax (PS3.8 section 9.3.2, PS3.7 annex D.3.2).

The acceptor chooses among the transfer syntaxes that the requestor offers in a context. pynetdicom's
`negotiate_as_acceptor` goes through the acceptor's list in the acceptor's order and takes the first that was
offered, so a preference is expressed by that order alone. Its mode for storage classes that it does not know
(`UNRESTRICTED_STORAGE_SERVICE`) does neither: it takes whatever syntax the requestor names first, unknown ones
included, and counts every retired or unknown class as storage. It stays off; instead, the list of supported
contexts is made for each association from what its requestor proposes.
"""

from collections.abc import Iterable

from pydicom import uid
from pydicom.uid import UID
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification

from cauce.core.identifiers import is_usable_uid

VERIFICATION = str(Verification)

NATIVE_SYNTAXES: tuple[str, ...] = (
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
)
LOSSLESS_SYNTAXES: tuple[str, ...] = (
    uid.RLELossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000MCLossless,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    UID("1.2.840.10008.1.2.4.110"),  # JPEG XL lossless
    uid.DeflatedExplicitVRLittleEndian,
    UID("1.2.840.10008.1.2.8.1"),  # deflated image frames
    UID("1.2.840.10008.1.2.1.98"),  # encapsulated, uncompressed
    UID("1.2.840.10008.1.2.4.58"),  # the retired lossless processes 15, 28 and 29 of JPEG
    UID("1.2.840.10008.1.2.4.65"),
    UID("1.2.840.10008.1.2.4.66"),
)
LOSSY_SYNTAXES: tuple[str, ...] = (
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLSNearLossless,
    uid.JPEG2000,
    uid.JPEG2000MC,
    uid.HTJ2K,
    UID("1.2.840.10008.1.2.4.111"),  # JPEG XL, recompressed JPEG
    UID("1.2.840.10008.1.2.4.112"),  # JPEG XL
    *(UID(f"1.2.840.10008.1.2.4.{number}") for number in range(100, 109)),  # MPEG-2, MPEG-4, HEVC
    *(UID(f"1.2.840.10008.1.2.4.{number}.1") for number in range(100, 107)),  # the same, in fragments
    *(UID(f"1.2.840.10008.1.2.4.{number}") for number in (52, 53, 54, 55, 56, 59, 60, 61, 62, 63, 64)),  # retired JPEG
)
TRANSFER_SYNTAXES: tuple[str, ...] = NATIVE_SYNTAXES + LOSSLESS_SYNTAXES + LOSSY_SYNTAXES
"""All that are accepted, best first. Not among them: syntaxes whose pixels lie elsewhere (JPIP), and streams."""

_STANDARD = "1.2.840.10008."
_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
_NO_NETWORK_STORAGE = frozenset(
    {
        "1.2.840.10008.1.3.10",  # media storage directory: lives on media only
        "1.2.840.10008.1.20.1",  # storage commitment, push
        "1.2.840.10008.1.20.2",  # storage commitment, pull
    }
)


def is_storage(abstract_syntax: str) -> bool:
    """Tell whether instances of this SOP class can be stored, as far as anyone can know.

    Private classes are taken for storage, and so are numbers in the standard's branch of storage classes that the
    dictionary does not have yet or no longer names. Everything else of the standard goes by the dictionary.
    """
    if not is_usable_uid(abstract_syntax):
        return False
    if not abstract_syntax.startswith(_STANDARD):
        return True
    if abstract_syntax in _NO_NETWORK_STORAGE:
        return False
    known = UID(abstract_syntax)
    name = "" if known.name == abstract_syntax else known.name
    if not name:
        return abstract_syntax.startswith(_STORAGE_ROOT)
    return known.type == "SOP Class" and "Storage" in name


def supported_contexts(abstract_syntaxes: Iterable[str]) -> list[PresentationContext]:
    """Return what to support of the abstract syntaxes that a requestor proposes: verification and storage classes."""
    supported = []
    for abstract_syntax in dict.fromkeys(abstract_syntaxes):
        if abstract_syntax == VERIFICATION:
            supported.append(build_context(abstract_syntax, list(NATIVE_SYNTAXES)))
        elif is_storage(abstract_syntax):
            supported.append(build_context(abstract_syntax, list(TRANSFER_SYNTAXES)))
    return supported
