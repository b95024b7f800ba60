"""Field shapes that several models share."""

from typing import Any

from django.db import models

from cauce.core.identifiers import UID_LENGTH_MAX, new_public_id

TEXT_LENGTH_MAX = 512
"""Longest searchable text kept in a column; the whole value stays in the instance's DICOM JSON."""


def public_id() -> "models.CharField[str, str]":
    """Return the random id by which the API names a record."""
    return models.CharField(max_length=32, unique=True, editable=False, default=new_public_id)


def uid(**options: Any) -> "models.CharField[str, str]":
    """Return a column for a DICOM UID."""
    return models.CharField(max_length=UID_LENGTH_MAX, **options)


def text() -> "models.CharField[str, str]":
    """Return a searchable text column; absent is the empty string."""
    return models.CharField(max_length=TEXT_LENGTH_MAX, blank=True, default="")


def choices_of(enumeration: Any) -> list[tuple[str, str]]:
    """Return Django choices for a `StrEnum`."""
    return [(member.value, member.value) for member in enumeration]
