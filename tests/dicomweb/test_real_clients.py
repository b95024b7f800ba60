"""Clients that others wrote, unmodified, against a running platform: libraries of two languages, another server."""

import json
import shutil
import subprocess
import time
from io import BytesIO

import httpx
import numpy as np
import pydicom
import pytest
import requests

from cauce import samples
from running_platform import free_port, start_platform, stop_platform

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("dicomweb-clients")]


@pytest.fixture(scope="module")
def series():
    """Five slices of one CT series, in the order of their numbers."""
    return [samples.ct_slice(index) for index in range(20, 25)]


@pytest.fixture(scope="module")
def platform(tmp_path_factory, series):
    folder = tmp_path_factory.mktemp("platform")
    platform = start_platform(folder, CAUCE_STUDY_QUIET_S="3600")
    files = folder / "files"
    files.mkdir()
    for number, ds in enumerate(series):
        (files / f"{number}.dcm").write_bytes(samples.to_part10(ds))
    platform.import_(files)
    yield platform
    stop_platform(platform)


@pytest.fixture
def client(platform):
    from dicomweb_client.api import DICOMwebClient

    session = requests.Session()
    session.headers.update(platform.headers)
    return DICOMwebClient(url=f"{platform.url}/dicom-web", session=session)


def test_dicomweb_client_of_pypi_searches_and_reads(client, series):
    study, uid = series[0].StudyInstanceUID, series[0].SeriesInstanceUID
    found = client.search_for_studies(search_filters={"PatientID": series[0].PatientID})
    assert [one["0020000D"]["Value"] for one in found] == [[study]]
    assert len(client.search_for_instances(study, uid)) == len(series)
    assert [pydicom.Dataset.from_json(one).InstanceNumber for one in client.retrieve_series_metadata(study, uid)] == [
        ds.InstanceNumber for ds in series
    ]
    read = client.retrieve_series(study, uid)
    assert [ds.SOPInstanceUID for ds in read] == [ds.SOPInstanceUID for ds in series]
    assert np.array_equal(read[2].pixel_array, series[2].pixel_array)
    (frame,) = client.retrieve_instance_frames(study, uid, series[1].SOPInstanceUID, frame_numbers=[1])
    assert frame == series[1].PixelData
    picture = client.retrieve_instance_rendered(study, uid, series[1].SOPInstanceUID, media_types=("image/png",))
    assert picture.startswith(b"\x89PNG")
    metadata = client.retrieve_instance_metadata(study, uid, series[1].SOPInstanceUID)
    (pixels,) = client.retrieve_bulkdata(metadata["7FE00010"]["BulkDataURI"])
    assert pixels == series[1].PixelData


def test_dicomweb_client_of_pypi_stores(client):
    ds = pydicom.dcmread(BytesIO(samples.small_instance()))
    answer = client.store_instances([ds])
    assert answer.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == ds.SOPInstanceUID
    assert client.retrieve_instance(ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID) == ds


def test_dicomtrolley_of_pypi_finds_and_downloads(platform, series, tmp_path):
    from dicomtrolley.qido_rs import HierarchicalQuery, QidoRS
    from dicomtrolley.trolley import Trolley
    from dicomtrolley.wado_rs import WadoRS

    session = requests.Session()
    session.headers.update(platform.headers)
    url = f"{platform.url}/dicom-web"
    trolley = Trolley(searcher=QidoRS(session=session, url=url), downloader=WadoRS(session=session, url=url))
    studies = trolley.find_studies(HierarchicalQuery(PatientID=series[0].PatientID))
    assert [study.uid for study in studies] == [series[0].StudyInstanceUID]
    trolley.download(studies, str(tmp_path))
    read = {pydicom.dcmread(path).SOPInstanceUID for path in tmp_path.rglob("*") if path.is_file()}
    assert read == {ds.SOPInstanceUID for ds in series}


