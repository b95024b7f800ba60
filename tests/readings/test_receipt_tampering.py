"""A signed receipt is valid byte for byte or not at all."""

import base64
import hashlib
import json
import string

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cauce.adapters.keyring_file import FileKeyRing
from cauce.adapters.keys_file import FileKeyService
from cauce.adapters.signing_ed25519 import Ed25519Signer
from cauce.core.errors import InvalidRequest
from cauce.core.signed_receipts import FORMAT, KIND, signature_line, thumbprint
from cauce.readings.signed_receipts import check, keys_of

CUT = "its last line is not a signature: it was cut short, or something was added to it"
CHANGED = "its content is not what was signed: it was changed afterwards"
UNKNOWN_KEY = "the key that it says signed it is not among the keys given"
FORGED = "its signature is not one of the key that it names"
MALFORMED = "its signature is malformed"
ANOTHER_WAY = "it is not signed the way receipts are (Ed25519)"


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ring")
    return Ed25519Signer(FileKeyRing(folder / "keyring.json", FileKeyService(folder / "keys")))


@pytest.fixture(scope="module")
def keys(signer):
    return keys_of(json.dumps(signer.public_keys()).encode())


def content_of(names=("a.dcm", "b.dcm", "c.dcm")):
    items = ",\n".join(json.dumps({"name": name, "status": "stored"}, separators=(",", ":")) for name in names)
    return f'{{"format":"{FORMAT}","id":"{"0" * 32}","items":[\n{items}\n],"counts":{{"stored":3}}\n'.encode()


def claims_of(content):
    digest = hashlib.sha256(content).hexdigest()
    return {"iss": "http://here", "iat": 1, "receipt": "0" * 32, "items": 3, "bytes": len(content), "sha256": digest}


@pytest.fixture(scope="module")
def receipt(signer):
    content = content_of()
    return content + signature_line(signer.sign(claims_of(content), kind=KIND))


@pytest.fixture
def reason_of(tmp_path, keys):
    """Why a receipt of these bytes is not valid; nothing when it is."""

    def judge(content, *, using=keys):
        path = tmp_path / "receipt.json"
        path.write_bytes(content)
        return check(path, using).reason

    return judge


def test_what_was_signed_is_valid_and_is_plain_json(tmp_path, receipt, keys):
    path = tmp_path / "receipt.json"
    path.write_bytes(receipt)
    checked = check(path, keys)
    assert (checked.is_valid, checked.reason) == (True, "")
    assert [checked.key_id] == list(keys)
    assert checked.claims["items"] == len(json.loads(receipt)["items"]) == 3


def test_no_byte_can_be_changed(receipt, reason_of):
    for place in range(len(receipt)):
        changed = bytearray(receipt)
        changed[place] ^= 1
        assert reason_of(bytes(changed)), place


def test_the_spare_bits_of_the_signatures_last_character_cannot_be_changed(receipt, reason_of):
    """Two characters may stand for the same bytes there: only the one that was written is taken."""
    place = len(receipt) - len('"}\n') - 1
    alphabet = string.ascii_letters + string.digits + "-_"
    same = [one for one in alphabet if not reason_of(receipt[:place] + one.encode() + receipt[place + 1 :])]
    assert same == [chr(receipt[place])]


def test_no_end_can_be_cut_off(receipt, reason_of):
    for length in range(len(receipt)):
        assert reason_of(receipt[:length]), length
    assert reason_of(receipt[:-1]) == CUT
    assert reason_of(b"") == "it is no signed receipt: it does not begin as one"


@pytest.mark.parametrize("added", [b"\n", b" ", b"x", b',"signature":"a.b.c"}\n', b"\0" * 9000])
def test_nothing_can_be_added_at_the_end(receipt, reason_of, added):
    assert reason_of(receipt + added) in {CUT, MALFORMED}


def test_an_item_cannot_be_removed_doubled_or_moved(signer, receipt, reason_of):
    signature = receipt[len(content_of()) :]
    removed = reason_of(content_of(["a.dcm", "c.dcm"]) + signature)
    assert removed.endswith("were signed: something was added or removed")
    assert reason_of(content_of(["a.dcm", "a.dcm", "b.dcm", "c.dcm"]) + signature).endswith("added or removed")
    assert reason_of(content_of(["b.dcm", "a.dcm", "c.dcm"]) + signature) == CHANGED


def test_the_same_json_written_another_way_is_not_the_same(receipt, reason_of):
    assert reason_of(json.dumps(json.loads(receipt)).encode()) == "it is no signed receipt: it does not begin as one"


def test_the_signature_of_another_receipt_does_not_fit(signer, reason_of):
    other = content_of(["x.dcm", "y.dcm", "z.dcm"])
    assert reason_of(content_of() + signature_line(signer.sign(claims_of(other), kind=KIND))) == CHANGED


