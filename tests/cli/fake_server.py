"""A server for the command line's client: it answers from a script and keeps what it was asked."""

import re
from collections import defaultdict

import httpx

UPLOAD_ID = "0123456789abcdef0123456789abcdef"
_PART = re.compile(rb'filename="([^"]*)"\r\nContent-Type: [^\r]*\r\n\r\n')


def line(name, status="stored", **more):
    return {
        "name": name,
        "status": status,
        "code": "",
        "detail": "",
        "study": "study-1",
        "sop_instance_uid": "1.2.3",
        "warnings": [],
        **more,
    }


def problem(status, detail, *, headers=None, **more):
    return httpx.Response(status, json={"detail": detail, "status": status, **more}, headers=headers)


class FakeServer(httpx.BaseTransport):
    """Answers `GET` from `documents` (by path), takes uploads as a server does.

    A request over `request_bytes_max` is answered 413. `faults` are taken one by one before an upload is: answers, or
    errors to be raised. `verdicts` maps a file's name to its lines.
    """

    def __init__(self):
        self.documents = defaultdict(dict)
        self.faults = []
        self.request_bytes_max = float("inf")
        self.verdicts = {}
        self.requests = []
        self.credentials = []
        self.uploads = []
        self.posted = []

    def handle_request(self, request):
        self.requests.append(request)
        self.credentials.append(request.headers.get("authorization"))
        body = request.read()
        if request.method == "GET":
            return self._get(request)
        if request.url.path != "/api/uploads/":
            self.posted.append((request.url.path, body))
            return self._answer(self.documents[request.url.path])
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            return fault
        if len(body) > self.request_bytes_max:
            return httpx.Response(413, text="<html>nginx</html>")
        names = [name.decode() for name in _PART.findall(body) if name]
        self.uploads.append((dict(request.url.params), names, body))
        lines = [each for name in names for each in self.verdicts.get(name, [line(kept(name))])]
        return httpx.Response(201, json={"id": UPLOAD_ID, "files": lines})

    def _get(self, request):
        target = request.url.raw_path.decode()
        return self._answer(self.documents[target] if target in self.documents else self.documents[request.url.path])

    @staticmethod
    def _answer(document):
        if isinstance(document, list):
            document = document.pop(0) if len(document) > 1 else document[0]
        return document if isinstance(document, httpx.Response) else httpx.Response(200, json=document)


def kept(name):
    """Return a name as a server gives it back."""
    return name.replace("%22", '"').replace("%0D", " ").replace("%0A", " ")
