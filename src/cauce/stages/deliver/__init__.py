"""Deliver: a revision reaches its end, and its study says so."""

from collections.abc import Mapping
from typing import Any

from cauce.core.identifiers import PublicId
from cauce.ports.services import Services
from cauce.stages.deliver.transcoding import transcoded

__all__ = ["deliver_revision", "transcoded"]


def deliver_revision(
    services: Services,
    *,
    revision_pk: int,
    profile_name: str,
    pipeline: str,
    about: Mapping[str, Any] | None = None,
) -> PublicId:
    """End a revision: `ready`, or `attention` with the causes that its steps left behind; return the study's id.

    `about` is what its de-identification report says of the profile.
    """
    return services.work.deliver(revision_pk, profile=profile_name, pipeline=pipeline, about=about)
