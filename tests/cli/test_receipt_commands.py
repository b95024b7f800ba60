"""`cauce receipts`: what became of deliveries, and receipts that can be checked anywhere."""

import hashlib
import json

import httpx
import pytest
from fake_server import line, problem

from cauce.adapters.keyring_file import FileKeyRing
from cauce.adapters.keys_file import FileKeyService
from cauce.adapters.signing_ed25519 import Ed25519Signer
from cauce.core.signed_receipts import FORMAT, KIND, signature_line

ID = "0123456789abcdef0123456789abcdef"
PATH = f"/api/uploads/{ID}/"
KEYS = "/.well-known/jwks.json"


def delivery(**more):
    return {
        "id": ID,
        "url": f"http://testserver{PATH}",
        "project": "default",
        "source": "upload",
        "sender": "ann",
        "final": True,
        "created_at": "2026-01-02T03:04:05Z",
        "finished_at": None,
        "counts": {"stored": 2, "refused": 1},
        **more,
    }


def became(state, **more):
    times = ("stored_at", "closed_at", "held_back_at", "deidentified_at", "processed_at", "delivered_at")
    known = {"stored_at": "2026-01-02T03:04:05+00:00"}
    return {"state": state, "cause": "", "detail": "", "outcome": "", **dict.fromkeys(times), **known, **more}


FILES = [
    line("a.dcm", became=became("delivered", delivered_at="2026-01-02T03:05:00+00:00")),
    line("b.dcm", became=became("held_back", cause="pixels_unproven", detail="no rule covers it")),
    line("c.pdf", "refused", code="not_dicom", detail="It is no DICOM file.", study=None, became=None),
]


@pytest.fixture
def signer(tmp_path):
    return Ed25519Signer(FileKeyRing(tmp_path / "keyring.json", FileKeyService(tmp_path / "root")))


@pytest.fixture
def receipt(signer):
    content = f'{{"format":"{FORMAT}","id":"{ID}","items":[\n{{"name":"a"}}\n],"counts":{{}}\n'.encode()
    digest = hashlib.sha256(content).hexdigest()
    claims = {"iss": "http://here", "iat": 1767323045, "receipt": ID, "items": 1, "bytes": len(content)}
    return content + signature_line(signer.sign({**claims, "sha256": digest}, kind=KIND))


@pytest.fixture
def saved(tmp_path, signer, receipt):
    """A receipt and the keys that check it, in files."""
    (tmp_path / "receipt.json").write_bytes(receipt)
    (tmp_path / "keys.json").write_text(json.dumps(signer.public_keys()))
    return tmp_path / "receipt.json", tmp_path / "keys.json"


def test_deliveries_are_listed(run, server):
    server.documents["/api/uploads/"] = {"results": [delivery()], "next": None}
    done = run("receipts", "list", "--modalities")
    assert done.status == 0
    assert done.out.splitlines()[0].split() == ["id", "began", "ended", "by", "sender", "project", "files"]
    assert done.out.splitlines()[1].endswith("upload  ann     default  2 stored, 1 refused")
    assert dict(server.requests[0].url.params) == {"modalities": "true", "limit": "51"}


def test_a_delivery_is_shown_file_by_file(run, server):
    server.documents[PATH] = {**delivery(), "results": FILES, "next": None, "previous": None}
    out = run("receipts", "show", ID).out
    assert "2 stored, 1 refused" in out
    rows = out.split("\n\n")[1].splitlines()
    assert rows[0].split() == ["verdict", "state", "since", "why", "name"]
    assert rows[1].startswith("stored   delivered  2026-01-0")
    assert rows[2].startswith("stored   held back  2026-01-0")
    assert rows[2].endswith("  pixels_unproven: no rule covers it  b.dcm")
    assert rows[3].split() == ["refused", "-", "-", "not_dicom:", "It", "is", "no", "DICOM", "file.", "c.pdf"]


def test_a_long_delivery_is_shown_in_part_and_says_so(run, server):
    following = f"http://testserver{PATH}?cursor=x"
    server.documents[PATH] = {**delivery(), "results": FILES[:2], "next": following, "previous": None}
    server.documents[f"{PATH}?cursor=x"] = {"results": FILES[2:], "next": None}
    assert run("receipts", "show", ID, "--limit", "2").out.endswith("only the first 2; more with --limit\n")
    assert "only the first" not in run("receipts", "show", ID, "--limit", "3").out
    lines = run("receipts", "show", ID, "--json").out.splitlines()
    assert [json.loads(one).get("name") for one in lines] == [None, "a.dcm", "b.dcm", "c.pdf"]
    assert set(json.loads(lines[0])) == set(delivery()) - {"url"}


