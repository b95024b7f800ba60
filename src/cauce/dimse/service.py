"""Where instances of associations go: the flow's way in, one upload (and so one receipt) an association."""

import ipaddress
import threading
from collections.abc import Callable

from django.db import connections

from cauce.core.actors import Actor
from cauce.core.errors import CauceError, Refused, Unavailable, Unexpected
from cauce.core.messages import Incoming, ProjectRef, UploadRef, Verdict
from cauce.core.statuses import ItemStatus, RefusalCode
from cauce.dimse.receiver import Access, Admission, RejectionReason, Status
from cauce.ports.services import Services

TakeIn = Callable[[UploadRef, Incoming], Verdict]
"""The flow's way in: refuses by verdict, and raises only when storage or database do not answer."""

DEFAULT_PROJECT = "default"

_TAKEN = frozenset({ItemStatus.STORED, ItemStatus.DUPLICATE, ItemStatus.CONFLICT})
"""A modality that heard anything but success of a duplicate or a conflict would send it again for ever."""


class CatalogueReceiver:
    """The receiver on the platform's services. Build it after the fork; any number of threads may use it.

    Called AE titles: every one leads to the default project's originals until projects have titles of their own.
    Calling AE titles: from this machine all may store; from elsewhere those that the register allows, others only echo.
    """

    def __init__(
        self, services: Services, *, take_in: TakeIn, default_ae_title: str, restrict_called: bool = False
    ) -> None:
        """With `restrict_called`, an association that calls another title than `default_ae_title` is rejected."""
        self._services = services
        self._take_in = take_in
        self._default_ae_title = default_ae_title
        self._restrict_called = restrict_called
        self._uploads: dict[str, UploadRef] = {}
        self._lock = threading.Lock()

    def admit(self, *, calling_ae: str, called_ae: str, address: str) -> Admission:
        """Decide on a request for an association, and note the attempt of one that may not store."""
        if self._restrict_called and called_ae != self._default_ae_title:
            return Admission(access=Access.REJECTED, reason=RejectionReason.CALLED_AE_TITLE_NOT_RECOGNIZED)
        if ipaddress.ip_address(address).is_loopback:
            return Admission(access=Access.ACCEPTED)
        try:
            if self._services.modalities.access(calling_ae, address):
                return Admission(access=Access.ACCEPTED)
            self._services.modalities.note_attempt(calling_ae, address)
        except CauceError:
            connections.close_all()  # `finished` is not called for an association that was not admitted
            raise
        return Admission(access=Access.ECHO_ONLY)

    def store(self, instance: Incoming, *, calling_ae: str, called_ae: str, address: str, association: str) -> int:
        """Take one instance in; when this returns success it is durable and committed.

        Raises:
            Refused: it cannot be taken; the receipt says so, too.
            Unavailable: storage or database do not answer.
        """
        try:
            upload = self._upload(association, called_ae, Actor.modality(calling_ae, address=address))
            verdict = self._take_in(upload, instance)
        except Unavailable:
            connections.close_all()  # a connection that broke stays broken: the next instance gets a new one
            raise
        if verdict.status in _TAKEN:
            return Status.SUCCESS
        raise _refusal(verdict)

    def finished(self, *, association: str, aborted: bool) -> None:  # noqa: ARG002 - what came before an abort stays
        """Close the association's upload, and this thread's connections to the database.

        Studies are not closed with it: many modalities open an association for each image.
        """
        with self._lock:
            upload = self._uploads.pop(association, None)
        try:
            if upload is not None:
                self._services.catalogue.close_upload(upload, final=False)
        finally:
            connections.close_all()

    def _upload(self, association: str, called_ae: str, actor: Actor) -> UploadRef:
        """Return the association's upload, opened with its first instance: mere echoes leave none behind."""
        with self._lock:
            upload = self._uploads.get(association)
        if upload is None:  # nobody else opens it: an association has one thread
            upload = self._services.catalogue.open_upload(self._project(called_ae), actor=actor, source="dimse")
            with self._lock:
                self._uploads[association] = upload
        return upload

    def _project(self, _called_ae: str) -> ProjectRef:
        return self._services.catalogue.project(DEFAULT_PROJECT)


def _refusal(verdict: Verdict) -> CauceError:
    if verdict.status is ItemStatus.SKIPPED:
        return Refused(RefusalCode.UNSUPPORTED_SOP_CLASS, verdict.detail)
    try:
        return Refused(RefusalCode(verdict.code), verdict.detail)
    except ValueError:
        return Unexpected("The instance was neither taken nor refused.")
