"""Filters and tags of the pages: values of the field and codes of the platform as people read them."""

from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cauce.api.pages import shown, words
from cauce.core.statuses import ItemStatus

register = template.Library()

_VERDICT_ICONS = {
    ItemStatus.STORED.value: "check",
    ItemStatus.DUPLICATE.value: "same",
    ItemStatus.CONFLICT.value: "fork",
    ItemStatus.SKIPPED.value: "skip",
    ItemStatus.PENDING.value: "clock",
    ItemStatus.REFUSED.value: "cross",
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw one of the icons."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', icon_address(name))


@register.simple_tag
def icon_address(name: str) -> str:
    """Return the address of one of the icons."""
    return f"{static('cauce/icons.svg')}#{name}"


@register.filter
def person(name: str) -> str:
    """Return a DICOM person name as people write it."""
    return shown.person(name)


@register.filter
def dicom_date(text: str) -> str:
    """Return a DICOM date as `2026-01-31`."""
    return shown.date(text)


@register.filter
def attribute_name(tag: str) -> str:
    """Return the name of an attribute, of eight digits, as the standard has it; nothing for a private one."""
    return shown.attribute_name(tag)


@register.filter
def tag_text(tag: str) -> str:
    """Return the eight digits of a tag as `(0010,0020)`."""
    return f"({tag[:4]},{tag[4:]})"


@register.filter
def figures(measured: Any) -> list[shown.Figure]:
    """Return the figures of a series."""
    return shown.figures(measured)


@register.filter
def in_words(code: str, kind: str) -> Any:
    """Return a code of the platform in words; `kind` names the table in `words.TABLES`."""
    return words.TABLES[kind].get(code, code)


@register.filter
def get(mapping: Any, name: str) -> Any:
    """Return a member whose name is a word of the template language."""
    return mapping.get(name)


@register.filter
def number(value: Any) -> str:
    """Return a number as the reader's language writes it."""
    return shown.number(value)


@register.filter
def verdict_icon(status: str) -> str:
    """Return the name of the icon of a verdict, the same as while files are sent."""
    return _VERDICT_ICONS.get(status, "info")


@register.filter
def took(record: Any) -> str:
    """Return how long something took that began and ended."""
    return shown.between(record.began_at, record.ended_at)
