"""The OHIF viewer, as its makers built it, in headless Chromium: set up with nginx as the how-to says."""

import base64
import datetime as dt
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

import cv2
import httpx
import numpy as np
import ohif_images
import pytest
from webdriver import Browser

from running_platform import free_port, start_platform, stop_platform

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("ohif")]

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
OHIF = "@ohif/app@3.13.2"
SHA512 = "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
ARROW_DOWN = "\ue015"
KINDS = ("CT", "MR", "multi-frame CT", "multi-frame", "colour", "multi-frame colour")

CANVAS = """
const canvas = document.querySelector("canvas.cornerstone-canvas");
if (!canvas || !canvas.width) return null;
const copy = document.createElement("canvas");
[copy.width, copy.height] = [canvas.width, canvas.height];
copy.getContext("2d").drawImage(canvas, 0, 0);
return copy.toDataURL("image/png").split(",")[1];
"""
"""What the viewer has painted, read back."""


@pytest.fixture(scope="module")
def programs():
    """The paths of the programs that are wanted, by name."""
    found = {name: shutil.which(name) for name in ("chromedriver", "chromium", "nginx", "npm")}
    absent = [name for name, path in found.items() if path is None]
    if absent:
        said = f"ABSENT: {', '.join(absent)} (sh tools/install-servers): whether OHIF works was not tried"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(said)
    return found


@pytest.fixture(scope="module")
def viewer(programs, tmp_path_factory):
    """The folder of the viewer's files, with the configuration of the how-to."""
    folder = tmp_path_factory.mktemp("viewer")
    subprocess.run(
        [programs["npm"], "pack", "--silent", OHIF], cwd=folder, check=True, capture_output=True, timeout=300
    )
    (packed,) = folder.glob("*.tgz")
    assert base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode() == SHA512
    with tarfile.open(packed) as archive:
        members = [one for one in archive if not re.search(r"/ort/|\.map$", one.name)]  # large, and not used here
        archive.extractall(folder, members=members, filter="data")
    files = folder / "package" / "dist"
    shutil.copy(HOW_TO / "ohif" / "app-config.js", files)
    return files


@pytest.fixture(scope="module")
def studies():
    made = ohif_images.studies()
    assert tuple(made) == KINDS
    return made


@pytest.fixture(scope="module")
def site(programs, viewer, studies, tmp_path_factory):
    """A platform with the studies and nginx in front, set up as the how-to says."""
    folder = tmp_path_factory.mktemp("site")
    url = f"https://127.0.0.1:{free_port()}"
    platform = start_platform(folder, CAUCE_STUDY_QUIET_S="3600", CAUCE_PUBLIC_URL=url)
    try:
        del platform.environ["CAUCE_PUBLIC_URL"]  # commands go straight to it: they do not trust the certificate
        files = folder / "files"
        for name, study in studies.items():
            (files / name).mkdir(parents=True)
            for number, content in enumerate(study.files):
                (files / name / f"{number}.dcm").write_bytes(content)
        assert {verdict["status"] for verdict in platform.import_(files)} == {"stored"}
        proxy = Proxy(programs["nginx"], folder, url=url, platform=platform, viewer=viewer)
        try:
            yield proxy
        finally:
            proxy.stop()
    finally:
        stop_platform(platform)


class Proxy:
    """nginx with the configuration of the how-to, at another address and with a log that tells of failures."""

    def __init__(self, program, folder, *, url, platform, viewer):
        self.url, self.platform, self._log = url, platform, folder / "access.log"
        certificate, key = certificate_for(folder)
        text = (HOW_TO / "ohif" / "nginx.conf").read_text()
        for said, real in {
            "listen 443 ssl;": f"listen {url.removeprefix('https://')} ssl;",
            "server_name pacs.example.org;": "",
            "/etc/ssl/pacs.example.org.pem": certificate,
            "/etc/ssl/pacs.example.org.key": key,
            "/srv/ohif": viewer,
            "access_log off;": f"access_log {self._log} tests;",
            "http://127.0.0.1:8000": platform.url,
        }.items():
            assert said in text, said
            text = text.replace(said, str(real))
        settings = folder / "nginx.conf"
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
        settings.write_text(f"""
            daemon off;
            master_process off;
            pid {folder / "nginx.pid"};
            events {{}}
            http {{
                include /etc/nginx/mime.types;
                log_format tests '$status $request_method $request_uri';
                {temporary}
                {text}
            }}
        """)
        with (folder / "nginx.txt").open("w") as sink:
            self._process = subprocess.Popen(
                [program, "-p", folder, "-c", settings, "-e", folder / "nginx-errors.txt"], stdout=sink, stderr=sink
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, (folder / "nginx-errors.txt").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def _answers(self):
        try:
            return self.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def get(self, path):
        return httpx.get(f"{self.url}{path}", verify=False)  # the certificate is made for this test

    def requests(self):
        """Return the requests so far as (status, method, address)."""
        rows = [line.split(" ", 2) for line in self._log.read_text().splitlines()]
        return [(int(status), method, address) for status, method, address in rows]

    def accesses(self):
        """Return the audit trail as (who, what, id of the study)."""
        rows = self.platform.rows("/api/audit/")
        return [(row["actor_name"], row["action"], row["subject"]) for row in rows]

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=30)


