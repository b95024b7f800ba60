"""Query parameters: declared beside the view that takes them, in the schema, refused when unknown or wrong."""

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from cauce.core.errors import InvalidRequest
from cauce.core.identifiers import is_public_id

TEXT_LENGTH_MAX = 200
_INTEGER_BITS = 63
_BLANK_FOR_PLUS = re.compile(r"(T.*) (\d\d:?\d\d)$")  # a plus that was not escaped in a URL arrives as a blank
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False, "": False}


def parameter(
    name: str, description: str, kind: Any = str, *, enum: Iterable[Any] | None = None, many: bool = False
) -> OpenApiParameter:
    """Declare a query parameter; `many` takes several values, repeated or separated by commas."""
    values = [str(member) for member in enum] if enum is not None else None
    explode = False if many else None
    return OpenApiParameter(name, kind, description=description, enum=values, many=many, explode=explode)


def refuse_unknown(request: Request, known: Iterable[str]) -> None:
    """Raise `InvalidRequest` for a parameter that nobody reads: a misspelt filter must not answer with everything."""
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        taken = ", ".join(sorted(known)) or "none"
        name = unknown[0][:TEXT_LENGTH_MAX]
        raise InvalidRequest(f"This route knows no such parameter; it takes: {taken}.", field=name)


def text(query: Mapping[str, Any], name: str) -> str:
    """Return a text parameter, stripped; absent is empty."""
    value = str(query.get(name) or "").strip()
    if len(value) > TEXT_LENGTH_MAX or "\0" in value:
        raise InvalidRequest(f"{name} wants at most {TEXT_LENGTH_MAX} characters.", field=name)
    return value


def public_id(query: Mapping[str, Any], name: str) -> str:
    """Return a parameter that is an id of ours; absent is empty."""
    value = text(query, name)
    if value and not is_public_id(value):
        raise InvalidRequest(f"{name} wants an id of 32 hexadecimal digits.", field=name)
    return value


def flag(query: Mapping[str, Any], name: str) -> bool:
    """Return a yes-or-no parameter; absent is no."""
    value = text(query, name).lower()
    if value not in _BOOLEANS:
        raise InvalidRequest(f"{name} wants true or false.", field=name)
    return _BOOLEANS[value]


def date(query: Mapping[str, Any], name: str) -> dt.date | None:
    """Return a date parameter (`2026-01-31` or DICOM's `20260131`)."""
    value = text(query, name)
    if not value:
        return None
    is_compact = len(value) == len("YYYYMMDD") and value.isascii() and value.isdigit()
    try:
        found = parse_date(f"{value[:4]}-{value[4:6]}-{value[6:]}" if is_compact else value)
    except ValueError:
        found = None
    if found is None:
        raise InvalidRequest(f"{name} wants a date such as 2026-01-31.", field=name)
    return found


def moment(query: Mapping[str, Any], name: str) -> dt.datetime | None:
    """Return a point in time (ISO 8601; without an offset it is UTC; a date alone is its first moment)."""
    value = text(query, name)
    if not value:
        return None
    try:
        found = parse_datetime(_BLANK_FOR_PLUS.sub(r"\1+\2", value)) or _start_of(parse_date(value))
        found = found.replace(tzinfo=dt.UTC) if found and found.tzinfo is None else found
        found = found.astimezone(dt.UTC) if found else None
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise InvalidRequest(f"{name} wants a time such as 2026-01-31T12:00:00Z.", field=name)
    return found


def _start_of(day: dt.date | None) -> dt.datetime | None:
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC) if day else None


def number(query: Mapping[str, Any], name: str) -> float | None:
    """Return a finite number."""
    value = text(query, name)
    if not value:
        return None
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise InvalidRequest(f"{name} wants a number.", field=name)
    return found


def integer(query: Mapping[str, Any], name: str) -> int | None:
    """Return a whole number that a column can hold."""
    value = text(query, name)
    if not value:
        return None
    digits = value.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > len(str(2**_INTEGER_BITS)):
        raise InvalidRequest(f"{name} wants a whole number.", field=name)
    found = int(value)
    if found.bit_length() > _INTEGER_BITS:
        raise InvalidRequest(f"{name} wants a whole number.", field=name)
    return found
