"""Which roles may use a route."""

from typing import Any

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from cauce.api.rest.authentication import actor_of
from cauce.core.statuses import Role


class MayAdminister(IsAuthenticated):
    """Administrators only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the account may change accounts, projects and jobs."""
        return super().has_permission(request, view) and actor_of(request).may_administer


class MayAdministerOrRead(IsAuthenticated):
    """Everyone with an account reads, administrators change."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether this method is open to the account."""
        if not super().has_permission(request, view):
            return False
        return request.method in {"GET", "HEAD", "OPTIONS"} or actor_of(request).may_administer


class MayStoreOrRead(IsAuthenticated):
    """Everyone with an account reads, those who may bring data in change."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether this method is open to the account."""
        if not super().has_permission(request, view):
            return False
        return request.method in {"GET", "HEAD", "OPTIONS"} or actor_of(request).may_store


class MayAudit(IsAuthenticated):
    """Administrators and auditors."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the account may read the audit trail."""
        return super().has_permission(request, view) and actor_of(request).role in {Role.ADMIN, Role.AUDITOR}


class MayReview(IsAuthenticated):
    """People who may see originals decide about images."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the account may decide about images that were held back."""
        return super().has_permission(request, view) and actor_of(request).may_review


class MayReidentify(IsAuthenticated):
    """People who may ask the vault who stands behind a pseudonym."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the account may ask the vault."""
        return super().has_permission(request, view) and actor_of(request).may_reidentify


class MayReadStudies(IsAuthenticated):
    """Everyone but those who watch over others and see no study themselves."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the account may know of studies."""
        return super().has_permission(request, view) and actor_of(request).role is not Role.AUDITOR
