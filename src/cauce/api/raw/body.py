"""Reading a body: chunk by chunk, never longer than allowed, never waiting for ever."""

import asyncio
from collections.abc import AsyncIterator

from cauce.api.raw.problems import BodyTooLong, ClientGone, TimedOut
from cauce.api.raw.request import BodyLimits, Request


class Body:
    """The body of a request as a stream. `ended` tells whether it was read to its end."""

    def __init__(self, request: Request, *, limits: BodyLimits) -> None:
        """Nothing is read yet."""
        self._request = request
        self._limits = limits
        self.size_bytes = 0
        self.ended = request.content_length == 0

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body in chunks as they arrive.

        Raises:
            BodyTooLong: more bytes than a request may have.
            TimedOut: no byte came for `idle_timeout_s`.
            ClientGone: the connection ended first.
        """
        while not self.ended:
            try:
                async with asyncio.timeout(self._limits.idle_timeout_s):
                    message = await self._request.receive()
            except TimeoutError as error:
                raise TimedOut("The client sent nothing for too long.") from error
            if message["type"] == "http.disconnect":
                raise ClientGone("The connection ended before the body did.")
            chunk: bytes = message.get("body", b"")
            self.ended = not message.get("more_body", False)
            self.size_bytes += len(chunk)
            if self.size_bytes > self._limits.request_bytes_max:
                raise BodyTooLong
            if chunk:
                yield chunk
