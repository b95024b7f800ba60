"""Deliver: a revision reaches its end, and its study says so."""

from cauce.core.identifiers import PublicId
from cauce.ports.services import Services


def deliver_revision(services: Services, *, revision_pk: int, profile_name: str, pipeline: str) -> PublicId:
    """End a revision: `ready`, or `attention` with the causes that its steps left behind; return the study's id."""
    return services.work.deliver(revision_pk, profile=profile_name, pipeline=pipeline)
