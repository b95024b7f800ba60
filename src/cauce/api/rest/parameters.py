"""Query parameters: declared beside the view that takes them, in the schema, refused when unknown or wrong.

What the schema says of a parameter is what is taken: a value outside of it is refused, and so is one that is empty,
given twice, or not UTF-8.
"""

import datetime as dt
import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from cauce.core.errors import InvalidRequest
from cauce.core.identifiers import is_public_id

TEXT_LENGTH_MAX = 200
VALUES_MAX = 100
"""Most values of one parameter."""

_DATE = r"[0-9]{4}-?(0[1-9]|1[0-2])-?(0[1-9]|[12][0-9]|3[01])"
_DAY = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_OFFSET = r"(Z|[-+ ]([01][0-9]|2[0-3]):[0-5][0-9])"  # a plus that was not escaped in a URL arrives as a blank
_MOMENT = re.compile(f"{_DAY}([T ]{_TIME}{_OFFSET}?)?")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_INTEGER_BITS = 63
_INTEGER_LENGTH_MAX = 20

_TEXT: Final = {"type": "string", "maxLength": TEXT_LENGTH_MAX, "pattern": r"^[^\u0000]*$"}
_KINDS: Final[Mapping[type, Mapping[str, Any]]] = {
    str: _TEXT,
    bool: {"type": "boolean"},
    int: {"type": "integer", "format": "int64"},
    float: {"type": "number", "format": "double"},
}
PUBLIC_ID: Final = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
DATE: Final = {"type": "string", "pattern": f"^{_DATE}$", "example": "2026-01-31"}
MOMENT: Final = {"type": "string", "pattern": f"^{_MOMENT.pattern}$", "example": "2026-01-31T12:00:00Z"}
"""ISO 8601; without an offset it is UTC, a date alone is its first moment."""


def parameter(
    name: str,
    description: str,
    kind: type | Mapping[str, Any] = str,
    *,
    enum: Iterable[Any] | None = None,
    many: bool = False,
) -> OpenApiParameter:
    """Declare a query parameter; `kind` is a type or a schema; `many` takes several, repeated or between commas."""
    schema = dict(_KINDS[kind] if isinstance(kind, type) else kind)
    if enum is not None:
        schema = {"type": "string", "enum": [str(member) for member in enum]}
    elif many:
        schema = {"type": "string", "minLength": 1, "maxLength": TEXT_LENGTH_MAX, "pattern": r"^[^\u0000,]+$"}
    if many:
        schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": VALUES_MAX}
        description += " Several are repeated, or separated by commas."
    return OpenApiParameter(name, schema, description=description, explode=False if many else None)


def takes_several(declared: OpenApiParameter) -> bool:
    """Tell whether a parameter may be given more than once."""
    return isinstance(declared.type, dict) and declared.type.get("type") == "array"


def refuse_unknown(request: Request, known: Collection[str], *, several: Collection[str] = ()) -> None:
    """Refuse what the schema has no place for: a misspelt filter must not answer with everything.

    Raises:
        InvalidRequest: a parameter is not `known`, is given twice and not one of `several`, or is not UTF-8.
    """
    query = request.query_params
    unknown = sorted(set(query) - set(known))
    if unknown:
        taken = ", ".join(sorted(known)) or "none"
        name = unknown[0][:TEXT_LENGTH_MAX]
        raise InvalidRequest(f"This route knows no such parameter; it takes: {taken}.", field=name)
    for name in sorted(set(query) - set(several)):
        if len(query.getlist(name)) > 1:
            raise InvalidRequest(f"{name} is given more than once.", field=name)
    for part in str(request.META.get("QUERY_STRING") or "").split("&"):
        name, _, value = part.partition("=")
        try:
            unquote_to_bytes(value).decode()
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"{name} is not UTF-8.", field=name) from error


def text(query: Mapping[str, Any], name: str) -> str:
    """Return a text parameter without blanks around it; absent is empty."""
    value = str(query.get(name) or "")
    if len(value) > TEXT_LENGTH_MAX or "\0" in value:
        raise InvalidRequest(f"{name} wants at most {TEXT_LENGTH_MAX} characters.", field=name)
    return value.strip()


def public_id(query: Mapping[str, Any], name: str) -> str:
    """Return a parameter that is an id of ours; absent is empty."""
    value = query.get(name)
    if value is not None and not is_public_id(value):
        raise InvalidRequest(f"{name} wants an id of 32 hexadecimal digits.", field=name)
    return value or ""


def flag(query: Mapping[str, Any], name: str) -> bool:
    """Return a yes-or-no parameter; absent is no."""
    value = query.get(name, "false")
    if value not in {"true", "false"}:
        raise InvalidRequest(f"{name} wants true or false.", field=name)
    return bool(value == "true")


def date(query: Mapping[str, Any], name: str) -> dt.date | None:
    """Return a date parameter (`2026-01-31` or DICOM's `20260131`)."""
    value = query.get(name)
    if value is None:
        return None
    found = None
    if re.fullmatch(_DATE, value):
        digits = value.replace("-", "")
        found = _day(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    if found is None:
        raise InvalidRequest(f"{name} wants a date such as 2026-01-31.", field=name)
    return found


def _day(written: str) -> dt.date | None:
    try:
        return parse_date(written)
    except ValueError:
        return None


def moment(query: Mapping[str, Any], name: str) -> dt.datetime | None:
    """Return a point in time, as `MOMENT` describes it."""
    value = query.get(name)
    if value is None:
        return None
    found = _moment(value) if _MOMENT.fullmatch(value) else None
    if found is None:
        raise InvalidRequest(f"{name} wants a time such as 2026-01-31T12:00:00Z.", field=name)
    return found


def _moment(written: str) -> dt.datetime | None:
    day, time = written[: len("YYYY-MM-DD")], written[len("YYYY-MM-DD") + 1 :]
    try:
        return _in_utc(parse_datetime(f"{day}T{time.replace(' ', '+') or '00:00'}"))
    except (ValueError, OverflowError):
        return None


def _in_utc(moment: dt.datetime | None) -> dt.datetime | None:
    if moment is None:
        return None
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def number(query: Mapping[str, Any], name: str) -> float | None:
    """Return a finite number, written as in JSON."""
    value = query.get(name)
    if value is None:
        return None
    found = float(value) if _NUMBER.fullmatch(value) else math.nan
    if not math.isfinite(found):
        raise InvalidRequest(f"{name} wants a number.", field=name)
    return found


def integer(query: Mapping[str, Any], name: str) -> int | None:
    """Return a whole number that a column can hold."""
    value = query.get(name)
    if value is None:
        return None
    is_short = len(value) <= _INTEGER_LENGTH_MAX and _INTEGER.fullmatch(value)
    if not is_short or int(value).bit_length() > _INTEGER_BITS:
        raise InvalidRequest(f"{name} wants a whole number.", field=name)
    return int(value)
