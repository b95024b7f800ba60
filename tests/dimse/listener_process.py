"""A listener of several processes, run as a program: `listener_process.py SPOOL OUT PROCESSES PLACES GRACE_S [FAULT]`.

It prints its port and process id once it serves. Each instance becomes a file in OUT, named by process id and a number.
FAULT `unbuildable`: no receiver can be built.
"""

import itertools
import os
import sys
from pathlib import Path

import structlog

from cauce.core.errors import CauceError, ConfigurationError
from cauce.dimse.listener import ListenerSettings, serve
from cauce.dimse.receiver import Access, Admission


class FileReceiver:
    """Writes what it is given into a folder."""

    def __init__(self, out):
        self._out = out
        self._numbers = itertools.count()

    def admit(self, **_who):
        return Admission(access=Access.ACCEPTED)

    def store(self, instance, **_who):
        name = f"{os.getpid()}-{next(self._numbers)}"
        (self._out / (name + ".tmp")).write_bytes(instance.content)
        (self._out / (name + ".tmp")).rename(self._out / name)
        return 0

    def finished(self, **_how):
        pass


def main(spool, out, processes, places, grace_s, fault=""):
    def build():
        if fault == "unbuildable":
            raise ConfigurationError("no receiver today")
        return FileReceiver(Path(out))

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    settings = ListenerSettings(
        host="127.0.0.1",
        port=0,
        ae_title="CAUCE",
        spool=Path(spool),
        processes=int(processes),
        associations_max=int(places),
        grace_s=float(grace_s),
        idle_timeout_s=20,
    )
    serve(settings, build, lambda address: os.write(1, f"{address[1]} {os.getpid()}\n".encode()))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except CauceError as error:
        sys.exit(f"error: {error.detail}")
