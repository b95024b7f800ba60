"""One address, several representations: each has a tag of its own, and is made only while somebody waits for it."""

import asyncio
import io
import threading

import pydicom
import pytest
from test_retrieve import place_of

from cauce import samples
from cauce.api.raw.problems import ClientGone
from cauce.api.raw.request import Request
from cauce.api.raw.sending import send_stream

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place(stow):
    file = samples.to_part10(samples.ct_slice())
    stow([file])
    return place_of(file)


def test_each_representation_of_a_frame_has_a_tag_of_its_own(place, get):
    kinds = [
        "application/octet-stream",
        'multipart/related; type="application/octet-stream"',
        "image/jls",
        'multipart/related; type="image/jls"',
        "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.80",
    ]
    tags = [get(f"{place}/frames/1", accept=kind).headers["etag"] for kind in kinds]
    assert len(set(tags)) == len(kinds)
    for kind, tag in zip(kinds, tags, strict=True):
        answers = [get(f"{place}/frames/1", accept=kind, if_none_match=one).status for one in tags]
        assert answers == [304 if one == tag else 200 for one in tags]


@pytest.mark.parametrize("sign", ["+", "%2B", "%20"])
def test_a_plus_in_the_query_may_be_left_as_it_is(place, get, sign):
    for path in (f"{place}/metadata", "/studies"):
        answer = get(f"{path}?accept=application/dicom{sign}json")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/dicom+json")


def test_pictures_of_what_cannot_be_shown_are_refused_at_every_level(stow, get):
    file = samples.small_instance()
    ds = pydicom.dcmread(io.BytesIO(file))
    for keyword in ("PixelData", "Rows", "Columns"):
        del ds[keyword]
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66"
    made = io.BytesIO()
    pydicom.dcmwrite(made, ds)
    assert stow([made.getvalue()]).status == 200
    instance = place_of(made.getvalue())
    for path in (instance, instance.partition("/instances")[0], instance.partition("/series")[0]):
        assert get(f"{path}/rendered").status == 404, path


def test_bulk_data_name_the_transfer_syntax_that_they_are_stored_in(place, get):
    (read,) = get(f"{place}/metadata").json()
    url = read["7FE00010"]["BulkDataURI"].partition("/dicom-web")[2]
    assert get(url).headers["content-type"] == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"


def test_what_nobody_waits_for_any_more_is_not_made(services):
    """The client leaves after the first piece: the rest of a long answer is not drawn."""
    from cauce.api.raw.intake import Intake
    from cauce.api.raw.request import BodyLimits

    left, made = threading.Event(), []

    def pieces():
        for number in range(1000):
            made.append(number)
            if number == 3:
                loop.call_soon_threadsafe(gone.set)
                left.wait(5)
            yield bytes(600_000)

    async def receive():
        await gone.wait()
        loop.call_later(0.05, left.set)
        return {"type": "http.disconnect"}

    async def send(_message):
        await asyncio.sleep(0)

    async def run():
        nonlocal loop, gone
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        intake = Intake(services, limits=BodyLimits())
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
        with pytest.raises(ClientGone):
            await send_stream(
                Request(scope=scope, receive=receive, send=send), pieces(), intake=intake, status=200, headers={}
            )
        await intake.stop()

    loop = gone = None
    asyncio.run(run())
    assert len(made) < 10
