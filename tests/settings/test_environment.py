import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from cauce.core.errors import ConfigurationError
from cauce.core.limits import MIB, Limits
from cauce.settings import environment
from cauce.settings.environment import Settings, load


def test_with_nothing_set_the_defaults_serve_one_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings = load({})
    assert settings.data == Path("cauce-data")
    assert settings.data_folder == Path.cwd() / "cauce-data"
    assert settings.spool_folder == Path.cwd() / "cauce-data" / "spool"
    assert settings.keys == tmp_path / "cauce" / "keys.json"
    assert settings.http_address == ("127.0.0.1", 8000)
    assert settings.dimse_address == ("127.0.0.1", 11112)
    assert settings.ae_title == "CAUCE"
    assert settings.base_url == "http://localhost:8000"
    assert settings.study_quiet_s == 60
    assert settings.reserve_mb == 1024
    assert settings.allowed_origins == ()
    assert (settings.tls_cert, settings.tls_key, settings.admin_password, settings.token) == (None, None, "", "")
    assert settings.database_url == ""
    assert settings.log_level == "info"
    assert 1 <= settings.workers <= 8


def test_the_key_file_lies_in_the_users_folder_outside_of_the_data(monkeypatch):
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/ana")
    assert load({}).keys == Path("/home/ana/.config/cauce/keys.json")


LIMITS = {
    "max_request_mb": 11,
    "max_instance_mb": 12,
    "max_header_mb": 13,
    "max_elements": 14_000,
    "max_sequence_depth": 15,
    "max_inflated_mb": 16,
    "max_frame_mb": 17,
    "max_archive_files": 18,
    "max_archive_mb": 19,
    "max_archive_ratio": 20,
    "max_archive_depth": 5,
    "memory_instance_mb": 22,
    "memory_mb": 23,
}


def test_limits_are_those_of_the_code_until_they_are_set():
    assert load({}).limits == Limits()
    given = {f"CAUCE_{name.upper()}": str(value) for name, value in LIMITS.items()}
    assert load({**given, "CAUCE_RESERVE_MB": "24"}).limits == Limits(
        request_bytes_max=11 * MIB,
        instance_bytes_max=12 * MIB,
        header_bytes_max=13 * MIB,
        elements_max=14_000,
        depth_max=15,
        inflated_bytes_max=16 * MIB,
        frame_bytes_max=17 * MIB,
        archive_entries_max=18,
        archive_unpacked_bytes_max=19 * MIB,
        archive_ratio_max=20,
        archive_depth_max=5,
        memory_instance_bytes_max=22 * MIB,
        memory_bytes_max=23 * MIB,
        reserve_bytes=24 * MIB,
    )


def test_every_setting_is_read_from_its_variable():
    given = {
        "CAUCE_DATA": "/srv/cauce",
        "CAUCE_KEYS": "/etc/cauce/keys",
        "CAUCE_HTTP": "0.0.0.0:80",
        "CAUCE_DIMSE": "[::1]:104",
        "CAUCE_AE_TITLE": "PACS ONE ",
        "CAUCE_PUBLIC_URL": "https://Cauce.example.org/",
        "CAUCE_TLS_CERT": "/etc/cert.pem",
        "CAUCE_TLS_KEY": "/etc/key.pem",
        "CAUCE_ALLOWED_ORIGINS": " https://a.example, ,http://b.example:8080 ",
        "CAUCE_ALLOWED_HOSTS": "PACS, .example.org,[::2]",
        "CAUCE_TRUSTED_PROXIES": "127.0.0.1, 10.1.0.0/16",
        "CAUCE_DATABASE_URL": "postgres://cauce:p@db.example:5433/cauce?sslmode=verify-full",
        "CAUCE_ADMIN_PASSWORD": "p",
        "CAUCE_TOKEN": "t",
        "CAUCE_STUDY_QUIET_S": "2.5",
        "CAUCE_WORKERS": "3",
        "CAUCE_RESERVE_MB": "0",
        "CAUCE_MAX_JSON_MB": "5",
        "CAUCE_LOG_LEVEL": "debug",
        **{f"CAUCE_{name.upper()}": str(value) for name, value in LIMITS.items()},
    }
    assert load(given).model_dump() == {
        "data": Path("/srv/cauce"),
        "keys": Path("/etc/cauce/keys"),
        "http": "0.0.0.0:80",
        "dimse": "[::1]:104",
        "ae_title": "PACS ONE",
        "public_url": "https://cauce.example.org",
        "tls_cert": Path("/etc/cert.pem"),
        "tls_key": Path("/etc/key.pem"),
        "allowed_origins": ("https://a.example", "http://b.example:8080"),
        "allowed_hosts": ("pacs", ".example.org", "::2"),
        "trusted_proxies": ("127.0.0.1", "10.1.0.0/16"),
        "database_url": "postgres://cauce:p@db.example:5433/cauce?sslmode=verify-full",
        "admin_password": "p",
        "token": "t",
        "study_quiet_s": 2.5,
        "workers": 3,
        "reserve_mb": 0,
        "max_json_mb": 5,
        "log_level": "debug",
        **LIMITS,
    }
    assert {f"CAUCE_{name.upper()}" for name in Settings.model_fields} == set(given)
    assert load(given).dimse_address == ("::1", 104)


