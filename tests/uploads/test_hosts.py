"""Which host names a request may be for."""

import socket

import pytest

from asgi_driver import call, form
from cauce.api.raw import hosts
from cauce.api.raw.hosts import Hosts
from cauce.core.errors import ConfigurationError
from cauce.settings.environment import load


def of(**variables):
    return Hosts(load({f"CAUCE_{name}": value for name, value in variables.items()}))


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "LOCALHOST.:1", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:8000"]
)
def test_a_server_on_this_machine_goes_by_the_names_of_the_loopback_interface(host):
    assert of().accepts(host)
    assert of(PUBLIC_URL="https://cauce.example.org", HTTP="192.0.2.1:80").accepts(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:8000",
        "192.0.2.1",
        "",
        "localhost, evil.example",
        "localhost@evil.example",
        "localhost:80:80",
        "localhost:port",
        "local host",
        "[::2]",
        "::1",
        "*",
        "localhost/",
        "127.0.0.1\x00",
    ],
)
def test_a_server_goes_by_no_other_name(host):
    assert not of().accepts(host)


def test_its_address_its_public_url_and_what_is_allowed_are_its_names():
    ours = of(
        HTTP="192.0.2.1:80", PUBLIC_URL="https://Cauce.example.org:8443", ALLOWED_HOSTS="pacs, 192.0.2.9 ,fd00::7"
    )
    for host in ("192.0.2.1", "cauce.example.org", "CAUCE.example.org:443", "pacs:8000", "192.0.2.9", "[fd00::7]:80"):
        assert ours.accepts(host), host
    for host in ("example.org", "x.cauce.example.org", "192.0.2.2", "pacs.local"):
        assert not ours.accepts(host), host


def test_a_name_that_begins_with_a_full_stop_stands_for_all_below_it_and_a_star_for_all():
    ours = of(ALLOWED_HOSTS=".example.org")
    taken = {
        host for host in ("a.example.org", "a.b.example.org:80", "example.org", "evilexample.org") if ours.accepts(host)
    }
    assert taken == {"a.example.org", "a.b.example.org:80"}
    assert of(ALLOWED_HOSTS="*").accepts("anything.example")


@pytest.mark.parametrize("everywhere", ["0.0.0.0:8000", "[::]:8000"])
def test_a_server_on_all_interfaces_goes_by_the_machines_addresses_and_name(everywhere, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "Scanner-PC.ward")
    ours = of(HTTP=everywhere)
    for host in ("127.0.0.5:8000", "scanner-pc.ward", "scanner-pc.local:8000", "localhost"):
        assert ours.accepts(host), host
    for host in ("192.0.2.200", "0.0.0.0", "224.0.0.1", "evil.example", "[2001:db8::1]"):
        assert not ours.accepts(host), host
    assert not of().accepts("127.0.0.5")


@pytest.mark.parametrize("wrong", ["https://example.org", "example.org:8000", "a b", "example.org/x", "-x"])
def test_a_wrong_host_name_in_the_settings_is_named_by_its_variable(wrong):
    with pytest.raises(ConfigurationError, match="CAUCE_ALLOWED_HOSTS: wants host names"):
        load({"CAUCE_ALLOWED_HOSTS": wrong})


ROUTES = [
    ("POST", "/api/uploads/"),
    ("POST", "/dicom-web/studies"),
    ("GET", "/dicom-web/studies"),
    ("GET", "/api/"),
    ("GET", "/login/"),
    ("OPTIONS", "/api/studies/"),
    ("GET", "/static/cauce/cauce.css"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_request_for_another_host_is_refused_on_every_route(web, method, path):
    answer = call(web, method, path, headers={"host": "evil.example"}, chunks=form([("a.dcm", b"x")])[1])
    assert (answer.status, answer.json()["code"]) == (400, "invalid_host")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "evil" not in answer.body.decode()


@pytest.mark.parametrize("path", sorted(hosts.OPEN_TO_ANY_HOST))
def test_health_and_figures_are_told_by_whatever_name_they_are_asked(web, path):
    assert call(web, "GET", path, headers={"host": "10.0.0.7:8000"}).status != 400


@pytest.mark.parametrize("path", ["/login/", "/healthz"])
@pytest.mark.parametrize("given", [None, ""])
def test_a_request_without_a_host_is_taken(web, path, given):
    """As those of simple health checks; Granian passes an empty one on in its place."""
    assert call(web, "GET", path, headers={"host": given}).status == 200
