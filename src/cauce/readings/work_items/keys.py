"""The values by which work items are searched for, and how what a client wrote matches them (PS3.4 C.2.2.2)."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple

from cauce.core.errors import InvalidRequest
from cauce.core.matching import parse_match
from cauce.core.name_words import name_groups, searchable_words
from cauce.core.person_names import text_of
from cauce.core.searching import Attribute, Empty, Match, Range, Universal
from cauce.readings.work_items import attributes as at
from cauce.readings.work_items.attributes import Document
from cauce.readings.work_items.date_times import earliest, ends

VALUE_LENGTH_MAX: Final = 512
WORDS: Final = ".words"
"""What the path of a name has at its end where its words are, and not its groups."""
_KEYS_MAX: Final = 2000
"""Most values of one work item that are searched for."""


class Key(NamedTuple):
    """One value: `place` tells the items of a sequence apart, from 1; 0 is none."""

    path: str
    place: int
    value: str


def keys_of(document: Document) -> list[Key]:
    """Return the values of a work item by which it is found, each once."""
    found: dict[Key, None] = {}
    for attribute in at.MATCHED.values():
        for place, value in _values(document, attribute.tag.split("."), 0):
            for path, text in _texts(attribute, value):
                found[Key(path, place, text[:VALUE_LENGTH_MAX])] = None
    return list(found)[:_KEYS_MAX]


def parse_work_item_match(attribute: Attribute, text: str, *, fuzzy: bool = False, empties: bool = False) -> Match:
    """Return how an attribute of work items is to match what a client wrote; see `parse_match`.

    Raises:
        InvalidRequest: it is no value of the attribute's kind.
    """
    if attribute.vr != "DT":
        return parse_match(attribute, text, fuzzy=fuzzy, empties=empties)
    plain = text.strip().replace(" ", "+")  # a plus that was not percent-encoded
    if empties and plain == '""':
        return Empty()
    if not plain.strip("*"):
        return Universal()
    try:
        low, high = ends(plain)
    except ValueError as error:
        raise InvalidRequest(
            f"The value of {attribute.keyword} is no date with time, nor a range of two with a hyphen between.",
            field=attribute.keyword,
        ) from error
    return Range(low, high)


def _values(document: Document, tags: list[str], place: int) -> Iterator[tuple[int, Any]]:
    """Yield the values at a path, each with the item of the first sequence that it is in."""
    if len(tags) == 1:
        yield from ((place, value) for value in at.values_of(document, tags[0]))
        return
    for number, item in enumerate(at.items_of(document, tags[0]), 1):
        yield from _values(item, tags[1:], place or number)


def _texts(attribute: Attribute, value: Any) -> Iterator[tuple[str, str]]:
    if attribute.vr == "PN":
        name = text_of(value)
        yield from ((attribute.tag, group) for group in name_groups(name))
        yield from ((attribute.tag + WORDS, word) for word in searchable_words(name))
    elif attribute.vr == "DT":
        with suppress(ValueError):
            yield attribute.tag, earliest(str(value))
    elif text := str(value).strip():
        yield attribute.tag, text
