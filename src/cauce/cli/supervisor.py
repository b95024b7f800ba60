"""The processes of one node: started together, replaced when they die, stopped together."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

GRACE_S = 20.0
POLL_S = 0.2
RESPAWN_MIN_S = 0.5
RESPAWN_MAX_S = 30.0
STEADY_S = 60.0
_PARENT_WATCH_S = 1.0

PROGRAM = (sys.executable, "-P", "-m", "cauce")
"""Our own program; `-P` keeps modules that lie in the working folder from taking the place of those it imports."""

log = structlog.get_logger("cauce.supervisor")


def _nothing() -> None:
    """Nothing else is to be looked at."""


@dataclass(slots=True)
class _Child:
    """One process to keep alive."""

    name: str
    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    wait_s: float = RESPAWN_MIN_S
    due_at: float = 0.0
    starts: int = field(default=0)


class Supervisor:
    """Runs a program once for each name given, until stopped."""

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        *,
        environ: Mapping[str, str],
        program: Sequence[str] = PROGRAM,
        also: Callable[[], None] = _nothing,
    ) -> None:
        """`commands` gives each process its name and the arguments of `program`; `environ` is their environment.

        `also` is called a few times a second while they are watched.
        """
        self._program = tuple(program)
        self._environ = dict(environ)
        self._children = [_Child(name, tuple(arguments)) for name, arguments in commands.items()]
        self._also = also
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start every process."""
        for child in self._children:
            self._spawn(child)

    def stop(self) -> None:
        """Ask `watch` to end. Safe in a signal handler."""
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def failed_at_start(self) -> str | None:
        """Return the name of a process that ended soon after its first start, if any did."""
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                return child.name
        return None

    def watch(self) -> None:
        """Replace what dies until `stop` is called; then stop all and return when all have ended."""
        try:
            while not self._stopping.wait(POLL_S):
                for child in self._children:
                    self._look_at(child)
                self._also()
        finally:
            self.end()

    def end(self) -> None:
        """Stop every process: politely first, by force after the grace time."""
        running = [child.process for child in self._children if child.process and child.process.poll() is None]
        for process in running:
            with suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + GRACE_S
        for process in running:
            try:
                process.wait(timeout=max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                log.warning("process.killed", pid=process.pid)
                process.kill()
                process.wait()
            _kill_group(process)

    def _look_at(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.due_at:
                self._spawn(child)
        elif child.process.poll() is not None:
            log.error("process.died", name=child.name, exit_status=child.process.returncode)
            steady = now - child.started_at > STEADY_S
            child.wait_s = RESPAWN_MIN_S if steady else min(child.wait_s * 2, RESPAWN_MAX_S)
            _kill_group(child.process)
            child.process, child.due_at = None, now + child.wait_s

    def _spawn(self, child: _Child) -> None:
        # A session of its own keeps a terminal's Ctrl-C from reaching the child: this process stops it in order.
        child.process = subprocess.Popen(  # noqa: S603 - our own program
            [*self._program, *child.arguments],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        child.started_at = time.monotonic()
        child.starts += 1
        log.info("process.started", name=child.name, pid=child.process.pid)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End what an ended process has left behind: its own children would keep its port from the next one."""
    with suppress(OSError, AttributeError):  # nobody is left, or a system without process groups
        os.killpg(process.pid, signal.SIGKILL)


def die_with_parent() -> None:
    """Stop this process (SIGTERM) soon after the process that started it has gone, however that ended."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_WATCH_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
