"""Fragments -> DIMSE messages (PS3.7 section 6.3, PS3.8 annex E.2): command sets in memory, data sets to a `Body`."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cauce.dimse.body import Body
from cauce.dimse.commands import C_STORE_RQ, COMMAND_BYTES_MAX, Request, decode_request
from cauce.dimse.upper_layer import Silent

BYTES_PER_S_MIN = 1024
"""Least rate at which a message that takes longer than the idle timeout must arrive; who drips holds a place."""

_COMMAND, _LAST = 0x01, 0x02

OpenBody = Callable[[int, Request], Body]
"""What makes a place for the data set that follows a request on a presentation context."""


class ProtocolViolation(Exception):
    """The peer sent what has no place here; the association is aborted."""


@dataclass(kw_only=True, slots=True)
class Message:
    """One DIMSE message, complete once its last fragment has come."""

    context_id: int
    began_at: float = field(default_factory=time.monotonic)
    size_bytes: int = 0
    command: bytearray = field(default_factory=bytearray)
    request: Request | None = None
    body: Body | None = None


class Assembly:
    """Puts one message at a time together; the fragments of two are never interleaved."""

    def __init__(self, open_body: OpenBody, *, patience_s: float) -> None:
        self._open_body = open_body
        self._patience_s = patience_s
        self._message: Message | None = None

    def take(self, context_id: int, control: int, data: memoryview) -> Message | None:
        """Take one fragment; the whole message once it was the last, until then `None`.

        Raises:
            ProtocolViolation: a fragment has no place here.
            InvalidRequest: the command set cannot be understood.
            Silent: the message takes too long.
        """
        message = self._message
        if message is None:
            message = self._message = Message(context_id=context_id)
        if context_id != message.context_id or bool(control & _COMMAND) == (message.request is not None):
            raise ProtocolViolation
        message.size_bytes += len(data)
        self._hurry(message)
        is_last = bool(control & _LAST)
        if message.body is not None:
            message.body.write(data)
            is_complete = is_last
        else:
            is_complete = self._take_command(message, data, is_last=is_last)
        if not is_complete:
            return None
        self._message = None
        return message

    def drop(self) -> None:
        """Let go of what has arrived of an unfinished message."""
        if self._message is not None and self._message.body is not None:
            self._message.body.close()
        self._message = None

    def _take_command(self, message: Message, data: memoryview, *, is_last: bool) -> bool:
        """Take a part of the command set; whether the message is complete with it."""
        message.command += data
        if len(message.command) > COMMAND_BYTES_MAX:
            raise ProtocolViolation
        if not is_last:
            return False
        request = message.request = decode_request(bytes(message.command))
        if request.has_data_set != (request.field == C_STORE_RQ):
            raise ProtocolViolation
        if request.has_data_set:
            message.body = self._open_body(message.context_id, request)
        return not request.has_data_set

    def _hurry(self, message: Message) -> None:
        """Cut off a peer that sends a little now and then, just often enough not to count as silent."""
        duration_s = time.monotonic() - message.began_at
        if duration_s > self._patience_s and message.size_bytes < BYTES_PER_S_MIN * duration_s:
            raise Silent
