"""Filters that pages use: values of the field and codes of the platform as people read them."""

from typing import Any

from django import template

from cauce.api.pages import shown, words

register = template.Library()


@register.filter
def person(name: str) -> str:
    """Return a DICOM person name as people write it."""
    return shown.person(name)


@register.filter
def dicom_date(text: str) -> str:
    """Return a DICOM date as `2026-01-31`."""
    return shown.date(text)


@register.filter
def figures(measured: Any) -> list[tuple[str, str]]:
    """Return the figures of a series as label and value."""
    return shown.figures(measured)


@register.filter
def in_words(code: str, kind: str) -> Any:
    """Return a code of the platform in words; `kind` is `study`, `job`, `step` or `cause`."""
    table = {"study": words.STUDY, "job": words.JOB, "step": words.STEP, "cause": words.CAUSE}[kind]
    return table.get(code, code)


@register.filter
def took(job: Any) -> str:
    """Return how long the last attempt at a job took."""
    return shown.between(job.started_at, job.finished_at)