def test_dicomweb_client_of_npm_searches_and_reads(platform, series, tmp_path):
    if shutil.which("npm") is None:
        pytest.fail("npm is wanted for this test")
    subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "dicomweb-client@0.11.3", "xhr2@0.2.1"],
        cwd=tmp_path, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    (tmp_path / "read.mjs").write_text(
        """
        import { createRequire } from "module";
        const require = createRequire(import.meta.url);
        global.XMLHttpRequest = require("xhr2");
        const { api } = require("dicomweb-client");
        const [url, authorization, patient] = process.argv.slice(2);
        const client = new api.DICOMwebClient({ url, headers: { Authorization: authorization } });
        const [study] = await client.searchForStudies({ queryParams: { PatientID: patient } });
        const studyInstanceUID = study["0020000D"].Value[0];
        const metadata = await client.retrieveStudyMetadata({ studyInstanceUID });
        const one = metadata[0];
        const place = {
          studyInstanceUID,
          seriesInstanceUID: one["0020000E"].Value[0],
          sopInstanceUID: one["00080018"].Value[0],
        };
        const frames = await client.retrieveInstanceFrames({ ...place, frameNumbers: [1] });
        const instance = await client.retrieveInstance(place);
        console.log(JSON.stringify([metadata.length, frames[0].byteLength, instance.byteLength > 500000]));
        """
    )
    done = subprocess.run(
        ["node", "read.mjs", f"{platform.url}/dicom-web", platform.headers["Authorization"], series[0].PatientID],
        cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [len(series), len(series[0].PixelData), True]


@pytest.fixture
def orthanc(platform, tmp_path):
    """Debian's Orthanc, which knows the platform as one of its DICOMweb servers; yields its URL."""
    program = shutil.which("Orthanc")
    if program is None:
        pytest.fail("Orthanc is wanted for this test: apt-get install orthanc orthanc-dicomweb")
    port = free_port()
    configuration = {
        "StorageDirectory": str(tmp_path / "db"),
        "IndexDirectory": str(tmp_path / "db"),
        "HttpPort": port,
        "DicomPort": free_port(),
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": ["/usr/share/orthanc/plugins"],
        "DicomWeb": {
            "Enable": True,
            "Servers": {"cauce": {"Url": f"{platform.url}/dicom-web/", "HttpHeaders": platform.headers}},
        },
    }
    (tmp_path / "orthanc.json").write_text(json.dumps(configuration))
    process = subprocess.Popen(
        [program, str(tmp_path / "orthanc.json")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    _await(f"{url}/system", process)
    yield url
    process.terminate()
    process.wait(timeout=30)


def _await(url, process):
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None
        assert time.monotonic() < deadline, "Orthanc did not start"
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)


def test_orthanc_pushes_by_stow(orthanc, platform, client):
    ds = pydicom.dcmread(BytesIO(samples.small_instance()))
    buffer = BytesIO()
    ds.save_as(buffer)
    taken = httpx.post(f"{orthanc}/instances", content=buffer.getvalue()).json()
    pushed = httpx.post(f"{orthanc}/dicom-web/servers/cauce/stow", json={"Resources": [taken["ID"]]}, timeout=60)
    assert pushed.status_code == 200, pushed.text
    read = client.retrieve_instance(ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID)
    assert np.array_equal(read.pixel_array, ds.pixel_array)


def test_orthanc_pulls_by_wado(orthanc, series):
    wanted = {"Resources": [{"Study": series[0].StudyInstanceUID}]}
    pulled = httpx.post(f"{orthanc}/dicom-web/servers/cauce/retrieve", json=wanted, timeout=120)
    assert pulled.status_code == 200, pulled.text
    assert len(httpx.get(f"{orthanc}/instances").json()) == len(series)


def test_orthanc_searches(orthanc, series):
    asked = {"Uri": "/studies", "Arguments": {"PatientID": series[0].PatientID}}
    found = httpx.post(f"{orthanc}/dicom-web/servers/cauce/qido", json=asked, timeout=60)
    assert found.status_code == 200, found.text
    assert [one["0020000D"]["Value"] for one in found.json()] == [series[0].StudyInstanceUID]
