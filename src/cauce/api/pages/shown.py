"""How values of the field read to a person: names, dates, times, figures."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_MINUTE_S, _HOUR_S = 60, 3600


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


def duration(seconds: float) -> str:
    """Return a length of time in few characters."""
    if seconds < 10:  # noqa: PLR2004 - short ones want a decimal
        return f"{number_format(seconds, 1)} s"
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{int(seconds // _MINUTE_S)} min {int(seconds % _MINUTE_S):02d} s"
    return f"{int(seconds // _HOUR_S)} h {int(seconds % _HOUR_S // _MINUTE_S):02d} min"


def between(start: dt.datetime | None, end: dt.datetime | None) -> str:
    """Return how long something took, nothing while it goes on."""
    return duration(max((end - start).total_seconds(), 0.0)) if start and end else ""


def number(value: Any) -> str:
    """Return a measurement with as many digits as say something."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return ""
    size = abs(value)
    digits = 0 if float(value).is_integer() or size >= 1000 else 1 if size >= 10 else 2  # noqa: PLR2004 - taste
    return str(number_format(value, digits, use_l10n=True, force_grouping=size >= 10_000))  # noqa: PLR2004 - taste


def figures(measured: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return the figures of a series as label and value."""
    if not measured:
        return []
    unit = str(measured.get("unit") or "")
    named = [
        (_("Mean"), measured.get("mean"), unit),
        (_("Std. deviation"), measured.get("standard_deviation"), unit),
        (_("Minimum"), measured.get("minimum"), unit),
        (_("Maximum"), measured.get("maximum"), unit),
        (_("SNR"), measured.get("snr"), ""),
        (_("Sharpness"), measured.get("sharpness"), ""),
    ]
    return [(label, f"{number(value)} {suffix}".strip()) for label, value, suffix in named if value is not None]
