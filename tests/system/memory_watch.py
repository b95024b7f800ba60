"""How much memory the platform's processes have held at most, each by itself."""

import contextlib
import threading
from pathlib import Path

MIB = 1 << 20
_EVERY_S = 0.2


class MemoryWatch:
    """Looks at every process of a platform until left; used as a context manager. Peaks are the kernel's (VmHWM)."""

    def __init__(self, platform):
        self._platform = platform
        self._peaks = {}
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._has_ended.set()
        self._thread.join()

    def peaks(self):
        """Return the peak of each process in MiB, by what it is and its number, the highest first."""
        self._look()
        return dict(sorted(self._peaks.items(), key=lambda item: -item[1]))

    def above(self, limit_mib):
        """Return the processes that have held more than this."""
        return {process: peak for process, peak in self.peaks().items() if peak > limit_mib}

    def _run(self):
        while not self._has_ended.wait(_EVERY_S):
            self._look()

    def _look(self):
        for pid in self._platform.family():
            with contextlib.suppress(OSError, StopIteration):
                status = Path(f"/proc/{pid}/status").read_text()
                peak_kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
                self._peaks[_name(pid)] = int(peak_kib) // 1024


def _name(pid):
    """Return what a process is: its command where it has one of ours, else what it was started as."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    if "cauce" in words:
        return f"{words[words.index('cauce') + 1]} {pid}"
    return f"{'web child' if '--multiprocessing-fork' in words else words[-2][:40] if len(words) > 1 else ''} {pid}"