def test_an_empty_variable_counts_as_not_set():
    assert load({"CAUCE_HTTP": "", "CAUCE_WORKERS": "", "CAUCE_TLS_CERT": ""}) == load({})


def test_only_what_is_given_is_read(monkeypatch):
    monkeypatch.setenv("CAUCE_AE_TITLE", "OTHER")
    monkeypatch.setenv("cauce_ae_title", "OTHER")
    assert load({}).ae_title == "CAUCE"
    assert load().ae_title == "OTHER"
    monkeypatch.delenv("CAUCE_AE_TITLE")
    assert load().ae_title == "CAUCE"  # in lower case it is no name of ours


def test_names_without_our_prefix_mean_nothing_to_us(monkeypatch):
    before = load({})
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "7")
    assert load({}) == before


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["CAUCE_DTAA", "CAUCE_", "CAUCE_data", "CAUCE_HTTPS", "CAUCE_PORTS", "CAUCE_SERVICE"])
def test_a_name_that_is_not_known_is_an_error_that_names_it(name):
    with pytest.raises(ConfigurationError) as caught:
        load({name: "secret-value", "PATH": "/bin"})
    assert caught.value.detail.startswith(f"{name} is not a setting of Cauce")
    assert "secret-value" not in caught.value.detail


def test_it_is_an_error_also_when_it_is_empty():
    with pytest.raises(ConfigurationError, match="CAUCE_TYPO"):
        load({"CAUCE_TYPO": ""})


@pytest.mark.parametrize(
    "name",
    [
        "CAUCE_SERVICE_HOST",
        "CAUCE_SERVICE_PORT",
        "CAUCE_SERVICE_PORT_HTTP",
        "CAUCE_PORT",
        "CAUCE_PORT_8000_TCP",
        "CAUCE_PORT_8000_TCP_ADDR",
        "CAUCE_PORT_8000_TCP_PORT",
        "CAUCE_PORT_8000_TCP_PROTO",
        "CAUCE_WEB_SERVICE_HOST",
        "CAUCE_WEB_SERVICE_PORT_HTTP",
        "CAUCE_WEB_PORT_8000_TCP_ADDR",
        "CAUCE_DIMSE_LISTENER_PORT",
    ],
)
def test_names_that_kubernetes_injects_pass(name):
    assert load({name: "tcp://10.0.0.1:8000"}) == load({})


def test_names_of_others_pass():
    assert load({"CAUCERIZED": "x", "MY_CAUCE_X": "y", "HOME": "/"}) == load({})


# --- values --------------------------------------------------------------------------------------------------------