def test_a_receipt_that_is_not_there_is_a_failure(run, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = f"cauce: there is no receipt {ID}, or it is another's\n"
    for path in (PATH, f"{PATH}receipt"):
        server.documents[path] = problem(404, "There is no such upload of yours.")
    assert run("receipts", "show", ID) == (1, "", said)
    assert run("receipts", "download", ID) == (1, "", said)
    assert list(tmp_path.iterdir()) == []


def test_a_receipt_is_downloaded_byte_for_byte(run, server, tmp_path, receipt):
    server.documents[f"{PATH}receipt"] = httpx.Response(200, content=receipt)
    target = tmp_path / "kept [1].json"
    done = run("receipts", "download", ID, "-o", target)
    assert (done.status, done.out) == (0, f"{target}  check it with: cauce receipts verify {target}\n")
    assert target.read_bytes() == receipt
    assert sorted(path.name for path in tmp_path.glob("*receipt-*")) == []
    done = json.loads(run("receipts", "download", ID, "-o", target, "--json").out)
    assert done == {"receipt": ID, "file": str(target), "bytes": len(receipt)}


def test_a_valid_receipt_is_said_to_be_so_with_saved_keys_and_no_server(run, saved):
    done = run("receipts", "verify", saved[0], "--keys", saved[1])
    assert done.status == 0
    assert done.out.splitlines()[0] == f"valid: receipt {ID} of 1 file, as it was signed"
    found = json.loads(run("receipts", "verify", saved[0], "--keys", saved[1], "--json").out)
    assert {**found, "key": ""} == {
        "valid": True,
        "reason": "",
        "receipt": ID,
        "items": 1,
        "issuer": "http://here",
        "signed_at": "2026-01-02T03:04:05+00:00",
        "key": "",
    }


def test_a_changed_receipt_is_said_to_be_so_and_why(run, saved):
    saved[0].write_bytes(saved[0].read_bytes().replace(b'"a"', b'"b"'))
    done = run("receipts", "verify", saved[0], "--keys", saved[1])
    assert done.status == 1
    said = "its content is not what was signed: it was changed afterwards"
    assert done.out.splitlines()[0] == f"NOT VALID: {said}"
    found = json.loads(run("receipts", "verify", saved[0], "--keys", saved[1], "--json").out)
    assert (found["valid"], found["reason"], found["items"]) == (False, said, None)


def test_the_keys_of_the_server_are_fetched_without_a_token(run, server, saved, signer):
    server.documents[KEYS] = dict(signer.public_keys())
    assert run("receipts", "verify", saved[0]).status == 0
    assert server.credentials == [None]
    out = run("receipts", "keys").out
    assert json.loads(out) == signer.public_keys()


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (None, 2, "there is no file of keys"),
        (b"[]", 2, "that is no set of public keys (JWKS)"),
    ],
)
def test_keys_that_are_none_are_wrong_use(run, saved, tmp_path, content, status, said):
    keys = tmp_path / "other.json"
    if content is not None:
        keys.write_bytes(content)
    done = run("receipts", "verify", saved[0], "--keys", keys)
    assert (done.status, done.out) == (status, "")
    assert said in done.err


def test_a_file_that_is_missing_is_wrong_use(run, tmp_path):
    assert run("receipts", "verify", tmp_path / "nothing.json").status == 2


@pytest.mark.django_db
def test_a_new_key_signs_from_now_on_and_the_trail_says_so(run):
    from cauce import bootstrap
    from cauce.audit.models import AuditEvent

    before = bootstrap.signer().public_keys()["keys"]
    done = run("receipts", "rotate-key")
    keys = bootstrap.signer().public_keys()["keys"]
    assert done == (0, f"receipts are signed with key {keys[0]['kid']} from now on\n", "")
    assert keys[1:] == before
    assert json.loads(run("receipts", "rotate-key", "--json").out)["key"] not in {key["kid"] for key in keys}
    event = AuditEvent.objects.order_by("pk").first()
    assert (event.action, event.detail) == ("signing.rotate", {"key": keys[0]["kid"]})
