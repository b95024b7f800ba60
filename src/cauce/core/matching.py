"""What a client wrote -> how an attribute is matched, by its value representation (PS3.4 C.2.2.2)."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Final

from cauce.core.errors import InvalidRequest
from cauce.core.identifiers import UID_LENGTH_MAX, is_usable_uid
from cauce.core.name_words import name_groups, name_words
from cauce.core.searching import (
    DATES_WITH_TIMES,
    Attribute,
    Empty,
    Groups,
    Match,
    Moments,
    Numbers,
    OneOf,
    Range,
    Universal,
    Wildcard,
    Words,
)

VALUES_MAX: Final = 4096
"""Most values of one list."""
TEXT_LENGTH_MAX: Final = 1024
"""Longest value of another kind."""
_WILD_MAX: Final = 16
_DIGITS_MAX: Final = 18

_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")
_WILD: Final = re.compile("[*?]")
_STARS: Final = re.compile(r"\*+")
_LISTED: Final = re.compile(r"[\\,]")
_DATE: Final = re.compile(r"[0-9]{8}")
_TIME: Final = re.compile(r"([01][0-9]|2[0-3])(?:([0-5][0-9])(?:([0-5][0-9]|60)(?:\.([0-9]{1,6}))?)?)?")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_EMPTY: Final = '""'


def parse_match(attribute: Attribute, text: str, *, fuzzy: bool = False, empties: bool = False) -> Match:
    """Return how `attribute` is to match what a client wrote.

    With `fuzzy` names match by their words; with `empties` two quotation marks stand for no value (C.2.2.2.7).

    Raises:
        InvalidRequest: it is no value of the attribute's kind; `field` is its keyword.
    """
    if empties and text.strip() == _EMPTY:
        return Empty()
    if _CONTROL.search(text):
        raise _invalid(attribute, "holds a control character")
    text = text.strip()
    if not text or not text.strip("*"):
        return Universal()
    if attribute.vr == "PN":
        return _name(attribute, text, fuzzy=fuzzy)
    return _BY_VR.get(attribute.vr, _text)(attribute, text)


def combined(matches: Mapping[str, Match]) -> dict[str, Match]:
    """Return the matches by name; ranges of a date and of its time become one of moments (C.2.2.2.5.4)."""
    found = dict(matches)
    for date, time in DATES_WITH_TIMES.items():
        days, hours = found.get(date), found.get(time)
        if not isinstance(days, Range) or not isinstance(hours, Range) or hours.is_single:
            continue
        if (days.low is None, days.high is None) == (hours.low is None, hours.high is None):
            low = None if days.low is None or hours.low is None else (days.low, hours.low)
            high = None if days.high is None or hours.high is None else (days.high, hours.high)
            found[date] = Moments(low, high)
            del found[time]
    return found


def _invalid(attribute: Attribute, why: str) -> InvalidRequest:
    return InvalidRequest(f"The value of {attribute.keyword} {why}.", field=attribute.keyword)


def _name(attribute: Attribute, text: str, *, fuzzy: bool) -> Match:
    _require_short(attribute, text)
    if "\\" in text:
        raise _invalid(attribute, "is more than one name")
    if fuzzy:
        words = name_words(_WILD.sub(" ", text))
        return Words(tuple(words)) if words else Universal()
    patterns = tuple(_STARS.sub("*", group) for group in name_groups(text))
    wanted = tuple(pattern for pattern in patterns if pattern != "*")
    return Groups(wanted) if wanted else Universal()


def _require_short(attribute: Attribute, text: str) -> None:
    if len(text) > TEXT_LENGTH_MAX:
        raise _invalid(attribute, f"is longer than {TEXT_LENGTH_MAX} characters")
    if len(_WILD.findall(_STARS.sub("*", text))) > _WILD_MAX:
        raise _invalid(attribute, f"has more than {_WILD_MAX} wildcards")


def _values(attribute: Attribute, text: str) -> list[str]:
    values = [value.strip() for value in _LISTED.split(text)]
    if len(values) > VALUES_MAX:
        raise _invalid(attribute, f"is a list of more than {VALUES_MAX}")
    return [value for value in dict.fromkeys(values) if value]


def _uid(attribute: Attribute, text: str) -> Match:
    values = _values(attribute, text)
    if not values or not all(is_usable_uid(value) for value in values):
        raise _invalid(attribute, f"is no UID or list of UIDs, each of up to {UID_LENGTH_MAX} digits and dots")
    return OneOf(tuple(values))


def _code(attribute: Attribute, text: str) -> Match:
    """Match a code string; a comma, which none can hold, parts values as a backslash does."""
    _require_short(attribute, text)
    return _listed(attribute, _values(attribute, text))


def _text(attribute: Attribute, text: str) -> Match:
    _require_short(attribute, text)
    return _listed(attribute, [value.strip() for value in text.split("\\") if value.strip()])


def _listed(attribute: Attribute, values: list[str]) -> Match:
    if not values:
        return Universal()
    if not any(_WILD.search(value) for value in values):
        return OneOf(tuple(values))
    if len(values) > 1:
        raise _invalid(attribute, "is a list with wildcards")
    return Wildcard(_STARS.sub("*", values[0]))


def _number(attribute: Attribute, text: str) -> Match:
    values = _values(attribute, text)
    if not values or not all(_NUMBER.fullmatch(value) for value in values):
        raise _invalid(attribute, f"is no whole number of up to {_DIGITS_MAX} digits")
    return Numbers(tuple(int(value) for value in values))


def _date(attribute: Attribute, text: str) -> Match:
    if "-" in text:
        low, high = _ends(attribute, text, _day)
        return Range(low, high)
    return OneOf(tuple(_day(attribute, value) for value in _values(attribute, text)))


def _day(attribute: Attribute, text: str) -> str:
    if not _DATE.fullmatch(text) or not _is_day(text):
        raise _invalid(attribute, "is no date YYYYMMDD, nor a range of two with a hyphen between")
    return text


def _is_day(text: str) -> bool:
    try:
        dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def _time(attribute: Attribute, text: str) -> Match:
    if "-" in text:
        low, high = _ends(attribute, text, _moment)
        return Range(None if low is None else _earliest(low), None if high is None else _latest(high))
    moment = _moment(attribute, text)
    return Range(_earliest(moment), _latest(moment), is_single=True)


def _moment(attribute: Attribute, text: str) -> str:
    plain = text.replace(":", "")  # as ACR-NEMA wrote it, and as people do
    if not _TIME.fullmatch(plain):
        raise _invalid(attribute, "is no time HHMMSS.FFFFFF, nor a range of two with a hyphen between")
    return plain


def _earliest(text: str) -> str:
    """Return the least text of this time: what is left out is 0, and may be left out in what is stored as well."""
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    while len(text) > 2 and text.endswith("00") and "." not in text:  # noqa: PLR2004 - the digits of the hour
        text = text[:-2]
    return text


def _latest(text: str) -> str:
    """Return the greatest text of this time, at the end of the last unit that it names."""
    full = "HH5959.999999"
    return text.ljust(len(full), "9") if "." in text else text + full[len(text) :]


def _ends(attribute: Attribute, text: str, parse: Callable[[Attribute, str], str]) -> tuple[str | None, str | None]:
    low, _, high = (part.strip() for part in text.partition("-"))
    if not low and not high:
        raise _invalid(attribute, "is a range without an end")
    return parse(attribute, low) if low else None, parse(attribute, high) if high else None


_BY_VR: Final[Mapping[str, Callable[[Attribute, str], Match]]] = {
    "UI": _uid,
    "CS": _code,
    "IS": _number,
    "US": _number,
    "DA": _date,
    "TM": _time,
}
