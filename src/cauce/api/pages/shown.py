"""How values of the field read to a person: names, dates, times, figures."""

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from pydicom.datadict import dictionary_description

_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_MINUTE_S, _HOUR_S = 60, 3600
_GROUPED_FROM = 10_000


def person(name: str) -> str:
    """Return a DICOM person name (PS3.5 6.2.1) as people write it: family name, given names."""
    groups = [group for group in name.split("=") if group.strip("^ ")]
    if not groups:
        return ""
    family, given, middle, prefix, suffix = (*groups[0].split("^"), "", "", "", "", "")[:5]
    rest = " ".join(part.strip() for part in (prefix, given, middle) if part.strip())
    shown = ", ".join(part for part in (family.strip(), rest) if part)
    return f"{shown} {suffix.strip()}".strip()


def date(text: str) -> str:
    """Return a DICOM date as `2026-01-31`; what is no date as it is."""
    found = _DATE.fullmatch(text.strip())
    return "-".join(found.groups()) if found else text


def attribute_name(tag: str) -> str:
    """Return the name of an attribute as the standard has it (PS3.6); that of a private or unknown one says so."""
    number = int(tag, 16)
    try:
        return dictionary_description(number)
    except KeyError:
        return _("Private attribute") if (number >> 16) % 2 else _("Unknown attribute")


def duration(seconds: float) -> str:
    """Return a length of time in few characters."""
    if seconds < 10:  # noqa: PLR2004 - short ones want a decimal
        return f"{_local(seconds, 1)} s"
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{int(seconds // _MINUTE_S)} min {int(seconds % _MINUTE_S):02d} s"
    return f"{int(seconds // _HOUR_S)} h {int(seconds % _HOUR_S // _MINUTE_S):02d} min"


def between(start: dt.datetime | None, end: dt.datetime | None) -> str:
    """Return how long something took, nothing while it goes on."""
    return duration(max((end - start).total_seconds(), 0.0)) if start and end else ""


def number(value: Any) -> str:
    """Return a measurement with as many digits as say something; nothing for what is no finite number."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        return ""
    size = abs(value)
    digits = 0 if float(value).is_integer() or size >= 1000 else 1 if size >= 10 else 2  # noqa: PLR2004 - taste
    return _local(value, digits).replace("-", "\N{MINUS SIGN}", 1)


def _local(value: float, digits: int) -> str:
    """Return a rounded number as the reader's language writes it (left to itself, the framework cuts digits off)."""
    rounded = Decimal(f"{value:.{digits}f}")
    return str(number_format(rounded, digits, use_l10n=True, force_grouping=abs(rounded) >= _GROUPED_FROM))


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a series."""

    label: str
    value: str
    unit: str = ""
    is_wide: bool = False


def figures(measured: Mapping[str, Any] | None) -> list[Figure]:
    """Return the figures of a series that are known."""
    if not measured or measured.get("mean") is None:
        return []
    unit = str(measured.get("unit") or "")
    ends = [number(measured.get(name)) for name in ("minimum", "maximum")]
    shown = [
        Figure(_("Mean"), number(measured.get("mean")), unit),
        Figure(_("Deviation"), number(measured.get("standard_deviation")), unit),
        Figure(_("Range"), f"{ends[0]} … {ends[1]}" if all(ends) else "", unit, is_wide=True),
        Figure(_("SNR"), number(measured.get("snr"))),
        Figure(_("Sharpness"), number(measured.get("sharpness"))),
    ]
    return [figure for figure in shown if figure.value]
