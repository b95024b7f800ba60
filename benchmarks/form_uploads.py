"""Uploads by form, beside Node.js with Multer, which writes the same forms to disk and does nothing else with them."""

import http.client
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import load, servers

INSTANCES = 480
FILES_A_FORM = 48
ROUNDS = 3
_SOURCE = Path(__file__).parent / "multer"
_BOUNDARY = "benchmark"


def main(count: int) -> None:
    """Send the same number of files to both in turn, and print rates and ratios."""
    print(f"{count} CT files of 0.5 MB in forms of {FILES_A_FORM}, instances per second")
    with tempfile.TemporaryDirectory(prefix="cauce-bench-") as text, servers.cauce(Path(text) / "cauce") as cauce:
        url = cauce.dicomweb.removesuffix("/dicom-web") + "/api/uploads/"
        if not has_multer():
            print("Node.js with npm is not there (apt-get install nodejs npm): no ratios")
            print(f"form upload              Cauce {rate(url, load.slices(count), cauce.headers):6.1f}")
            return
        with multer(Path(text) / "multer") as other:
            for _ in range(ROUNDS):
                ours = rate(url, load.slices(count), cauce.headers)
                theirs = rate(other, load.slices(count), {})
                shown = f"Cauce {ours:6.1f}  Multer {theirs:6.1f}  ratio {ours / theirs:.2f}"
                print(f"form upload              {shown}", flush=True)


def has_multer() -> bool:
    """Tell whether Node.js is there, with Multer as the lock file names it; npm fetches it once."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return False
    if not (_SOURCE / "node_modules").is_dir():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        return subprocess.run(command, cwd=_SOURCE, check=False).returncode == 0  # noqa: S603 - npm
    return True


@contextmanager
def multer(folder: Path) -> Iterator[str]:
    """Run the Multer server on `folder`; yield where it takes forms."""
    folder.mkdir(parents=True)
    port = servers.free_port()
    command = ["node", str(_SOURCE / "server.js"), str(port), str(folder)]
    with servers.process(command, dict(os.environ)):
        base = f"http://127.0.0.1:{port}"
        servers.await_success(f"{base}/readyz")
        yield f"{base}/"


def rate(url: str, files: Sequence[bytes], headers: dict[str, str]) -> float:
    """Send `files` in forms, one after the other on one connection; return files per second."""
    bodies = [_form(files[start : start + FILES_A_FORM]) for start in range(0, len(files), FILES_A_FORM)]
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=600)
    sent = {**headers, "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    started = time.monotonic()
    for body in bodies:
        connection.request("POST", parts.path, body=body, headers=sent)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != http.client.CREATED:
            raise RuntimeError(f"a form was answered {answer.status}: {text[:300]!r}")
    took_s = time.monotonic() - started
    connection.close()
    return len(files) / took_s


def _form(files: Sequence[bytes]) -> bytes:
    pieces = []
    for number, data in enumerate(files):
        disposition = f'form-data; name="files"; filename="{number}.dcm"'
        pieces += [f"--{_BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode(), data, b"\r\n"]
    return b"".join([*pieces, f"--{_BOUNDARY}--\r\n".encode()])
