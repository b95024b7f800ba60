"""The client of the HTTP interface: whose certificate it believes, which token it presents, what it makes of errors."""

import ssl

import httpx
import pytest

from cauce.cli import client as client_module
from cauce.cli.client import Busy, Client, trusted
from cauce.core.errors import (
    CauceError,
    ConfigurationError,
    Forbidden,
    InvalidRequest,
    NotFound,
    Refused,
    StorageFull,
    Unavailable,
)
from cauce.settings.environment import load


def client_of(handler):
    return Client(base_url="http://server:1", token="of a test", transport=httpx.MockTransport(handler))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, Forbidden),
        (403, Forbidden),
        (404, NotFound),
        (408, Busy),
        (409, CauceError),
        (413, Refused),
        (429, Busy),
        (500, CauceError),
        (502, Busy),
        (503, Busy),
        (504, Busy),
        (507, StorageFull),
    ],
)
def test_each_status_becomes_an_error_that_says_how_to_react(status, kind):
    answer = httpx.Response(status, json={"detail": "It says why."})
    with client_of(lambda _request: answer) as client, pytest.raises(CauceError) as caught:
        client.get("/")
    assert isinstance(caught.value, kind)
    assert status == 413 or "It says why." in caught.value.detail


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[]", b'{"detail": ""}'])
def test_an_error_without_a_document_is_told_by_its_number(body):
    answer = httpx.Response(500, content=body)
    with client_of(lambda _request: answer) as client, pytest.raises(CauceError, match=r"^the server answered 500$"):
        client.get("/")


@pytest.mark.parametrize(("header", "wait_s"), [("7", 7.0), ("", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_the_wait_is_the_servers_where_it_gives_seconds(header, wait_s):
    answer = httpx.Response(503, headers={"Retry-After": header})
    with client_of(lambda _request: answer) as client, pytest.raises(Busy) as caught:
        client.get("/")
    assert caught.value.retry_after_s == wait_s


def test_an_empty_answer_is_nothing():
    with client_of(lambda _request: httpx.Response(204)) as client:
        assert client.post("/") is None


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (httpx.ConnectError("refused"), Unavailable, "no server answers at http://server:1; start one with: cauce up"),
        (
            httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"),
            ConfigurationError,
            (
                "the certificate of http://server:1 is not trusted, or not for that name: "
                "CAUCE_PUBLIC_URL wants the name in it, CAUCE_TLS_CERT the certificate"
            ),
        ),
        (httpx.ReadTimeout(""), Unavailable, "the server at http://server:1 did not answer in time"),
        (httpx.RemoteProtocolError(""), Unavailable, "the connection to http://server:1 broke (RemoteProtocolError)"),
    ],
)
def test_what_the_network_does_is_said_plainly(error, kind, said):
    def fail(_request):
        raise error

    with client_of(fail) as client, pytest.raises(kind) as caught:
        client.get("/")
    assert caught.value.detail == said


def test_a_given_token_is_presented_and_never_asked_for_again():
    seen = []

    def refuse(request):
        seen.append(request.headers["authorization"])
        return httpx.Response(401)

    with client_of(refuse) as client, pytest.raises(Forbidden):
        client.get("/")
    assert seen == ["Bearer of a test"]


@pytest.mark.django_db
def test_who_holds_the_data_folder_is_its_administrator(settings_of):
    from cauce.accounts.models import User
    from cauce.accounts.tokens import user_of_bearer

    admin = User.objects.create_user(username="boss", password="long enough for a test", role="admin")
    assert user_of_bearer(client_module._local_token()) == admin


@pytest.mark.django_db
def test_a_platform_without_an_administrator_gives_no_token():
    with pytest.raises(ConfigurationError, match="holds no platform: start one there with `cauce up`"):
        client_module._local_token()


def test_the_servers_own_certificate_is_believed_where_it_is_named(tmp_path):
    assert trusted(load({})) is True
    missing = load({"CAUCE_TLS_CERT": str(tmp_path / "none"), "CAUCE_TLS_KEY": str(tmp_path / "none")})
    with pytest.raises(ConfigurationError, match=r"^CAUCE_TLS_CERT: .+/none cannot be read as a certificate$"):
        trusted(missing)
    path = tmp_path / "cert.pem"
    path.write_bytes(_self_signed())
    context = trusted(load({"CAUCE_TLS_CERT": str(path), "CAUCE_TLS_KEY": str(path)}))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is True
    assert "cauce.example.org" in str(context.get_ca_certs())


def _self_signed():
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cauce.example.org")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
