"""What the listener is told: addresses and limits."""

from dataclasses import dataclass
from pathlib import Path

from cauce.core.limits import GIB, MIB


@dataclass(frozen=True, kw_only=True, slots=True)
class ListenerSettings:
    """Where and how to listen. Times are in seconds, sizes in bytes; limits on associations hold across processes.

    `ae_title` is ours, for the log: which called AE titles are taken is the receiver's business.
    """

    host: str
    port: int
    ae_title: str
    spool: Path
    """Folder for instances that do not fit in memory; made with mode 0700, its files are unlinked from the start."""
    processes: int = 1
    associations_max: int = 64
    """Associations at one time; one more is rejected as transient, local limit exceeded."""
    idle_timeout_s: float = 60.0
    """Longest silence, and longest time that one PDU may take, before an association is aborted."""
    request_timeout_s: float = 30.0
    """Longest time between a connection and its complete A-ASSOCIATE-RQ (the ARTIM timer, PS3.8 section 9.1.4)."""
    grace_s: float = 10.0
    """How long running associations may go on once the listener has been told to stop."""
    memory_instance_bytes_max: int = 16 * MIB
    """Up to this size an instance is held in memory, beyond it goes to the spool."""
    memory_bytes_max: int = 128 * MIB
    """Most memory that all instances in flight may take in one process; beyond it they go to the spool sooner."""
    instance_bytes_max: int = 16 * GIB
    """Longest instance taken; a longer one is answered with status A700."""
