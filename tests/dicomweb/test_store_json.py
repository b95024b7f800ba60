"""STOW-RS of DICOM JSON: metadata in one part, bulk data in others."""

import json
from io import BytesIO

import numpy as np
import pydicom
import pytest
from test_retrieve import place_of

from asgi_driver import BOUNDARY, call
from cauce import samples

pytestmark = pytest.mark.django_db(transaction=True)

KIND = f'multipart/related; type="application/dicom+json"; boundary={BOUNDARY}'


def body_of(documents, bulk=()):
    parts = [("application/dicom+json", "", json.dumps(documents).encode()), *bulk]
    made = b""
    for kind, location, content in parts:
        place = f"Content-Location: {location}\r\n" if location else ""
        made += f"--{BOUNDARY}\r\nContent-Type: {kind}\r\n{place}\r\n".encode() + content + b"\r\n"
    return made + f"--{BOUNDARY}--\r\n".encode()


@pytest.fixture
def store(web, token):
    def post(body, *, path="/dicom-web/studies"):
        return call(
            web, "POST", path, headers={"authorization": f"Bearer {token()}", "content-type": KIND}, chunks=body
        )

    return post


def split(file, uri="urn:pixels"):
    """Return (document, pixels) of a file, the pixels named by `uri`."""
    ds = pydicom.dcmread(BytesIO(file))
    pixels = ds.PixelData
    del ds.PixelData
    document = ds.to_json_dict()
    document["7FE00010"] = {"vr": "OW", "BulkDataURI": uri}
    return document, pixels


def test_an_instance_is_put_together_and_stored(store, get):
    file = samples.small_instance(PatientName="Muñoz^Inés")
    document, pixels = split(file)
    answer = store(body_of([document], [("application/octet-stream", "urn:pixels", pixels)]))
    assert answer.status == 200
    made = get(place_of(file), accept="application/dicom; transfer-syntax=*").body
    assert pydicom.dcmread(BytesIO(made)) == pydicom.dcmread(BytesIO(file))


@pytest.mark.parametrize("named", [None, "ISO_IR 100", "ISO_IR 6"])
def test_text_of_json_is_unicode_whatever_character_set_it_names(store, get, named):
    file = samples.small_instance()
    document, pixels = split(file)
    document.pop("00080005", None)
    if named is not None:
        document["00080005"] = {"vr": "CS", "Value": [named]}
    document["00100010"] = {"vr": "PN", "Value": [{"Alphabetic": "Łukasz^Yamada", "Ideographic": "山田^太郎"}]}
    inner = {"00080005": {"vr": "CS", "Value": ["ISO_IR 100"]}, "00080104": {"vr": "LO", "Value": ["Ωmega"]}}
    document["00081032"] = {"vr": "SQ", "Value": [inner]}
    assert store(body_of([document], [("application/octet-stream", "urn:pixels", pixels)])).status == 200
    made = pydicom.dcmread(BytesIO(get(place_of(file), accept="application/dicom; transfer-syntax=*").body))
    assert (made.SpecificCharacterSet, str(made.PatientName)) == ("ISO_IR 192", "Łukasz^Yamada=山田^太郎")
    assert made.ProcedureCodeSequence[0].CodeMeaning == "Ωmega"
    (read,) = get(f"{place_of(file)}/metadata").json()
    assert read["00100010"]["Value"] == document["00100010"]["Value"]


def test_compressed_pixels_of_one_frame_come_in_their_own_syntax(store, stow, get):
    file = samples.small_instance()
    stow([file])
    document, _ = split(file, "p")
    frame = get(place_of(file) + "/frames/1", accept="image/jls").body
    fresh = samples.stable_uid("test", "other")
    document["00080018"]["Value"] = [fresh]
    kind = "image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"
    assert store(body_of([document], [(kind, "p", frame)])).status == 200
    path = place_of(file).rpartition("/")[0] + f"/{fresh}"
    made = pydicom.dcmread(BytesIO(get(path, accept="application/dicom; transfer-syntax=*").body))
    assert made.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.80"
    assert np.array_equal(made.pixel_array, pydicom.dcmread(BytesIO(file)).pixel_array)


def test_each_instance_is_judged_by_itself(store):
    good, pixels = split(samples.small_instance())
    lost, _ = split(samples.small_instance(), "urn:nowhere")
    answer = store(body_of([good, lost], [("application/octet-stream", "urn:pixels", pixels)]))
    assert answer.status == 202
    assert len(answer.json()["00081199"]["Value"]) == 1
    assert len(answer.json()["0008119A"]["Value"]) == 1


@pytest.mark.parametrize(
    "documents",
    [
        "[",
        [1],
        [{"00080018": {"vr": "UI", "Value": 7}}],
        [{"00080018": {"vr": "UI"}}],
        [{"zz": {"vr": "UI"}}],
        [{"00080016": {"vr": "XX", "Value": ["1"]}}],
        [{}],
    ],
)
def test_malformed_metadata_are_refused(store, documents):
    answer = store(body_of(documents))
    assert answer.status == 409
    assert "0008119A" in answer.json()


def test_metadata_nested_without_end_are_refused(store):
    nested = {}
    for _ in range(80):
        nested = {"00081115": {"vr": "SQ", "Value": [nested]}}
    assert store(body_of([nested])).status == 409
    deep = body_of([{}]).replace(b"[{}]", b"[" * 100_000)
    assert store(deep).status == 409


def test_bulk_data_want_a_place(store):
    answer = store(body_of([{}], [("application/octet-stream", "", b"1234")]))
    assert (answer.status, answer.json()["code"]) == (400, "malformed_body")
