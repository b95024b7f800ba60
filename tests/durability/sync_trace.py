"""What a system-call trace says about an acknowledgement: which syncs had returned before the answer left.

The trace is strace's, with `-f -yy` (every thread, descriptors by what they are): one line a call, or two, a beginning
and an end, when other calls came in between. Each call is therefore an interval on the trace's lines.
"""

import re
from dataclasses import dataclass

SYSTEM_CALLS = (
    "fsync,fdatasync,openat,link,linkat,rename,renameat,renameat2,mkdir,mkdirat,"
    "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg"
)
"""What has to be traced."""

_SYNCS = {"fsync", "fdatasync"}
_WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2"}
_SENDS = {"write", "writev", "sendto", "sendmsg"}
_RENAMES = {"link", "linkat", "rename", "renameat", "renameat2"}
_LINE = re.compile(
    r"(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>(?P<rest>.*)|(?P<call>\w+)\((?P<arguments>.*))"
)
_RESULT = re.compile(r"\) += (-?\d+|\?)")
_DESCRIPTOR = re.compile(r"\d+<(?P<what>.*?[^-])>(?=[,)]|$)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(kw_only=True)
class Call:
    """One system call: from which line to which it was under way; `what` names the file or socket it was given."""

    name: str
    arguments: str
    begins: int
    ends: int
    succeeded: bool

    @property
    def what(self):
        found = _DESCRIPTOR.match(self.arguments)
        return found["what"] if found else ""

    @property
    def texts(self):
        return _QUOTED.findall(self.arguments)

    @property
    def named(self):
        """The name that this call has given to a file, "" where it gave none."""
        gives = self.name in _RENAMES or (self.name == "openat" and "O_CREAT" in self.arguments)
        return self.texts[-1] if gives else ""


def calls_of(lines):
    """Return the calls of a trace in the order in which they began; those that never ended did not succeed."""
    calls, open_calls = [], {}
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        if not found:
            continue
        if found["resumed"]:
            call = open_calls.pop((found["thread"], found["resumed"]), None)
            if call is not None:
                call.ends, call.succeeded = number, _is_success(found["rest"])
            continue
        arguments = found["arguments"].removesuffix(" <unfinished ...>")
        is_unfinished = arguments != found["arguments"]
        call = Call(
            name=found["call"],
            arguments=arguments,
            begins=number,
            ends=len(lines) if is_unfinished else number,
            succeeded=not is_unfinished and _is_success(arguments),
        )
        calls.append(call)
        if is_unfinished:
            open_calls[found["thread"], found["call"]] = call
    return calls


def _is_success(text):
    found = _RESULT.findall(text)
    return bool(found) and found[-1] != "?" and int(found[-1]) >= 0


def missing_before_answer(calls, object_id, answer):
    """Return which of `file`, `directory` and `commit` had not become durable when the `answer` began to leave.

    `object_id` is the stored object. Its file counts when it was synced after its last write; its directory when it
    was synced after the file had its name, and the one above each folder that was made on the way to it after that;
    and its commit when the write-ahead log was written to after that, and synced after the last such write.
    """
    before = [call for call in calls if call.ends < answer.begins and call.succeeded]
    naming = next((call for call in before if call.named.endswith(f"/{object_id}")), None)
    if naming is None:
        return {"file", "directory", "commit"}
    missing = set()
    if not _is_written_and_synced(before, naming.named):
        missing.add("file")
    named = [(naming.ends, naming.named), *((call.ends, call.texts[0]) for call in _folders_made(before, naming.named))]
    if not all(_is_synced(before, path.rpartition("/")[0], after=line) for line, path in named):
        missing.add("directory")
    commits = [call for call in _log_writes(before) if call.begins > naming.ends]
    if not commits or not _is_synced(before, commits[-1].what, after=commits[-1].ends):
        missing.add("commit")
    return missing


def commits_too_early(calls, object_id):
    """Return the writes to the log between the moment when an object had a name and the one when it was durable.

    Where nothing else is under way there are none: a crash would leave a row that speaks of a broken object.
    """
    naming = next(call for call in calls if call.succeeded and call.named.endswith(f"/{object_id}"))
    places = {naming.named, naming.named.rpartition("/")[0]}
    first = {}
    for call in calls:
        if call.name in _SYNCS and call.what in places and call.begins > naming.ends:
            first.setdefault(call.what, call.ends)
    durable = max(first.values(), default=len(calls))
    return [call for call in _log_writes(calls) if naming.ends < call.begins < durable]


def commits_in_series(calls, object_id, answer):
    """Return how many syncs of the log came one after the other between the naming of an object and the answer."""
    begin = next(call for call in calls if call.succeeded and call.named.endswith(f"/{object_id}")).ends
    syncs = [call for call in calls if call.name in _SYNCS and call.what.endswith("-wal")]
    count, last = 0, begin
    for call in sorted(syncs, key=lambda call: call.ends):
        if call.begins > last and call.ends < answer.begins:
            count, last = count + 1, call.ends
    return count


def _is_written_and_synced(calls, path):
    writes = [call for call in calls if call.name in _WRITES and call.what == path]
    return bool(writes) and _is_synced(calls, path, after=writes[-1].ends)


def _is_synced(calls, path, *, after):
    return any(call.name in _SYNCS and call.what == path and call.begins > after for call in calls)


def _folders_made(calls, final):
    """Return the calls that made the folders on the way to `final`, as far as they were made in this trace."""
    return [call for call in calls if call.name in {"mkdir", "mkdirat"} and final.startswith(f"{call.texts[0]}/")]


def _log_writes(calls):
    return [call for call in calls if call.name in _WRITES and call.what.endswith("-wal")]


def answers_on(calls, begins_with, *, port=None):
    """Return what was sent over TCP that begins with this text (as strace escapes it), to a peer's port where given."""
    ends_with = f":{port}]" if port else "]"
    return [
        call
        for call in calls
        if call.name in _SENDS
        and call.what.startswith("TCP")
        and call.what.endswith(ends_with)
        and any(text.startswith(begins_with) for text in call.texts[:1])
    ]
