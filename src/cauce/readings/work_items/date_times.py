"""Dates with times (VR DT, PS3.5 6.2) as moments that can be compared as text, whatever their precision and offset."""

import calendar
import datetime as dt
import re
from typing import Final

_DT: Final = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)"
    r"(?:(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?)?)?)?)?(?P<offset>[+-]\d{4})?"
)
_YEAR_MIN: Final = 1500
"""No year of a date is less, which tells a hyphen before an offset from one between two dates."""
_HOURS_MAX: Final = 14
_MINUTES: Final = 60
_FORM: Final = "%Y%m%d%H%M%S.%f"


def written(moment: dt.datetime) -> str:
    """Return a moment as DT, in UTC and to the second."""
    return moment.astimezone(dt.UTC).strftime("%Y%m%d%H%M%S") + "+0000"


def earliest(text: str) -> str:
    """Return the first moment that a DT can mean, in UTC, as comparable text; without an offset it is in UTC.

    Raises:
        ValueError: it is no DT.
    """
    return _moment(text, is_last=False).strftime(_FORM)


def latest(text: str) -> str:
    """Return the last moment that a DT can mean; see `earliest`.

    Raises:
        ValueError: it is no DT.
    """
    return _moment(text, is_last=True).strftime(_FORM)


def moment(text: str) -> dt.datetime:
    """Return the first moment that a DT can mean.

    Raises:
        ValueError: it is no DT.
    """
    return _moment(text, is_last=False).replace(tzinfo=dt.UTC)


def ends(text: str) -> tuple[str | None, str | None]:
    """Return the first and last moment of a range of DT, or of a single one (PS3.4 C.2.2.2.5).

    A hyphen parts two where what stands on both sides is a DT or nothing; else it begins an offset.

    Raises:
        ValueError: it is neither.
    """
    for found in re.finditer("-", text):
        low, high = text[: found.start()].strip(), text[found.end() :].strip()
        if (low or high) and all(not part or _is_moment(part) for part in (low, high)):
            return earliest(low) if low else None, latest(high) if high else None
    return earliest(text), latest(text)


def _is_moment(text: str) -> bool:
    try:
        _moment(text, is_last=False)
    except ValueError:
        return False
    return True


def _moment(text: str, *, is_last: bool) -> dt.datetime:
    match = _DT.fullmatch(text.strip())
    if match is None or not text.isascii() or int(match["year"]) < _YEAR_MIN:
        raise ValueError("no date with time")
    year = int(match["year"])
    month = int(match["month"] or (12 if is_last else 1))
    if not 1 <= month <= 12:  # noqa: PLR2004 - months
        raise ValueError("no month")
    day = int(match["day"] or (calendar.monthrange(year, month)[1] if is_last else 1))
    hour = int(match["hour"] or (23 if is_last else 0))
    minute = int(match["minute"] or (59 if is_last else 0))
    second = min(int(match["second"] or (59 if is_last else 0)), 59)  # a leap second has no name here
    fraction = int((match["fraction"] or "").ljust(6, "9" if is_last else "0"))
    naive = dt.datetime(year, month, day, hour, minute, second, fraction)  # noqa: DTZ001 - the offset is taken off below
    try:
        return naive - _offset(match["offset"])
    except OverflowError as error:
        raise ValueError("no moment that there is a name for") from error


def _offset(text: str | None) -> dt.timedelta:
    if text is None:
        return dt.timedelta()
    hours, minutes = int(text[1:3]), int(text[3:])
    if hours > _HOURS_MAX or minutes >= _MINUTES:
        raise ValueError("no offset from UTC")
    size = dt.timedelta(hours=hours, minutes=minutes)
    return -size if text[0] == "-" else size
