"""Searches beside Orthanc, on equal studies; then Cauce alone at twenty times as many, written as rows.

Each search is sent again and again with other values, one at a time on one connection; medians and the 95th percentile.
"""

import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, urlsplit

from benchmarks import load, postgresql, search_rows, servers
from benchmarks.search_rows import about, instance_uid, series_uid, study_uid
from benchmarks.servers import Server
from cauce.samples import small_instance

STUDIES: Final = 5000
MANY: Final = 100_000
ROUNDS: Final = 200
_LIMIT: Final = "limit=100"
_A_REQUEST: Final = 100

Search = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Figures:
    """Times in ms, and how many results an answer had."""

    median: float
    p95: float
    results: float

    def __str__(self) -> str:
        return f"{self.median:6.1f} ({self.p95:6.1f}) for {self.results:5.1f}"


def _family(number: int) -> str:
    return about(number)["patient_name"].partition("^")[0]


def _day(number: int) -> str:
    return about(number)["study_date"]


def _given(number: int) -> str:
    return about(number)["patient_name"].partition("=")[0].partition("^")[2]


SEARCHES: Final[dict[str, Search]] = {
    "patient id": lambda n: f"studies?{_LIMIT}&PatientID={about(n)['patient_id']}",
    "accession number": lambda n: f"studies?{_LIMIT}&AccessionNumber={about(n)['accession_number']}",
    "study uid": lambda n: f"studies?{_LIMIT}&StudyInstanceUID={study_uid(n)}",
    "name, exact": lambda n: f"studies?{_LIMIT}&PatientName={quote(about(n)['patient_name'])}",
    "name, family name*": lambda n: f"studies?{_LIMIT}&PatientName={quote(_family(n))}*",
    "name, 2 letters*": lambda n: f"studies?{_LIMIT}&PatientName={quote(_family(n)[:2])}*",
    "name, *family name*": lambda n: f"studies?{_LIMIT}&PatientName=*{quote(_family(n)[1:])}*",
    "one day": lambda n: f"studies?{_LIMIT}&StudyDate={_day(n)}",
    "a week": lambda n: f"studies?{_LIMIT}&StudyDate={_day(n)[:6]}01-{_day(n)[:6]}07",
    "a year": lambda n: f"studies?{_LIMIT}&StudyDate={_day(n)[:4]}0101-{_day(n)[:4]}1231",
    "modality": lambda n: f"studies?{_LIMIT}&ModalitiesInStudy={search_rows.KINDS[n % 3][1]}",
    "modality, a week": lambda n: f"studies?{_LIMIT}&ModalitiesInStudy=CT&StudyDate={_day(n)[:6]}01-{_day(n)[:6]}07",
    "all": lambda _: f"studies?{_LIMIT}",
    "series of a study": lambda n: f"studies/{study_uid(n)}/series",
    "instances of a study": lambda n: f"studies/{study_uid(n)}/instances",
}
FUZZY: Final[dict[str, Search]] = {
    "fuzzy, family name": lambda n: f"studies?{_LIMIT}&fuzzymatching=true&PatientName={quote(_family(n))}",
    "fuzzy, 2 letters": lambda n: f"studies?{_LIMIT}&fuzzymatching=true&PatientName={quote(_family(n)[:2])}",
    "fuzzy, two words": lambda n: (
        f"studies?{_LIMIT}&fuzzymatching=true&PatientName={quote(_given(n)[:3])}+{quote(_family(n)[:5])}"
    ),
}
"""Orthanc matches no names in this way: beside these stands its search with a wildcard."""


def main(studies: int = STUDIES, many: int = MANY) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="cauce-bench-") as text, ExitStack() as stack:
        running = [stack.enter_context(servers.cauce(Path(text) / "cauce"))]
        if servers.has_orthanc():
            running.append(stack.enter_context(servers.orthanc(Path(text) / "orthanc")))
        else:
            print("Orthanc is not installed (apt-get install orthanc orthanc-dicomweb): no ratios")
        print(f"{studies:,} studies of one image by STOW, ms: median (95th percentile) for so many results")
        for server in running:
            _send(server, studies)
        for name, search in {**SEARCHES, **FUZZY}.items():
            theirs = SEARCHES["name, 2 letters*" if "2" in name else "name, family name*"] if name in FUZZY else search
            found = [_asked(server, ask, studies) for server, ask in zip(running, (search, theirs), strict=False)]
            shown = "  ".join(f"{one.name} {each}" for one, each in zip(running, found, strict=True))
            ratio = f"  ratio {found[1].median / found[0].median:.1f}" if found[1:] else ""
            print(f"{name:<22} {shown}{ratio}", flush=True)
    alone(studies, many)