BAD_VALUES = [
    ("CAUCE_HTTP", "8000", "host:port"),
    ("CAUCE_HTTP", ":8000", "host:port"),
    ("CAUCE_HTTP", "localhost", "host:port"),
    ("CAUCE_HTTP", "localhost:", "host:port"),
    ("CAUCE_HTTP", "localhost:http", "host:port"),
    ("CAUCE_HTTP", "localhost:65536", "host:port"),
    ("CAUCE_HTTP", "localhost:-1", "host:port"),
    ("CAUCE_HTTP", "localhost:８０", "host:port"),  # noqa: RUF001 - digits, but no port
    ("CAUCE_DIMSE", "nowhere", "host:port"),
    ("CAUCE_AE_TITLE", "  ", "16 printable"),
    ("CAUCE_AE_TITLE", "SEVENTEEN_LETTERS", "16 printable"),
    ("CAUCE_AE_TITLE", "A\\B", "backslash"),
    ("CAUCE_AE_TITLE", "TAB\tS", "printable"),
    ("CAUCE_AE_TITLE", "NIÑO", "ASCII"),
    ("CAUCE_PUBLIC_URL", "cauce.example.org", "an origin"),
    ("CAUCE_PUBLIC_URL", "ftp://cauce.example.org", "an origin"),
    ("CAUCE_PUBLIC_URL", "https://", "an origin"),
    ("CAUCE_PUBLIC_URL", "https://user:pass@cauce.example.org", "an origin"),
    ("CAUCE_PUBLIC_URL", "https://cauce.example.org/path", "without a path"),
    ("CAUCE_PUBLIC_URL", "https://cauce.example.org/?q=1", "without a path"),
    ("CAUCE_ALLOWED_ORIGINS", "https://a.example,b.example", "an origin"),
    ("CAUCE_ALLOWED_ORIGINS", "https://*.example", "an origin"),
    ("CAUCE_ALLOWED_HOSTS", "https://a.example", "host names"),
    ("CAUCE_TRUSTED_PROXIES", "*", "addresses or networks"),
    ("CAUCE_DATABASE_URL", "mysql://u:hunter2@h/cauce", "postgres://"),
    ("CAUCE_DATABASE_URL", "postgres://u:hunter2@h", "postgres://"),
    ("CAUCE_DATABASE_URL", "postgres://u:hunter2@h/", "postgres://"),
    ("CAUCE_DATABASE_URL", "postgres://u:hunter2@h:many/cauce", "the port is none"),
    ("CAUCE_DATABASE_URL", "postgres://u:hunter2@h/cauce?options=-c%20fsync%3Doff", "takes of parameters"),
    ("CAUCE_STUDY_QUIET_S", "soon", "valid number"),
    ("CAUCE_STUDY_QUIET_S", "-1", "greater than or equal to 0"),
    ("CAUCE_STUDY_QUIET_S", "inf", "finite"),
    ("CAUCE_STUDY_QUIET_S", "nan", "finite"),
    ("CAUCE_STUDY_QUIET_S", "1e12", "less than or equal to"),
    ("CAUCE_WORKERS", "0", "greater than or equal to 1"),
    ("CAUCE_WORKERS", "257", "less than or equal to 256"),
    ("CAUCE_WORKERS", "2.5", "valid integer"),
    ("CAUCE_RESERVE_MB", "-1", "greater than or equal to 0"),
    ("CAUCE_RESERVE_MB", "1 GB", "valid integer"),
    *[(f"CAUCE_{name.upper()}", "-1", "greater than or equal to") for name in LIMITS],
    ("CAUCE_MAX_JSON_MB", "0", "greater than or equal to 1"),
    ("CAUCE_MAX_JSON_MB", "1025", "less than or equal to 1024"),
    ("CAUCE_MAX_SEQUENCE_DEPTH", "129", "less than or equal to 128"),
    ("CAUCE_MAX_ARCHIVE_DEPTH", "11", "less than or equal to 10"),
    ("CAUCE_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
]


@pytest.mark.parametrize(("name", "value", "words"), BAD_VALUES)
def test_a_bad_value_is_an_error_that_names_its_variable_and_says_what_is_wanted(name, value, words):
    with pytest.raises(ConfigurationError) as caught:
        load({name: value})
    assert caught.value.detail.startswith(f"{name}: ")
    assert words in caught.value.detail


@pytest.mark.parametrize("name", ["CAUCE_TLS_CERT", "CAUCE_TLS_KEY"])
def test_certificate_and_key_go_together(name):
    with pytest.raises(ConfigurationError, match="CAUCE_TLS_CERT and CAUCE_TLS_KEY go together"):
        load({name: "/etc/x.pem"})


def test_the_test_knows_a_bad_value_for_every_setting_that_can_have_one():
    free_text = {"CAUCE_DATA", "CAUCE_KEYS", "CAUCE_TLS_CERT", "CAUCE_TLS_KEY", "CAUCE_ADMIN_PASSWORD", "CAUCE_TOKEN"}
    names = {f"CAUCE_{name.upper()}" for name in Settings.model_fields}
    assert names - {name for name, _, _ in BAD_VALUES} == free_text


# --- secrets -------------------------------------------------------------------------------------------------------


def test_no_secret_is_shown():
    database = "postgres://cauce:hunter2@h/cauce"
    settings = load({"CAUCE_ADMIN_PASSWORD": "hunter2", "CAUCE_TOKEN": "cauce_hunter2", "CAUCE_DATABASE_URL": database})
    for shown in (repr(settings), str(settings), f"{settings}"):
        assert "hunter2" not in shown
    assert settings.admin_password == "hunter2"


def test_no_secret_is_shown_when_another_value_is_wrong():
    for wrong in (
        {"CAUCE_TLS_CERT": "x"},
        {"CAUCE_WORKERS": "many"},
        {"CAUCE_PUBLIC_URL": "https://a:hunter2@b"},
        {"CAUCE_DATABASE_URL": "mysql://a:hunter2@b/c"},
    ):
        with pytest.raises(ConfigurationError) as caught:
            load({"CAUCE_ADMIN_PASSWORD": "hunter2", "CAUCE_TOKEN": "hunter2", **wrong})
        assert "hunter2" not in f"{caught.value} {caught.value.__cause__} {caught.value.__cause__!r}"


def test_settings_do_not_change():
    settings = load({})
    with pytest.raises(ValidationError, match="frozen"):
        settings.workers = 2


def test_the_environment_is_read_once(monkeypatch):
    before = environment.current()
    monkeypatch.setenv("CAUCE_AE_TITLE", "LATER")
    assert environment.current() is before
    assert os.environ["CAUCE_AE_TITLE"] == "LATER"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"CAUCE_HTTP": "0.0.0.0:9000"}, "http://localhost:9000"),
        ({"CAUCE_HTTP": "[::]:9000"}, "http://localhost:9000"),
        ({"CAUCE_HTTP": "pacs.example.org:80"}, "http://pacs.example.org:80"),
        ({"CAUCE_TLS_CERT": "c", "CAUCE_TLS_KEY": "k"}, "https://localhost:8000"),
        ({"CAUCE_PUBLIC_URL": "https://c.example.org:444/"}, "https://c.example.org:444"),
    ],
)
def test_people_are_sent_to_an_address_that_works_for_them(given, url):
    assert load(given).base_url == url
