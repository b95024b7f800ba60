"""Whether intake slows down as the catalogue grows: many small instances, and the rate of each tenth of them."""

import http.client
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import load, servers
from cauce.samples import small_instance

INSTANCES = 100_000
TENTHS = 10
INSTANCES_A_REQUEST = 25
INSTANCES_A_STUDY = 500
CLIENTS = 4
SIZE_BYTES = 10_000


def main(count: int) -> None:
    """Send `count` instances of 10 kB and print the rate of each tenth, and the last beside the first."""
    print(f"{count} instances of {SIZE_BYTES // 1000} kB, {INSTANCES_A_REQUEST} a request, {CLIENTS} clients")
    rates = []
    with (
        tempfile.TemporaryDirectory(prefix="cauce-bench-") as text,
        servers.cauce(Path(text) / "cauce") as cauce,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        template = Template()
        _send(cauce, template.instances(200))
        for tenth in range(1, TENTHS + 1):
            shares = [template.instances(count // TENTHS // CLIENTS) for _ in range(CLIENTS)]
            started = time.monotonic()
            for future in [pool.submit(_send, cauce, share) for share in shares]:
                future.result()
            rates.append(sum(map(len, shares)) / (time.monotonic() - started))
            print(f"tenth {tenth:2d}                 {rates[-1]:6.1f} instances per second", flush=True)
    print(f"last tenth / first tenth {rates[-1] / rates[0]:.2f}")


class Template:
    """Small instances with UIDs of their own, made by exchanging those of one."""

    def __init__(self) -> None:
        """Make the one, padded to its size."""
        uids = {name: f"2.25.{10**38 + number}" for number, name in enumerate(("instance", "series", "study"))}
        given = {"SOPInstanceUID": uids["instance"], "SeriesInstanceUID": uids["series"]}
        bare = small_instance(**given, StudyInstanceUID=uids["study"], ImageComments="")
        comment = "x" * ((SIZE_BYTES - len(bare)) // 2 * 2)
        self._whole = small_instance(**given, StudyInstanceUID=uids["study"], ImageComments=comment)
        self._old = [uid.encode() for uid in uids.values()]
        self._study = self._series = b""
        self._made = 0

    def instances(self, count: int) -> list[bytes]:
        """Return `count` fresh instances."""
        made = []
        for _ in range(count):
            if self._made % INSTANCES_A_STUDY == 0:
                self._study, self._series = load.fresh_uid().encode(), load.fresh_uid().encode()
            self._made += 1
            data = self._whole
            for old, new in zip(self._old, (load.fresh_uid().encode(), self._series, self._study), strict=True):
                data = data.replace(old, new)
            made.append(data)
        return made


def _send(server: servers.Server, files: Sequence[bytes]) -> None:
    parts = urlsplit(server.dicomweb)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=600)
    for start in range(0, len(files), INSTANCES_A_REQUEST):
        body = load.related(files[start : start + INSTANCES_A_REQUEST])
        connection.request("POST", f"{parts.path}/studies", body=body, headers={**server.headers, **load.STOW_HEADERS})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"a request was answered {answer.status}: {text[:300]!r}")
    connection.close()