def alone(few: int, many: int) -> None:
    """Compare Cauce with itself, on rows that were written in bulk."""
    print(f"Cauce alone, {few:,} and {many:,} studies of ten images, ms: median (95th percentile) for so many results")
    found = [_measured(studies, {}) for studies in (few, many)]
    _compare(found)
    if postgresql.programs() is not None:
        print("the same on PostgreSQL")
        with ExitStack() as stack:
            urls = [stack.enter_context(postgresql.server()) for _ in range(2)]
            _compare([_measured(n, {"CAUCE_DATABASE_URL": url}) for n, url in zip((few, many), urls, strict=True)])


def _compare(found: Sequence[dict[str, Figures]]) -> None:
    for name in found[0]:
        before, after = (one[name] for one in found)
        print(f"{name:<22} {before}  {after}  ratio of p95 {after.p95 / before.p95:.2f}")


def _measured(studies: int, settings: dict[str, str]) -> dict[str, Figures]:
    with tempfile.TemporaryDirectory(prefix="cauce-bench-") as text:
        folder = Path(text)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CAUCE_")}
        environ = {**kept, "CAUCE_DATA": str(folder / "data"), "CAUCE_KEYS": str(folder / "keys"), **settings}
        command = [sys.executable, "-m", "benchmarks.searches", str(studies)]
        subprocess.run(command, env=environ, check=True)  # noqa: S603 - this module
        with servers.cauce(folder, settings) as server:
            return {name: _asked(server, search, studies) for name, search in {**SEARCHES, **FUZZY}.items()}


def _send(server: Server, studies: int) -> None:
    with _Client(server) as client:
        for start in range(0, studies, _A_REQUEST):
            client.post(load.related([_file(number) for number in range(start, min(start + _A_REQUEST, studies))]))


def _file(number: int) -> bytes:
    said = about(number)
    sop_class, modality = search_rows.KINDS[number % 3]
    return small_instance(
        SpecificCharacterSet="ISO_IR 192",
        PatientName=said["patient_name"],
        PatientID=said["patient_id"],
        PatientBirthDate=said["patient_birth_date"],
        PatientSex=said["patient_sex"],
        StudyDate=said["study_date"],
        StudyTime=said["study_time"],
        AccessionNumber=said["accession_number"],
        StudyID=said["study_id"],
        StudyDescription=said["study_description"],
        ReferringPhysicianName=said["referring_physician_name"],
        SOPClassUID=sop_class,
        Modality=modality,
        StudyInstanceUID=study_uid(number),
        SeriesInstanceUID=series_uid(number, 0),
        SOPInstanceUID=instance_uid(number, 0, 0),
    )


class _Client:
    """One connection, with as little around it as can be: a fuller client takes longer than the servers do."""

    def __init__(self, server: Server) -> None:
        url = urlsplit(server.dicomweb)
        self._connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=120)
        self._path = url.path
        self._headers = server.headers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, target: str) -> bytes:
        """Return the body of an answer."""
        return self._exchange("GET", target, {"Accept": "application/dicom+json"})

    def post(self, body: bytes) -> None:
        """Store instances."""
        self._exchange("POST", "studies", load.STOW_HEADERS, body)

    def _exchange(self, method: str, target: str, headers: dict[str, str], body: bytes | None = None) -> bytes:
        self._connection.request(method, f"{self._path}/{target}", body, {**self._headers, **headers})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"{method} {target}: {answer.status} {content[:300]!r}")
        return content


def _asked(server: Server, search: Search, studies: int) -> Figures:
    """Ask for a search with values spread over all studies."""
    chance = random.Random(7)  # noqa: S311 - nothing secret
    times, results = [], 0
    with _Client(server) as client:
        for number in [chance.randrange(studies) for _ in range(ROUNDS)]:
            target = search(number)
            started = time.perf_counter()
            content = client.get(target)
            times.append((time.perf_counter() - started) * 1000)
            results += len(json.loads(content))
    return Figures(statistics.median(times), sorted(times)[int(len(times) * 0.95)], results / ROUNDS)


def _fill(studies: int) -> None:
    from cauce import bootstrap
    from cauce.cli import start

    bootstrap.setup("benchmark")
    start.migrate()
    search_rows.fill(studies)


if __name__ == "__main__":
    _fill(int(sys.argv[1]))
