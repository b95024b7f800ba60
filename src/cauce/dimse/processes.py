"""The processes behind one port: a parent that watches, children that accept."""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from multiprocessing.connection import wait
from types import FrameType
from typing import TYPE_CHECKING

import structlog

from cauce.core.errors import CauceError, ConfigurationError
from cauce.core.traces import trace_of
from cauce.dimse.acceptor import Acceptor
from cauce.dimse.configuration import ListenerSettings
from cauce.dimse.places import Places
from cauce.dimse.receiver import Receiver
from cauce.dimse.waking import Waker

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

log = structlog.get_logger(__name__)

_RESPAWN_S = 1.0
_MARGIN_S = 10.0


@contextmanager
def stop_signals(stop: Callable[[], None], abort: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on the first SIGTERM or SIGINT, `abort` on further ones; only the main thread can have signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    actions = chain([stop], repeat(abort))

    def handle(_number: int, _frame: FrameType | None) -> None:
        next(actions)()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Parent:
    """Starts the accepting processes, replaces those that die, and stops them by closing a pipe that they watch.

    The pipe closes with the parent, however it ends, so no child outlives it for longer than the grace time.
    """

    def __init__(
        self,
        settings: ListenerSettings,
        *,
        listening: socket.socket,
        places: Places,
        receiver_factory: Callable[[], Receiver],
    ) -> None:
        self._settings = settings
        self._listening = listening
        self._places = places
        self._receiver_factory = receiver_factory
        self._context = multiprocessing.get_context("fork")
        self._children: dict[int, BaseProcess] = {}
        self._life_reader, self._life_writer = os.pipe()
        self._built_reader, self._built_writer = os.pipe()
        self._waker = Waker()
        self._is_stopping = False

    def run(self, announce: Callable[[], None]) -> None:
        """Run until stopped; `announce` is called once every child has built its receiver.

        Raises:
            ConfigurationError: a child ended before it had.
        """
        with stop_signals(self._stop, self._abort):
            try:
                for slot in range(self._settings.processes):
                    self._start(slot)
                self._await_receivers()
                announce()
                self._watch()
            finally:
                self._end()

    def _stop(self) -> None:
        self._is_stopping = True
        self._waker.wake()

    def _abort(self) -> None:
        for child in self._children.values():
            if child.is_alive() and child.pid is not None:
                os.kill(child.pid, signal.SIGUSR1)

    def _start(self, slot: int) -> None:
        child = self._context.Process(target=self._child, args=(slot,), name=f"cauce-dimse-{slot}", daemon=True)
        child.start()
        self._children[slot] = child

    def _child(self, slot: int) -> None:
        """Accept in a forked process until the parent closes its end of the pipe."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent speaks for its children
        os.close(self._life_writer)
        self._places.use_slot(slot)
        acceptor = Acceptor(self._settings, listening=self._listening, receiver=self._receiver(), places=self._places)
        signal.signal(signal.SIGTERM, lambda _number, _frame: acceptor.stop())
        signal.signal(signal.SIGUSR1, lambda _number, _frame: acceptor.abort())
        os.write(self._built_writer, b"\x00")
        acceptor.run(life=self._life_reader)

    def _receiver(self) -> Receiver:
        """Build the receiver, or end this process: the parent tries again, a little later."""
        try:
            return self._receiver_factory()
        except Exception as error:  # noqa: BLE001 - an edge: multiprocessing would print a traceback with values
            detail = error.detail if isinstance(error, CauceError) else ""
            log.error("dimse.receiver.unbuilt", detail=detail, trace=trace_of(error))  # noqa: TRY400 - a trace of ours
            raise SystemExit(1) from None

    def _await_receivers(self) -> None:
        built = 0
        while built < self._settings.processes and not self._is_stopping:
            sentinels = [child.sentinel for child in self._children.values()]
            ready = wait([self._built_reader, self._waker.fileno(), *sentinels])
            if self._built_reader in ready:
                built += len(os.read(self._built_reader, self._settings.processes))
            elif set(ready) & set(sentinels):
                raise ConfigurationError("a process of the DICOM listener ended while it started; its log says why")

    def _watch(self) -> None:
        while not self._is_stopping:
            wait([self._waker.fileno(), *(child.sentinel for child in self._children.values())])
            dead = {slot: child for slot, child in self._children.items() if not child.is_alive()}
            for slot, child in dead.items():
                log.error("dimse.process.died", slot=slot, exit_code=child.exitcode)
                self._places.clear(slot)
            if dead:
                wait([self._waker.fileno()], timeout=_RESPAWN_S)  # one that dies at once must not keep a processor busy
            if not self._is_stopping:
                for slot in dead:
                    self._start(slot)

    def _end(self) -> None:
        self._listening.close()
        os.close(self._life_writer)
        deadline = time.monotonic() + self._settings.grace_s + _MARGIN_S
        for child in self._children.values():
            child.join(timeout=max(deadline - time.monotonic(), 0))
            if child.is_alive():
                log.error("dimse.process.killed", name=child.name)
                child.kill()
                child.join()
        self._waker.close()
        for end in (self._life_reader, self._built_reader, self._built_writer):
            os.close(end)
