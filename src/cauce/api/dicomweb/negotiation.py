"""What a client accepts, and which of our representations it gets (PS3.18 8.7.3 to 8.7.5, RFC 9110 12.5.1)."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from cauce.api.raw.multipart import parse_options
from cauce.api.raw.problems import NotAcceptable
from cauce.api.raw.request import Request
from cauce.core.transfer_syntaxes import MEDIA_TYPE_ALIASES

RELATED: Final = "multipart/related"
STORED: Final = "*"
"""The transfer syntax that a client names when it takes whatever is stored."""

Resolved = TypeVar("Resolved")

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    media_type: tuple(old for old, new in MEDIA_TYPE_ALIASES.items() if new == media_type)
    for media_type in set(MEDIA_TYPE_ALIASES.values())
}
"""What earlier editions called a media type, by its name of today."""

_ELEMENTS_MAX: Final = 64
_LOST_PLUS: Final = re.compile(r"(?<=[\w.]) (?=[\w.])")
_PART: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One element of what a client accepts.

    `media_type` is that of the parts where `is_multipart`; `syntax` is a transfer syntax's UID, `STORED`, or "" where
    the client leaves it open.
    """

    media_type: str
    is_multipart: bool
    syntax: str = ""
    quality: float = 1.0

    def takes(self, media_type: str, *, multipart: bool) -> bool:
        """Tell whether an answer of this type would do."""
        if self.media_type == "*/*" and not self.is_multipart:
            return True
        if self.is_multipart != multipart:
            return False
        media_types = {media_type, *ALIASES.get(media_type, ())}
        kind, _, sub = self.media_type.partition("/")
        return (
            self.media_type == "*/*"
            or self.media_type in media_types
            or (sub == "*" and media_type.startswith(kind + "/"))
        )


def wanted(request: Request) -> list[Wanted]:
    """Return what the client accepts, best first; the query parameter `accept` goes before the header (8.3.3.1)."""
    return wanted_of(accepted(request))


def accepted(request: Request) -> str:
    """Return what the client says that it accepts. In a query a plus, left as it is, stands for a space."""
    return _LOST_PLUS.sub("+", request.query.get("accept", "")) or request.headers.get("accept", "")


def wanted_of(accept: str) -> list[Wanted]:
    """Return what a list of media types says, best first; an empty one accepts anything."""
    found = list(_elements(accept)) or [Wanted(media_type="*/*", is_multipart=False)]
    return sorted(found, key=lambda one: -one.quality)


def _elements(accept: str) -> Iterator[Wanted]:
    for number, match in enumerate(_PART.finditer(accept)):
        if number == _ELEMENTS_MAX:
            return
        kind, parameters = parse_options(match[0])
        quality = _quality(parameters.get("q", "1"))
        if not kind or quality <= 0:
            continue
        is_multipart = kind == RELATED
        yield Wanted(
            media_type=parameters.get("type", "*/*").strip().lower() if is_multipart else kind,
            is_multipart=is_multipart,
            syntax=parameters.get("transfer-syntax", "").strip(),
            quality=quality,
        )


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 1.0


@dataclass(frozen=True, slots=True)
class Offer:
    """A representation that we have."""

    media_type: str
    multipart: bool = False


def choose(request: Request, offers: Iterable[Offer]) -> tuple[Offer, Wanted]:
    """Return the first of `offers`, in our order, that what the client likes best admits.

    Raises:
        NotAcceptable: it accepts none.
    """
    offer, want = choose_resolved(request, offers, lambda _offer, want: want)
    return offer, want


def choose_resolved(
    request: Request, offers: Iterable[Offer], resolve: Callable[[Offer, Wanted], Resolved | None]
) -> tuple[Offer, Resolved]:
    """Return an offer as `choose` does, passing over what `resolve` has no way to make, and what it said of it.

    Raises:
        NotAcceptable: the client accepts nothing that can be made.
    """
    return choose_among(wanted(request), offers, resolve)


def choose_among(
    accepted: Sequence[Wanted], offers: Iterable[Offer], resolve: Callable[[Offer, Wanted], Resolved | None]
) -> tuple[Offer, Resolved]:
    """Return an offer as `choose_resolved` does, of what is accepted, best first.

    Raises:
        NotAcceptable: nothing that is accepted can be made.
    """
    ours = tuple(offers)
    for one in accepted:
        for offer in ours:
            if one.takes(offer.media_type, multipart=offer.multipart):
                resolved = resolve(offer, one)
                if resolved is not None:
                    return offer, resolved
    raise NotAcceptable(f"This is served as {', '.join(dict.fromkeys(map(_named, ours)))}.")


def _named(offer: Offer) -> str:
    return f'{RELATED}; type="{offer.media_type}"' if offer.multipart else offer.media_type
