"""A client of an ASGI application in the same process: every byte and pause of a request is the test's to choose."""

import asyncio
import json
from dataclasses import dataclass, field
from urllib.parse import urlsplit

BOUNDARY = "test-boundary-7d1"


@dataclass
class Answer:
    """What came back, and how much of the body had been asked for by then."""

    status: int = 0
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    chunks_read: int = 0

    def json(self):
        return json.loads(self.body)

    @property
    def verdicts(self):
        """The receipt's (name, status, code) of each file."""
        return [(line["name"], line["status"], line["code"]) for line in self.json()["files"]]


async def exchange(app, method, target, *, headers=None, chunks=(), then="end", pause=None):
    """Send one request. After `chunks` the body ends, the client leaves (`disconnect`), or says no more (`silence`)."""
    url = urlsplit(target)
    answer = Answer()
    source = iter([chunks] if isinstance(chunks, bytes) else chunks)
    held = [next(source, None)]
    done = asyncio.Event()

    async def receive():
        if held[0] is None and then != "end":
            if then == "silence" or answer.status:
                await done.wait()
            return {"type": "http.disconnect"}
        if held[0] is None and answer.chunks_read:
            await done.wait()
            return {"type": "http.disconnect"}
        if pause is not None:
            await pause()
        chunk, held[0] = held[0] or b"", next(source, None)
        answer.chunks_read += 1
        return {"type": "http.request", "body": chunk, "more_body": held[0] is not None or then != "end"}

    async def send(message):
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")
            if not message.get("more_body"):
                done.set()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": url.path,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in {"host": "testserver", **(headers or {})}.items()
            if value is not None
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("testserver", 80),
    }
    await app(scope, receive, send)
    return answer


def call(app, *requests, **options):
    """Run one request, or several (method, target, options) at the same time, on a loop of its own."""

    async def run():
        if isinstance(requests[0], str):
            return await exchange(app, *requests, **options)
        return await asyncio.gather(*(exchange(app, method, target, **each) for method, target, each in requests))

    return asyncio.run(run())


def form(files, *, field_name="files"):
    """Return (content type, body) of a form with these (name, content) pairs."""
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n%s\r\n'
        % (BOUNDARY.encode(), field_name.encode(), name.encode(), content)
        for name, content in files
    ]
    return f"multipart/form-data; boundary={BOUNDARY}", b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def related(instances, *, part_type="application/dicom"):
    """Return (content type, body) of a STOW request with these instances."""
    head = f"--{BOUNDARY}\r\nContent-Type: {part_type}\r\n\r\n".encode()
    parts = [head + content + b"\r\n" for content in instances]
    kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    return kind, b"".join(parts) + f"--{BOUNDARY}--".encode()


def pieces(body, size):
    """Cut a body into chunks."""
    return [body[start : start + size] for start in range(0, len(body), size)]
