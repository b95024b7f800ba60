"""Users and API tokens. A token's text is shown once and kept only as a digest."""

import datetime as dt
import hashlib
import secrets
from typing import Self

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from cauce.core.actors import Actor
from cauce.core.identifiers import new_public_id
from cauce.core.statuses import Role

TOKEN_PREFIX = "cauce_"  # noqa: S105 - a marker that secret scanners can look for


class User(AbstractUser):
    """A person or service account with one role."""

    public_id = models.CharField(max_length=32, unique=True, editable=False, default=new_public_id)
    role = models.CharField(
        max_length=16, choices=[(role.value, role.value) for role in Role], default=Role.RESEARCHER.value
    )

    def actor(self, *, address: str = "") -> Actor:
        """Return the actor that this account is to the services."""
        return Actor(kind="user", name=self.username, role=Role(self.role), user_id=self.pk, address=address)


class ApiToken(models.Model):
    """A secret that a script presents instead of a password."""

    public_id = models.CharField(max_length=32, unique=True, editable=False, default=new_public_id)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.public_id

    @classmethod
    def issue(cls, user: User, *, name: str, expires_at: dt.datetime | None = None) -> tuple[Self, str]:
        """Make a token for `user`; the text is returned here and never again. Without `expires_at` it stays good."""
        text = TOKEN_PREFIX + secrets.token_urlsafe(32)
        return cls.objects.create(user=user, name=name, digest=digest_of(text), expires_at=expires_at), text

    @property
    def is_usable(self) -> bool:
        """Whether the token still opens the door."""
        fresh = self.expires_at is None or self.expires_at > timezone.now()
        return fresh and self.revoked_at is None and self.user.is_active


def digest_of(token: str) -> str:
    """Return the digest under which a token is stored (SHA-256: tokens are random, so no slow hash is needed)."""
    return hashlib.sha256(token.encode()).hexdigest()
