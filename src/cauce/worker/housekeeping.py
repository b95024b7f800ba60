"""What has to happen now and then, whoever is at work: the sweep, and jobs whose workers are gone."""

import threading
import time

import structlog

from cauce import flow
from cauce.core.actors import Actor
from cauce.core.errors import Unavailable
from cauce.ports.services import Services

SWEEP_EVERY_S = 3600.0
REAP_EVERY_S = 5.0

log = structlog.get_logger("cauce.housekeeping")


class Housekeeping:
    """Runs until told to stop. More than one at a time does no harm."""

    def __init__(self, services: Services) -> None:
        """Nothing happens yet."""
        self._services = services
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End after what is being done. Safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Reap every few seconds, sweep every hour, the first time soon after the start."""
        swept_at = time.monotonic() - SWEEP_EVERY_S + 60
        while not self._stopping.wait(REAP_EVERY_S):
            try:
                self._services.ledger.reap()
                if time.monotonic() - swept_at >= SWEEP_EVERY_S:
                    swept_at = time.monotonic()
                    self._sweep()
            except Unavailable as error:
                log.warning("housekeeping.waits", code=error.code)

    def _sweep(self) -> None:
        swept = flow.sweep(self._services, actor=Actor.platform())
        log.info(
            "store.swept",
            objects=swept.objects,
            adopted=swept.adopted,
            removed=swept.removed,
            removed_bytes=swept.removed_bytes,
        )
        if swept.kept:
            log.error("store.unusable", objects=len(swept.kept))
