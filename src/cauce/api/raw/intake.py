"""The intake of one process: the threads that take files in, and the memory that bodies on their way in may hold."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

import structlog

from cauce import flow
from cauce.api.raw.coalescing import Coalesced
from cauce.api.raw.pixel_room import PixelRoom
from cauce.api.raw.recent_accesses import RecentAccesses
from cauce.api.raw.recent_actors import RecentActors
from cauce.api.raw.request import BodyLimits
from cauce.api.raw.spool import ByteBudget, Spool, SpooledFile
from cauce.core.errors import CauceError, DatabaseUnavailable, Unavailable
from cauce.core.limits import MIB
from cauce.core.messages import Incoming, UploadRef, Verdict
from cauce.core.statuses import ItemStatus
from cauce.ports.services import Services

P = ParamSpec("P")
Answer = TypeVar("Answer")

INTERNAL: Final = "internal"
"""Code of a file that a defect of ours kept out."""

SETTLE_S: Final = 0.2
_ASKING_THREADS: Final = 4
_DECODING_THREADS: Final = 2
_MADE_BYTES_MAX: Final = 64 * MIB
"""What has been decoded or drawn lately is kept up to this size."""
_PIXEL_BYTES_MAX: Final = 192 * MIB
"""What is being decoded and encoded takes so much at once, or one frame alone takes more."""
_log = structlog.get_logger(__name__)


class Intake:
    """Threads are started as they are needed, and keep their database connections.

    Four kinds, so that no work waits for another kind of work that waits for it: `ask` for short questions to the
    stores, `take` for files, `unpack` for archives, which hand their files to `take`, and `decode` for pixels.
    """

    def __init__(self, services: Services, *, limits: BodyLimits) -> None:
        """Nothing runs yet."""
        self.services = services
        self.limits = limits
        self.spool = Spool(
            services.spool,
            budget=ByteBudget(limits.memory_bytes_max),
            memory_bytes_max=services.limits.memory_instance_bytes_max,
        )
        self.recent = RecentActors()
        self.accesses = RecentAccesses()
        self.made = Coalesced(_MADE_BYTES_MAX)
        self.pixels = PixelRoom(_PIXEL_BYTES_MAX)
        self.unfolding = asyncio.Semaphore(1)
        """Held while a long text is unfolded into objects, which take many times its size: one at a time."""
        self.is_stopping = threading.Event()
        self._asking = ThreadPoolExecutor(_ASKING_THREADS, thread_name_prefix="ask")
        self._taking = ThreadPoolExecutor(limits.threads, thread_name_prefix="take")
        self._unpacking = ThreadPoolExecutor(limits.unpacking_threads, thread_name_prefix="unpack")
        self._decoding = ThreadPoolExecutor(_DECODING_THREADS, thread_name_prefix="decode")
        self._background: set[asyncio.Task[None]] = set()
        self._settling: asyncio.TimerHandle | None = None

    async def ask(self, function: Callable[P, Answer], *args: P.args, **kwargs: P.kwargs) -> Answer:
        """Run a short blocking function off the event loop."""
        return await asyncio.wrap_future(_submit(self._asking, function, *args, **kwargs))

    async def decode(self, function: Callable[P, Answer], *args: P.args, **kwargs: P.kwargs) -> Answer:
        """Run what decodes pixels, which may take the memory of a whole frame several times: few run at once."""
        return await asyncio.wrap_future(_submit(self._decoding, function, *args, **kwargs))

    async def unpack(self, function: Callable[P, Answer], *args: P.args, **kwargs: P.kwargs) -> Answer:
        """Run what unpacks an archive."""
        return await asyncio.wrap_future(_submit(self._unpacking, function, *args, **kwargs))

    def submit(
        self,
        upload: UploadRef,
        file: SpooledFile,
        *,
        name: str,
        source: str,
        study_instance_uid: str | None = None,
    ) -> Future[Verdict]:
        """Take one spooled file in, in a thread of its own; it is closed when the verdict is there.

        Unavailable stores raise their error; whatever else goes wrong is a verdict.
        """
        verdict = _submit(self._taking, self._take, upload, file, name, source, study_instance_uid)
        verdict.add_done_callback(lambda future: file.close() if future.cancelled() else None)
        return verdict

    def note(self, upload: UploadRef, verdict: Verdict) -> Future[Verdict]:
        """Write a verdict that is known already into the receipt, with the next that is committed, and return it."""
        return _submit(self._taking, self._note, upload, verdict)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` go on behind the answer; `stop` waits for it."""
        task = asyncio.get_running_loop().create_task(_logged(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def settle_soon(self) -> None:
        """Have what the catalogue has put off written within `SETTLE_S`, unless other traffic takes it along."""
        if self._settling is None:
            loop = asyncio.get_running_loop()
            self._settling = loop.call_later(SETTLE_S, lambda: self.later(self._settle()))

    async def stop(self) -> None:
        """Let what is on its way arrive, archives only up to their present file, then end the threads."""
        self.is_stopping.set()
        await asyncio.gather(*self._background, return_exceptions=True)
        await _logged(self._settle())
        for pool in (self._decoding, self._unpacking, self._taking, self._asking):
            await asyncio.to_thread(pool.shutdown)
        await asyncio.to_thread(self.services.catalogue.close)

    async def _settle(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        await self.ask(self.services.catalogue.settle)

    def _take(
        self, upload: UploadRef, file: SpooledFile, name: str, source: str, study_instance_uid: str | None
    ) -> Verdict:
        try:
            incoming = Incoming(content=file.content(), size_bytes=file.size_bytes, name=name, source=source)
            return flow.take_in(
                self.services, upload, incoming, study_instance_uid=study_instance_uid, notes_put_off=True
            )
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - an edge: one file that trips us up must not take others with it
            _log.error("intake.failed", exc_info=error, size_bytes=file.size_bytes, source=source)
            return self._failed(upload, name)
        finally:
            file.close()

    def _note(self, upload: UploadRef, verdict: Verdict) -> Verdict:
        self.services.catalogue.note(upload, verdict, put_off=True)
        return verdict

    def _failed(self, upload: UploadRef, name: str) -> Verdict:
        verdict = Verdict(
            status=ItemStatus.REFUSED,
            name=name,
            code=INTERNAL,
            detail="Something went wrong here, not in the file; the log of the server says where.",
        )
        try:
            self.services.catalogue.note(upload, verdict)
        except CauceError as error:
            _log.warning("intake.not_noted", code=error.code)
        return verdict


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    """Wait for work that nobody else waits for; what goes wrong is at least in the log."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - an edge
        _log.error("intake.failed_later", exc_info=error)


def _submit(
    pool: ThreadPoolExecutor, function: Callable[P, Answer], /, *args: P.args, **kwargs: P.kwargs
) -> Future[Answer]:
    """Run `function` in a pool, in a copy of this context, so that its log lines carry the request's id."""
    context = contextvars.copy_context()
    return pool.submit(context.run, _connected, function, *args, **kwargs)  # type: ignore[arg-type] # run forwards


def _connected(function: Callable[P, Answer], *args: P.args, **kwargs: P.kwargs) -> Answer:
    """Run `function` on database connections that work: threads keep theirs, and a broken one is opened anew."""
    from django.db import InterfaceError, OperationalError, connections

    try:
        for connection in connections.all(initialized_only=True):
            connection.close_if_unusable_or_obsolete()
        return function(*args, **kwargs)
    except (OperationalError, InterfaceError) as error:
        raise DatabaseUnavailable("The database does not answer.") from error
