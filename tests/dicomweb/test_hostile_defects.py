"""Defects that hostile requests have found, each by what is right instead."""

import json
import threading
import time

import pytest
from work_item_rows import JSON, body, new_item

from asgi_driver import call
from cauce import samples
from cauce.api.dicomweb import storing_json
from cauce.api.raw.pixel_room import PixelRoom
from cauce.readings import json_instances
from hostile_bodies import OF_JSON, multipart

pytestmark = pytest.mark.django_db(transaction=True)

XML = "application/dicom+xml"
_UIDS = {"00080016": "1.2.840.10008.5.1.4.1.1.7", "0020000D": "1.2.3", "0020000E": "1.2.4", "00080018": "1.2.5"}
_BULK = "Content-Type: image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50\r\nContent-Location: here\r\n"
FULL, NOT_UNDERSTOOD = 0xA700, 0xC000


@pytest.fixture
def place(stow):
    """The address of an image."""
    answer = stow([samples.small_instance()])
    url = answer.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
    return url.removeprefix("http://testserver/dicom-web")


@pytest.fixture
def send(web, token):
    """Store metadata as JSON, with parts beside; returns the answer."""

    def post(documents, *bulk):
        parts = [("Content-Type: application/dicom+json\r\n", json.dumps(documents).encode()), *bulk]
        headers = {"authorization": f"Bearer {token()}", "content-type": OF_JSON}
        return call(web, "POST", "/dicom-web/studies", headers=headers, chunks=multipart(*parts))

    return post


def dataset(**more):
    return {**{tag: {"vr": "UI", "Value": [uid]} for tag, uid in _UIDS.items()}, **more}


def reasons(answer):
    failed = [*answer.json().get("00081198", {}).get("Value", []), *answer.json().get("0008119A", {}).get("Value", [])]
    return [item["00081197"]["Value"][0] for item in failed]


def test_metadata_of_one_instance_come_as_one_xml_document(place, get):
    answer = get(f"{place}/metadata", accept=XML)
    assert (answer.status, answer.headers["content-type"]) == (200, XML)
    assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?><NativeDicomModel')
    assert answer.body.endswith(b"</NativeDicomModel>")


def test_a_search_that_finds_one_comes_as_one_xml_document(place, get):
    answer = get("/instances?includefield=all", accept=XML)
    assert (answer.status, answer.headers["content-type"]) == (200, XML)
    assert b'keyword="Rows"' in answer.body


@pytest.mark.parametrize("path", ["/workitems", "/workitems/1.2.3"])
def test_work_items_with_too_many_parameters_are_refused(web, token, path):
    headers = {"authorization": f"Bearer {token()}", "content-type": JSON}
    query = "&".join(f"x{number}=" for number in range(101))
    answer = call(web, "POST", f"/dicom-web{path}?{query}", headers=headers, chunks=body(new_item()))
    assert (answer.status, answer.json()["code"]) == (400, "invalid")


def test_a_content_length_of_thousands_of_digits_is_refused(web, token):
    headers = {"authorization": f"Bearer {token()}", "content-type": JSON, "content-length": "9" * 5000}
    assert call(web, "POST", "/dicom-web/workitems", headers=headers, chunks=b"{}").status == 400


def test_bulk_data_are_named_by_digits_of_ascii_alone(place, get):
    assert get(f"{place}/bulkdata/0:1").status == 200
    assert get(f"{place}/bulkdata/\u0660:\u0661").status == 404


@pytest.mark.parametrize(
    ("more", "content"),
    [
        ({"00280008": {"vr": "IS", "Value": ["1", "2"]}}, b"xy"),
        ({"00280008": {"vr": "CS", "Value": ["x"]}}, b"xy"),
        ({}, b""),
    ],
)
def test_compressed_pixels_that_make_no_image_are_refused_and_what_follows_is_stored(send, more, content):
    pixels = {"7FE00010": {"vr": "OB", "BulkDataURI": "here"}}
    good = dataset(**{"00080018": {"vr": "UI", "Value": ["1.2.6"]}})
    answer = send([dataset(**more, **pixels), good], (_BULK, content))
    assert (answer.status, reasons(answer)) == (202, [NOT_UNDERSTOOD])


def test_metadata_of_too_many_values_are_refused_before_they_are_parsed(send, monkeypatch):
    monkeypatch.setattr(json_instances, "TOKENS_MAX", 50)
    answer = send([dataset(**{"00081030": {"vr": "LO", "Value": ["x"] * 50}})])
    assert (answer.status, reasons(answer)) == (409, [FULL])


def test_metadata_of_too_many_data_sets_are_refused(send, monkeypatch):
    monkeypatch.setattr(storing_json, "DOCUMENTS_MAX", 2)
    answer = send([dataset(**{"00080018": {"vr": "UI", "Value": [f"1.2.{number}"]}}) for number in range(3)])
    assert (answer.status, reasons(answer)) == (202, [FULL])


def test_bulk_data_count_as_often_as_they_are_named(send, monkeypatch):
    monkeypatch.setattr(storing_json, "INSTANCE_BULK_BYTES_MAX", 10)
    named = {f"0011{number:04X}": {"vr": "UN", "BulkDataURI": "here"} for number in range(0x1001, 0x1004)}
    answer = send([dataset(**named)], ("Content-Location: here\r\n", b"abcd"))
    assert (answer.status, reasons(answer)) == (409, [FULL])


@pytest.mark.parametrize("tail", ["frames/1,1,1", "frames/1,1,1/rendered"])
def test_an_object_is_opened_once_for_the_frames_of_an_answer(place, get, services, monkeypatch, tail):
    opened = []
    really = services.objects.open
    monkeypatch.setattr(services.objects, "open", lambda *given: opened.append(1) or really(*given))
    syntax = "; transfer-syntax=1.2.840.10008.1.2.5" if "rendered" not in tail else ""
    kind = "image/dicom-rle" if syntax else "image/png"
    answer = get(f"{place}/{tail}", accept=f'multipart/related; type="{kind}"{syntax}')
    assert answer.status == 200
    assert answer.body.count(b"Content-Type: ") == 3
    assert len(opened) <= 2  # the first frame is one that many may share


def test_room_for_pixels_is_waited_for():
    room = PixelRoom(10)
    order = []

    def take(size_bytes, name):
        with room.taken(size_bytes):
            order.append(name)

    with room.taken(6):
        waiting = threading.Thread(target=take, args=(5, "waits"))
        waiting.start()
        take(4, "fits")
        time.sleep(0.05)
        order.append("left")
    waiting.join(10)
    assert order == ["fits", "left", "waits"]


def test_what_is_larger_than_all_room_has_it_for_itself():
    room = PixelRoom(10)
    order = []

    def take():
        with room.taken(1):
            order.append("waits")

    with room.taken(99):
        waiting = threading.Thread(target=take)
        waiting.start()
        time.sleep(0.05)
        order.append("alone")
    waiting.join(10)
    assert order == ["alone", "waits"]