def test_a_key_that_is_not_known_proves_nothing(receipt, reason_of, tmp_path):
    stranger = Ed25519Signer(FileKeyRing(tmp_path / "ring.json", FileKeyService(tmp_path / "keys")))
    content = content_of()
    assert reason_of(content + signature_line(stranger.sign(claims_of(content), kind=KIND))) == UNKNOWN_KEY
    assert reason_of(receipt, using=keys_of(json.dumps(stranger.public_keys()).encode())) == UNKNOWN_KEY


def jws(key, *, content=None, algorithm="EdDSA", **header):
    payload = json.dumps(claims_of(content or content_of())).encode()
    return jwt.PyJWS().encode(payload, key, algorithm=algorithm, headers={"typ": KIND, **header})


def test_another_key_under_a_known_id_is_found_out(keys, reason_of):
    (known,) = keys
    assert reason_of(content_of() + signature_line(jws(Ed25519PrivateKey.generate(), kid=known))) == FORGED


def test_another_key_id_in_the_header_is_found_out(signer, receipt, reason_of, keys, tmp_path):
    other = Ed25519Signer(FileKeyRing(tmp_path / "ring.json", FileKeyService(tmp_path / "keys")))
    both = {**keys, **keys_of(json.dumps(other.public_keys()).encode())}
    own = next(iter(keys))
    (another,) = set(both) - {own}
    content, signature = receipt[: len(content_of())], json.loads(receipt)["signature"]
    header, payload, sealed = signature.split(".")
    changed = json.loads(base64.urlsafe_b64decode(header + "==")) | {"kid": another}
    header = base64.urlsafe_b64encode(json.dumps(changed, separators=(",", ":")).encode()).decode().rstrip("=")
    assert reason_of(content + signature_line(f"{header}.{payload}.{sealed}"), using=both) == FORGED


@pytest.mark.parametrize(("algorithm", "key"), [("none", None), ("HS256", "public"), ("HS512", "public")])
def test_no_signature_and_a_shared_secret_are_none(keys, reason_of, algorithm, key):
    """With HMAC the public key would be the secret, which everybody knows."""
    (known,) = keys
    secret = keys[known].public_bytes_raw() * 2 if key else None
    made = jws(secret, algorithm=algorithm, kid=known)
    if algorithm == "none":
        made = made + base64.urlsafe_b64encode(b"0" * 64).decode().rstrip("=")
    assert reason_of(content_of() + signature_line(made)) == ANOTHER_WAY


def test_what_was_signed_for_another_purpose_is_no_receipt(signer, reason_of):
    content = content_of()
    signed = signer.sign(claims_of(content), kind="JWT")
    wanted = "its signature was made for something else than a receipt"
    assert reason_of(content + signature_line(signed)) == wanted


def test_older_receipts_stay_valid_when_the_key_is_changed(tmp_path, reason_of):
    def ring():
        return FileKeyRing(tmp_path / "ring.json", FileKeyService(tmp_path / "keys"))

    signer, elsewhere, content = Ed25519Signer(ring()), Ed25519Signer(ring()), content_of()
    older = content + signature_line(signer.sign(claims_of(content), kind=KIND))
    saved = keys_of(json.dumps(elsewhere.public_keys()).encode())
    new_id = elsewhere.rotate()
    newer = content + signature_line(signer.sign(claims_of(content), kind=KIND))
    now = keys_of(json.dumps(signer.public_keys()).encode())
    assert [reason_of(one, using=now) for one in (older, newer)] == ["", ""]
    assert [reason_of(one, using=saved) for one in (older, newer)] == ["", UNKNOWN_KEY]
    assert (next(iter(now)), len(now)) == (new_id, 2)
    assert ring().secret_names() == {"signing/1", "signing/2"}


def jwk(**changes):
    public = base64.urlsafe_b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode().rstrip("=")
    return {"kty": "OKP", "crv": "Ed25519", "x": public, "kid": thumbprint(public), **changes}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "that is no set of public keys (JWKS)"),
        (b"[1]", "that is no set of public keys (JWKS)"),
        (b'{"keys": 1}', "that is no set of public keys (JWKS)"),
        (b'{"keys": [1]}', "that is no set of public keys (JWKS)"),
        (b"[" * 100_000, "that is no set of public keys (JWKS)"),
        (json.dumps({"keys": [jwk(x="AAAA")]}).encode(), "that is no set of public keys (JWKS)"),
        (json.dumps({"keys": [jwk(kid="x")]}).encode(), "a key of that set stands under the id of another"),
        (
            b'{"keys": [{"kty": "RSA"}]}',
            "that set holds no key of the kind that signs receipts (Ed25519)",
        ),
    ],
)
def test_what_is_no_set_of_keys_is_said_so(document, said):
    with pytest.raises(InvalidRequest) as raised:
        keys_of(document)
    assert raised.value.detail == said


def test_keys_of_other_kinds_are_passed_over():
    own = jwk()
    assert list(keys_of(json.dumps({"keys": [{"kty": "RSA", "kid": "r"}, own]}).encode())) == [own["kid"]]


def test_a_thumbprint_is_that_of_the_standard():
    assert thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo") == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
