"""Who acts. Every service method takes an actor; nothing in the platform happens without one."""

from dataclasses import dataclass
from typing import Self

from cauce.core.statuses import Role


@dataclass(frozen=True, kw_only=True)
class Actor:
    """An authenticated party: a person, a token's service, a modality, or the platform itself.

    `kind` is `user`, `modality` or `platform`; `name` is the account's user name or the calling AE title;
    `user_id` is the account's primary key, `None` for modalities and the platform.
    """

    kind: str
    name: str
    role: Role
    user_id: int | None = None
    address: str = ""

    @property
    def may_store(self) -> bool:
        """Whether this actor may bring instances in."""
        return self.role in {Role.ADMIN, Role.CLINICIAN, Role.TECHNOLOGIST, Role.SERVICE}

    @property
    def may_see_originals(self) -> bool:
        """Whether this actor may see identity and original UIDs."""
        return self.role in {Role.ADMIN, Role.CLINICIAN, Role.TECHNOLOGIST, Role.SERVICE}

    @property
    def may_review(self) -> bool:
        """Whether this actor may decide about images that were held back: a person who may see them."""
        return self.role in {Role.ADMIN, Role.CLINICIAN, Role.TECHNOLOGIST}

    @property
    def may_reidentify(self) -> bool:
        """Whether this actor may ask the vault who stands behind a pseudonym."""
        return self.role in {Role.ADMIN, Role.CLINICIAN}

    @property
    def may_administer(self) -> bool:
        """Whether this actor may change settings, accounts and jobs."""
        return self.role is Role.ADMIN

    @classmethod
    def platform(cls) -> Self:
        """Return the platform itself, which runs jobs and timers."""
        return cls(kind="platform", name="cauce", role=Role.SERVICE)

    @classmethod
    def modality(cls, ae_title: str, *, address: str) -> Self:
        """Return the party behind a DICOM association, named by its calling AE title."""
        return cls(kind="modality", name=ae_title, role=Role.SERVICE, address=address)
