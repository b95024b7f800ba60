"""The tree of errors. A class says how its caller should react; each edge has one table from error to answer.

CauceError
├── Refused                what was sent cannot be taken: the sender must change it (`code` is stable, see RefusalCode)
├── NotFound               no such thing, or not for this actor
├── Forbidden              the actor may not do this
├── Conflicting            the request contradicts the present state (another writer was first)
├── InvalidRequest         the request itself is wrong; `field` names what
├── ConfigurationError     a setting is wrong; the process does not start
├── IntegrityError         stored bytes are not what was written: corrupted, truncated, wrong key
├── Undecodable            pixels that no library at hand can decode; `transfer_syntax_uid` names why
│   └── NoCodec            pixels that cannot be put into the transfer syntax asked for, though they may be sound
├── ExceedsNodes           a job that fits on no node
├── Unexpected             a defect of ours or of a library: retried, then dead with its trace
└── Unavailable            a dependency does not answer: try again later (`retryable`)
    ├── StorageUnavailable
    ├── StorageFull
    ├── DatabaseUnavailable
    └── VaultLocked        the vault does not open under the keys that are at hand
"""

import traceback

from cauce.core.statuses import RefusalCode


class CauceError(Exception):
    """Root of all errors of ours. `code` is stable; `detail` is for people and never carries identity."""

    code = "error"
    retryable = False

    def __init__(self, detail: str = "") -> None:
        """`detail` says in one plain sentence what is wrong."""
        super().__init__(detail)
        self.detail = detail


class Refused(CauceError):
    """What was sent cannot be taken in. `refusal` is one of the stable codes."""

    def __init__(self, refusal: RefusalCode, detail: str) -> None:
        """`refusal` becomes `code`; `detail` says what is wrong with this very input."""
        super().__init__(detail)
        self.refusal = refusal
        self.code = refusal.value


class NotFound(CauceError):
    """No such thing, or none that this actor may know of."""

    code = "not_found"


class Forbidden(CauceError):
    """The actor may not do this."""

    code = "forbidden"


class Conflicting(CauceError):
    """The request contradicts the present state."""

    code = "conflict"


class InvalidRequest(CauceError):
    """The request is wrong; `field` names the part of it."""

    code = "invalid"

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        """`field` is the name of the offending parameter, if there is one."""
        super().__init__(detail)
        self.field = field


class ConfigurationError(CauceError):
    """A setting is wrong or contradicts another; nothing starts."""

    code = "configuration"


class IntegrityError(CauceError):
    """Stored bytes are not what was written (corrupted, cut, reordered, or another key)."""

    code = "integrity"


class Undecodable(CauceError):
    """Pixels that cannot be decoded here; the reason names the transfer syntax or the defect."""

    code = "undecodable"

    def __init__(self, detail: str, *, transfer_syntax_uid: str) -> None:
        """`transfer_syntax_uid` is the syntax of the object whose pixels were asked for."""
        super().__init__(detail)
        self.transfer_syntax_uid = transfer_syntax_uid


class NoCodec(Undecodable):
    """Pixels that cannot be put into the transfer syntax asked for; `transfer_syntax_uid` is that one."""

    code = "no_codec"


class ExceedsNodes(CauceError):
    """A job whose estimated cost fits on no node."""

    code = "exceeds_nodes"


class Unexpected(CauceError):
    """Something that no error class foresaw; the trace says where, never with which values."""

    code = "unexpected"
    retryable = True


class Unavailable(CauceError):
    """A dependency does not answer now; the same call may succeed later."""

    code = "unavailable"
    retryable = True


class StorageUnavailable(Unavailable):
    """The object store does not answer."""

    code = "storage_unavailable"


class StorageFull(Unavailable):
    """The object store has no room left (the reserve kept free is reached)."""

    code = "storage_full"


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""

    code = "database_unavailable"


class VaultLocked(Unavailable):
    """The vault does not open: its key is missing, or is not the one under which it was written."""

    code = "vault_locked"


def told_defect(error: BaseException) -> str:
    """Return what may be said of an error that nobody foresaw: its kind and where.

    Not its words: they may name people.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f", {frames[-1].filename.rpartition('/')[2]} line {frames[-1].lineno}" if frames else ""
    return f"Something unexpected went wrong ({type(error).__name__}{where})."
