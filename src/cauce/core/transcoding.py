"""What those who read a header, recode frames and hand on instances tell each other when a transfer syntax changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Element = tuple[str, bytes]
"""VR and little endian value, of even length."""

Edits = Mapping[int, Element | None]
"""What becomes of elements of the top level, by tag: a new value, or `None` for one that is left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """How a file is encoded in truth; `is_whole` says that it has a preamble and file meta that tell so."""

    transfer_syntax_uid: str
    is_whole: bool


@dataclass(frozen=True, kw_only=True)
class NewPixels:
    """What takes the place of the pixel data: bytes as they are written, in an element of this VR and length.

    `length` is `None` for encapsulated pixels, whose chunks then end with their delimiter. `elements` go before it.
    """

    vr: str
    length: int | None
    chunks: Iterable[bytes]
    elements: Mapping[int, Element] = field(default_factory=dict)
