"""The table of transactions: what it says is offered is answered, what it says is declined is declined so."""

import re
from xml.etree import ElementTree as ET

import pytest

from asgi_driver import call, related
from cauce import samples
from cauce.api.dicomweb.transactions import TRANSACTIONS
from cauce.api.dicomweb.work_items.transactions import WORK_ITEM_TRANSACTIONS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def address(stow):
    """Return a function that fills a path with what is stored."""
    import io

    import pydicom

    file = samples.small_instance()
    stow([file])
    ds = pydicom.dcmread(io.BytesIO(file))
    known = {
        "study": ds.StudyInstanceUID,
        "series": ds.SeriesInstanceUID,
        "instance": ds.SOPInstanceUID,
        "frames": "1",
        "place": "0:128",
        "transaction": "1.2.3",
    }
    uids = (ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID)
    uri = "?requestType=WADO&studyUID={}&seriesUID={}&objectUID={}".format(*uids)

    def fill(path):
        filled = re.sub(r"\{(\w+)\}", lambda found: known[found[1]], path)
        return f"/dicom-web{filled}{uri if path == '/wado' else ''}"

    fill.content = file
    return fill


@pytest.mark.parametrize("row", [row for row in TRANSACTIONS if row.declined is None], ids=lambda row: row.name)
def test_what_is_offered_is_answered_in_each_media_type(row, web, token, address):
    headers = {"authorization": f"Bearer {token()}"}
    if row.method == "POST":
        kind, body = related([address.content])
        answer = call(web, "POST", address(row.path), headers={**headers, "content-type": kind}, chunks=body)
        assert (answer.status, answer.headers["content-type"]) == (200, *row.media_types)
        return
    for media_type in row.media_types:
        query = "&contentType=" + media_type if row.path == "/wado" else ""
        answer = call(web, row.method, address(row.path) + query, headers={**headers, "accept": media_type})
        assert answer.status == 200, media_type
        assert answer.headers["content-type"].replace(" ", "").startswith(media_type.replace(" ", "")), media_type


@pytest.mark.parametrize("row", [row for row in TRANSACTIONS if row.declined], ids=lambda row: row.name)
def test_what_is_declined_is_answered_with_its_status(row, web, token, address):
    answer = call(web, row.method, address(row.path), headers={"authorization": f"Bearer {token()}"})
    assert answer.status == row.declined


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
def test_the_capabilities_name_every_resource(web, token, method):
    answer = call(web, method, "/dicom-web", headers={"authorization": f"Bearer {token()}"})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/vnd.sun.wadl+xml")
    space = {"w": "http://wadl.dev.java.net/2009/02"}
    document = ET.fromstring(answer.body)
    assert document.find("w:resources", space).get("base") == "http://testserver/dicom-web"
    named = {
        (place.get("path"), method.get("name"))
        for place in document.iter(f"{{{space['w']}}}resource")
        for method in place
    }
    offered = [row for row in (*TRANSACTIONS, *WORK_ITEM_TRANSACTIONS) if row.declined is None]
    assert named == {(row.path.removeprefix("/"), row.method) for row in offered}


def test_the_deidentified_space_offers_to_read_and_nothing_else(web, token):
    answer = call(web, "GET", "/projects/default/deid/dicom-web", headers={"authorization": f"Bearer {token()}"})
    methods = {
        method.get("name") for method in ET.fromstring(answer.body).iter("{http://wadl.dev.java.net/2009/02}method")
    }
    assert (answer.status, methods) == (200, {"GET", "OPTIONS"})


def test_nobody_is_told_the_capabilities_without_a_credential(web):
    assert call(web, "OPTIONS", "/dicom-web").status == 401


def test_the_reference_page_is_made_from_the_table():
    import runpy
    from pathlib import Path

    tool = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "transactions_page.py"))
    assert tool["PAGE"].read_text(encoding="utf-8") == tool["page"]()