def certificate_for(folder):
    """Write a certificate of 127.0.0.1 that it signs itself, and its key; returns their paths."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "certificate.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.fixture(scope="module")
def browser(programs, site, tmp_path_factory):
    """A browser whose person, a clinician, has come to the viewer and signed in on the way."""
    browser = Browser(programs["chromedriver"], tmp_path_factory.mktemp("browser"))
    try:
        made = json.loads(site.platform.cauce("users", "create", "reader", "--role", "clinician", "--json").stdout)
        browser.open(f"{site.url}/ohif/")
        assert browser.address == f"{site.url}/login/?next=/ohif/"
        browser.fill("#username", "reader")
        browser.fill("#password", made["password"])
        browser.click("form button")
        browser.await_(lambda: browser.address == f"{site.url}/ohif/")
        yield browser
    finally:
        browser.close()


@pytest.fixture(autouse=True)
def _no_request_fails(site):
    """What the viewer asks of the platform is answered; 499 says that its page was left meanwhile."""
    before = len(site.requests())
    yield
    asked = [row for row in site.requests()[before:] if row[2].startswith("/dicom-web")]
    assert [row for row in asked if row[0] >= 400 and row[0] != 499] == []


def test_who_has_not_signed_in_gets_neither_pages_nor_images(site):
    answer = site.get("/ohif/viewer?StudyInstanceUIDs=1.2.3")
    assert (answer.status_code, answer.headers["location"]) == (
        302,
        f"{site.url}/login/?next=/ohif/viewer?StudyInstanceUIDs=1.2.3",
    )
    assert httpx.get(f"{site.platform.url}/dicom-web/studies").status_code == 401


def test_the_how_to_names_the_version_that_is_tried():
    assert f"npm pack {OHIF}" in (HOW_TO / "view-with-ohif.md").read_text()


def test_the_list_shows_every_study_and_searches_by_name(browser, site, studies):
    browser.open(f"{site.url}/ohif/")
    browser.await_(lambda: f"1-{len(studies)} of {len(studies)}" in browser.text())
    for study in studies.values():
        assert study.patient in browser.text()
        assert study.description in browser.text()
    browser.fill("input", "demo")  # the first field of the list is that of names
    browser.await_(lambda: "1-2 of 2" in browser.text())
    assert {study.patient for study in studies.values() if study.patient in browser.text()} == {
        "FICTICIA DEMO, INÉS",
        "IMAGINARIO DEMO, RAMÓN",
    }


@pytest.mark.parametrize("name", KINDS)
def test_the_viewer_shows_each_image(browser, site, studies, name, tmp_path):
    study = studies[name]
    browser.open(f"{site.url}/ohif/viewer?StudyInstanceUIDs={study.study}")
    browser.await_(lambda: shown(browser, study.images) == 0)
    (known,) = site.platform.rows("/api/studies/", study_instance_uid=study.study)
    assert ("reader", "metadata.read", known["id"]) in site.accesses()
    (tmp_path / "shown.png").write_bytes(browser.picture())  # for people to look at
    if study.images[0].ndim == 3:
        assert shown(browser, [study.images[0][..., ::-1]]) is None  # red and blue are not exchanged
    for number in range(1, len(study.images)):
        browser.press(ARROW_DOWN)
        browser.await_(lambda number=number: shown(browser, study.images) == number)
    assert browser.console() == []


def shown(browser, images):
    """Return which of the images the viewer shows; `None` where it shows none of them."""
    encoded = browser.run(CANVAS)
    if encoded is None:
        return None
    canvas = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    alike = [likeness(canvas, image) for image in images]
    best = int(np.argmax(alike))
    return best if alike[best] > 0.99 else None


def likeness(canvas, image):
    """Return the correlation of a canvas with an image that is fitted into it, the worst of the channels."""
    rows, columns = image.shape[:2]
    scale = min(canvas.shape[0] / rows, canvas.shape[1] / columns)
    size = round(columns * scale), round(rows * scale)
    top, left = (canvas.shape[0] - size[1]) // 2, (canvas.shape[1] - size[0]) // 2
    part = canvas[top : top + size[1], left : left + size[0]].astype(float)
    colours = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    wanted = cv2.resize(colours.astype(float), size, interpolation=cv2.INTER_LINEAR)
    if part.std() == 0:
        return 0.0
    return min(float(np.corrcoef(part[..., n].ravel(), wanted[..., n].ravel())[0, 1]) for n in range(3))
