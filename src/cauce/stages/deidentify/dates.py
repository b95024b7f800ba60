"""Dates as people write them in free text: 12.03.1957, 03/12/57, 12 March 1957, Mar 12th, 1957, 1957年3月12日."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_MONTHS = (
    "jan ene janv januar january enero janvier gennaio gen janeiro januari",
    "feb fev fevr fevrier february februar febrero febbraio fevereiro februari",
    "mar maerz marz march mars marzo marco maart mrt mrz",
    "apr abr avr avril april abril aprile",
    "may mai mayo maggio mag maio mei",
    "jun juin june juni junio giugno giu junho",
    "jul juil juillet july juli julio luglio lug julho",
    "aug ago aou aout august agosto augustus",
    "sep sept set september septiembre septembre settembre setembro",
    "oct okt ott out october oktober octubre octobre ottobre outubro",
    "nov november noviembre novembre novembro",
    "dec dez dic december dezember diciembre decembre dicembre dezembro",
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_MONTHS_MAX, _DAYS_MAX = 12, 31
_YEARS = range(1850, 2100)

_NUMBERS = re.compile(r"(?<![0-9])([0-9]{1,4})([.\-/ :_]|[年.]\s?)([0-9]{1,2})(?:\2|[月]\s?)([0-9]{1,4})(?![0-9])")
_DIGITS = re.compile(r"(?<![0-9])([0-9]{8})(?![0-9]{1,5}(?![0-9]))")
_WORDED = re.compile(
    r"(?<![0-9])([0-9]{1,2})(?:st|nd|rd|th|er|º|o|\.)?[ \-./]{0,3}(?:de |of |den )?([^\W\d_]{3,10})\.?,?[ \-./]{0,3}"
    r"(?:de |del )?([0-9]{4}|[0-9]{2})(?![0-9])"
)
_MONTH_FIRST = re.compile(
    r"(?<![^\W\d_])([^\W\d_]{3,10})\.?[ \-./]{0,3}([0-9]{1,2})(?:st|nd|rd|th)?,?[ \-./]{1,3}"
    r"([0-9]{4}|[0-9]{2})(?![0-9])"
)


class Day(NamedTuple):
    """A day, as far as it was written: `century` is 0 where the year has two digits."""

    century: int
    year: int
    month: int
    day: int


def days_in(text: str) -> Iterator[Day]:
    """Yield each day that a folded text may name, in all the ways in which it can be read."""
    for found in _NUMBERS.finditer(text):
        one, separator, two, three = found.groups()
        if separator != ":" or len(one) == 4:  # noqa: PLR2004 - 12:03:57 is a time, 1957:03:12 a date of EXIF
            yield from _orders(one, two, three)
    for found in _DIGITS.finditer(text):
        digits = found.group(1)
        yield from _orders(digits[:4], digits[4:6], digits[6:])
        yield from _orders(digits[:2], digits[2:4], digits[4:])
    for pattern, day, month in ((_WORDED, 1, 2), (_MONTH_FIRST, 2, 1)):
        for found in pattern.finditer(text):
            number = _MONTH.get(found.group(month))
            if number:
                yield from _day(found.group(3), number, int(found.group(day)))


def _orders(one: str, two: str, three: str) -> Iterator[Day]:
    if len(one) == 4:  # noqa: PLR2004 - a year
        yield from _day(one, int(two), int(three))
    elif len(three) in {2, 4}:
        yield from _day(three, int(two), int(one))
        yield from _day(three, int(one), int(two))
        if len(one) == len(three) == 2:  # noqa: PLR2004 - years of two digits come first or last
            yield from _day(one, int(two), int(three))


def _day(year: str, month: int, day: int) -> Iterator[Day]:
    if not (1 <= month <= _MONTHS_MAX and 1 <= day <= _DAYS_MAX):
        return
    if len(year) == 2:  # noqa: PLR2004 - without its century
        yield Day(0, int(year), month, day)
    elif int(year) in _YEARS:
        yield Day(int(year) // 100, int(year) % 100, month, day)
