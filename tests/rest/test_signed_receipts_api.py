"""`GET /api/uploads/<id>/receipt`: the whole of a receipt, signed; and the public keys that it is checked with."""

import hashlib
import json

import pytest
import rest_rows as rows
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from cauce import bootstrap
from cauce.api.rest import signed_receipts
from cauce.readings.signed_receipts import check, keys_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def download():
    """Download a receipt as a server sends it; the answer and its bytes."""

    def get(user, upload):
        from cauce.accounts.tokens import issue_access

        async def ask():
            path, headers = f"/api/uploads/{upload.public_id}/receipt", {"authorization": f"Bearer {token}"}
            answer = await AsyncClient().get(path, headers=headers)
            if not answer.streaming:
                return answer, answer.content
            return answer, b"".join([chunk async for chunk in answer.streaming_content])

        token = issue_access(user)
        return async_to_sync(ask)()

    return get


@pytest.fixture
def checked(tmp_path, anonymous):
    """Check a receipt with the keys that anybody may fetch."""

    def judge(content):
        path = tmp_path / "receipt.json"
        path.write_bytes(content)
        return check(path, keys_of(anonymous.get("/.well-known/jwks.json").content))

    return judge


@pytest.fixture
def delivery(clinician):
    upload = rows.upload(clinician, finished_at=rows.timezone.now(), final=True)
    series = rows.series(rows.study())
    rows.revision(series.study, finished_at=rows.timezone.now())
    for number in range(5):
        version = rows.instance(series)
        rows.batch(series, [version])
        rows.deidentified(version, cause="pixels_unproven" if number == 2 else "")
        rows.item(upload, name=f"Ünï/{number}\n\u2028.dcm", version=version, study=series.study)
    rows.item(upload, name="x.pdf", status="refused", code="not_dicom", detail="It is no DICOM file.")
    return upload


def test_a_signed_receipt_holds_every_item_and_is_valid(download, checked, delivery, clinician, client_of, monkeypatch):
    monkeypatch.setattr(signed_receipts, "PAGE_ITEMS", 2)
    answer, content = download(clinician, delivery)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer["Content-Disposition"] == f'attachment; filename="cauce-receipt-{delivery.public_id}.json"'
    found, document = checked(content), json.loads(content)
    assert found.reason == ""
    assert dict(found.claims, sha256="", iat=0) == {
        "iss": "http://localhost:8000",
        "iat": 0,
        "receipt": delivery.public_id,
        "items": 6,
        "bytes": content.rindex(b',"signature"'),
        "sha256": "",
    }
    assert document["counts"] == {"refused": 1, "stored": 5}
    assert document["states"] == {"delivered": 4, "held_back": 1}
    shown = client_of(clinician).get(f"/api/uploads/{delivery.public_id}/").json()
    assert document["items"] == shown["results"]
    for name in ("id", "project", "source", "sender", "final", "created_at", "finished_at"):
        assert document[name] == shown[name], name
    assert content.count(b"\n") == len(document["items"]) + 3
    assert "upload.receipt" in rows.AuditEvent.objects.values_list("action", flat=True)


def test_every_change_of_a_signed_receipt_is_found(download, checked, delivery, clinician):
    _, content = download(clinician, delivery)
    lines = content.split(b"\n")
    swapped = [lines[0], lines[2], lines[1], *lines[3:]]
    for changed in (
        content.replace(b'"refused"', b'"stored" ', 1),
        b"\n".join(swapped),
        b"\n".join([lines[0], *lines[2:]]),
        content[:-1],
        content[: len(content) // 2],
    ):
        assert checked(changed).reason


def test_an_empty_receipt_is_signed_too(download, checked, clinician):
    _, content = download(clinician, rows.upload(clinician))
    assert checked(content).claims["items"] == 0
    assert json.loads(content)["items"] == []


def test_what_comes_while_a_receipt_is_written_is_left_out(clinician, monkeypatch):
    monkeypatch.setattr(signed_receipts, "PAGE_ITEMS", 1)
    upload = rows.upload(clinician)
    rows.item(upload, name="first")
    rows.item(upload, name="second")
    parts = []
    for part in signed_receipts.SignedDocument(upload).chunks():
        parts.append(part)
        rows.item(upload, name="late")
    assert [one["name"] for one in json.loads(b"".join(parts))["items"]] == ["first", "second", "late"]


def test_a_long_receipt_is_written_a_page_at_a_time(clinician, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(signed_receipts, "PAGE_ITEMS", 10)
    upload = rows.upload(clinician)
    rows.UploadItem.objects.bulk_create(
        rows.UploadItem(upload=upload, name="x" * 100, status="refused", code="not_dicom") for _ in range(100)
    )
    with django_assert_max_num_queries(1 + 11):
        parts = list(signed_receipts.SignedDocument(upload).chunks())
    assert len(parts) == 1 + 10 + 2
    assert max(map(len, parts)) < 5000


def test_the_public_keys_are_open_to_all_and_hold_no_secret(anonymous):
    answer = anonymous.get("/.well-known/jwks.json")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/jwk-set+json")
    assert answer["Cache-Control"] == "public, max-age=300"
    for key in answer.json()["keys"]:
        assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
        assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    assert anonymous.post("/.well-known/jwks.json").status_code in {403, 405}


def test_a_receipt_from_before_a_new_key_stays_valid(download, checked, delivery, clinician):
    _, older = download(clinician, delivery)
    new_id = bootstrap.signer().rotate()
    _, newer = download(clinician, delivery)
    assert (checked(older).reason, checked(newer).reason) == ("", "")
    assert checked(newer).key_id == new_id != checked(older).key_id


def test_the_digest_is_that_of_the_file_without_preamble_and_meta_information():
    """What a sender has to compute to compare: the SHA-256 of the last `dataset_bytes` bytes of the file."""
    import io

    from cauce import samples
    from cauce.core.limits import Limits
    from cauce.stages import validate

    content = samples.small_instance()
    header = validate.read_header(io.BytesIO(content), size_bytes=len(content), limits=Limits())
    tail = content[-(header.size_bytes - header.dataset_offset) :]
    assert hashlib.sha256(tail).digest() == header.dataset_sha256


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_a_receipt_is_only_read(client_of, delivery, clinician, method):
    answer = getattr(client_of(clinician), method)(f"/api/uploads/{delivery.public_id}/receipt")
    assert answer.status_code == 405
