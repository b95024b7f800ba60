"""A disk that forgets whatever was not synced: records a process's calls and tells what a cut of power would leave.

The worst that POSIX allows: the content of a file is safe once the file is synced, a name once its folder is synced,
and nothing else is; but what was not synced may be there all the same, so a name that is given before the content is
synced may show a half-made file.
"""

import errno
import os
from pathlib import Path


class Disk:
    """Stands in front of the operating system's calls while a test runs (see the fixture `disk`)."""

    def __init__(self):
        self.events = []
        self.syncs = 0
        self.forget_sync = None  # number of the sync that is not carried out
        self.fail_sync = None  # number of the sync that fails
        self._paths = {}

    def install(self, monkeypatch):
        for name in ("open", "close", "write", "fsync", "link", "rename", "replace", "unlink", "mkdir"):
            monkeypatch.setattr(os, name, getattr(self, f"_{name}")(getattr(os, name)))

    def clear(self):
        """Forget what was recorded: all that is there counts as durable from here on."""
        self.events, self.syncs, self.forget_sync, self.fail_sync = [], 0, None, None

    def _open(self, real):
        def call(path, flags, *args, **kwargs):
            descriptor = real(path, flags, *args, **kwargs)
            self._paths[descriptor] = os.fspath(path)
            if flags & os.O_CREAT:
                self.events.append(("make", os.fspath(path)))
            return descriptor

        return call

    def _close(self, real):
        def call(descriptor):
            self._paths.pop(descriptor, None)
            real(descriptor)

        return call

    def _write(self, real):
        def call(descriptor, data):
            if descriptor in self._paths:
                self.events.append(("write", self._paths[descriptor]))
            return real(descriptor, data)

        return call

    def _fsync(self, real):
        def call(descriptor):
            number, self.syncs = self.syncs, self.syncs + 1
            if number == self.fail_sync:
                raise OSError(errno.EIO, "injected")
            if number != self.forget_sync:
                self.events.append(("sync", self._paths[descriptor]))
                real(descriptor)

        return call

    def _link(self, real):
        return self._with_two_names("link", real)

    def _rename(self, real):
        return self._with_two_names("rename", real)

    def _replace(self, real):
        return self._with_two_names("rename", real)

    def _with_two_names(self, event, real):
        def call(source, target):
            real(source, target)
            self.events.append((event, os.fspath(source), os.fspath(target)))

        return call

    def _unlink(self, real):
        def call(path, **kwargs):
            real(path, **kwargs)
            self.events.append(("unlink", os.fspath(path)))

        return call

    def _mkdir(self, real):
        def call(path, *args, **kwargs):
            real(path, *args, **kwargs)
            self.events.append(("mkdir", os.fspath(path)))

        return call


def survives(events, path):
    """Tell whether the file `path` is there, whole, after a cut of power that follows these events.

    A name that is no longer there counts as surviving neither way: see `is_gone`.
    """
    names, durable, dirty = {}, {}, set()
    made, half_made = set(), False
    for number, (event, subject, *more) in enumerate(events):
        match event:
            case "mkdir":
                names[subject] = number
                made.add(subject)
            case "make":
                names.setdefault(subject, number)
            case "write":
                dirty.add(names.setdefault(subject, number))
            case "link" | "rename":
                names[more[0]] = names[subject] if event == "link" else names.pop(subject)
                half_made = half_made or (more[0] == path and names[more[0]] in dirty)
            case "unlink":
                names.pop(subject, None)
            case "sync" if subject in names and subject not in made:
                dirty.discard(names[subject])
            case "sync":
                here = {name: inode for name, inode in names.items() if _parent(name) == subject}
                durable = {name: i for name, i in durable.items() if _parent(name) != subject} | here
    folders = [folder for folder in made if path.startswith(f"{folder}/")]
    return (
        not half_made
        and path in durable
        and durable[path] not in dirty
        and all(folder in durable for folder in folders)
    )


def is_gone(events, path):
    """Tell whether the removal of `path` is durable: its folder was synced after the last `unlink`."""
    removed = max((n for n, event in enumerate(events) if event[:2] == ("unlink", path)), default=None)
    return removed is not None and ("sync", _parent(path)) in events[removed:]


def _parent(path):
    return str(Path(path).parent)
