"""`python -m benchmarks [NAME [N]]`, with one of these names; without one the quick ones are run.

`intake` and `reading` are side by side with Orthanc, `forms` with Node.js and Multer, `deidentify` with four others,
`elements` with the same arithmetic in one thread, `results` the thousandth page with the first, on both databases. Only
when they are asked for: `qido`, searches side by side with Orthanc, and Cauce with itself at twenty times as many
studies; `large`, a series of 384 slices and a multi-frame object of 500 MB; `endurance`, the last of 100,000 instances
with the first.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import (
    deidentification,
    elements,
    endurance,
    form_uploads,
    large_reading,
    load,
    reading,
    result_pages,
    searches,
    servers,
)
from benchmarks.servers import Server

INSTANCES = 480
_ON_REQUEST: "dict[str, tuple[Callable[[int], None], int]]" = {
    "large": (large_reading.main, large_reading.ROUNDS),
    "qido": (searches.main, searches.STUDIES),
    "endurance": (endurance.main, endurance.INSTANCES),
}


def main() -> None:
    """Run what is asked for and print figures and ratios."""
    asked, *more = sys.argv[1:] or ("all",)
    if asked not in {"all", "intake", "forms", "elements", "results", "deidentify", "reading", *_ON_REQUEST}:
        sys.exit(__doc__)
    number = int(more[0]) if more else None
    if asked in {"all", "elements"}:
        elements.main()
    if asked in {"all", "results"}:
        result_pages.main(number or result_pages.ROWS)
    if asked in {"all", "intake"}:
        intake(number or INSTANCES)
    if asked in {"all", "reading"}:
        reading.main(number or reading.ROUNDS)
    if asked in {"all", "forms"}:
        form_uploads.main(number or form_uploads.INSTANCES)
    if asked in {"all", "deidentify"}:
        deidentification.main(number or deidentification.INSTANCES)
    if asked in _ON_REQUEST:
        measure, usual = _ON_REQUEST[asked]
        measure(number or usual)


def intake(count: int) -> None:
    """Send instances to both servers in turn, each way of sending, and print rates and ratios."""
    with tempfile.TemporaryDirectory(prefix="cauce-bench-") as text, ExitStack() as stack:
        folder = Path(text)
        running = [stack.enter_context(servers.cauce(folder / "cauce"))]
        if servers.has_orthanc():
            running.append(stack.enter_context(servers.orthanc(folder / "orthanc")))
        else:
            print("Orthanc is not installed (apt-get install orthanc orthanc-dicomweb): no ratios")
        print(f"{count} CT files of 0.5 MB, instances per second")
        for title, measure in _measurements(folder):
            rates = [measure(server, load.slices(count)) for server in running]
            shown = "  ".join(f"{server.name} {rate:6.1f}" for server, rate in zip(running, rates, strict=True))
            ratio = f"  ratio {rates[0] / rates[1]:.2f}" if len(rates) > 1 else ""
            print(f"{title:<40} {shown}{ratio}", flush=True)


def _measurements(folder: Path) -> "list[tuple[str, Callable[[Server, Sequence[bytes]], float]]]":
    def by_c_store(associations: int) -> Callable[[Server, Sequence[bytes]], float]:
        def measure(server: Server, files: Sequence[bytes]) -> float:
            place = folder / f"{server.name}-{associations}"
            return load.c_store(server, files, place, associations=associations)

        return measure

    def by_stow(clients: int, a_request: int) -> Callable[[Server, Sequence[bytes]], float]:
        return lambda server, files: load.stow(server, files, clients=clients, a_request=a_request)

    return [
        ("STOW, 1 client, 1 instance a request", by_stow(1, 1)),
        ("STOW, 8 clients, 1 instance a request", by_stow(8, 1)),
        ("STOW, 1 client, 48 instances a request", by_stow(1, 48)),
        ("STOW, 8 clients, 48 instances a request", by_stow(8, 48)),
        ("C-STORE, 1 association", by_c_store(1)),
        ("C-STORE, 8 associations", by_c_store(8)),
    ]


if __name__ == "__main__":
    main()
