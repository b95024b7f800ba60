"""The first steps of every start: one server a folder, free ports, an administrator; where it is reached."""

import os
import socket
import subprocess
import sys

import pytest

from cauce.cli import start, up
from cauce.core.errors import ConfigurationError
from cauce.settings.environment import load


@pytest.fixture
def settings(tmp_path):
    return load({"CAUCE_DATA": str(tmp_path), "CAUCE_KEYS": str(tmp_path / "keys.json")})


def test_a_folder_is_held_by_one_and_the_second_names_the_first(settings):
    with start.only_one(settings):
        said = f"another server runs on {settings.data_folder}: process {os.getpid()} at http://localhost:8000"
        with pytest.raises(ConfigurationError, match=said), start.only_one(settings):
            pass
    with start.only_one(settings):
        pass


def test_the_lock_goes_with_its_process_however_that_ends(settings):
    program = (
        "import sys\n"
        "from cauce.cli import start\n"
        "from cauce.settings.environment import load\n"
        f"with start.only_one(load({{'CAUCE_DATA': {str(settings.data_folder)!r}}})):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(ConfigurationError, match=f"process {holder.pid}"), start.only_one(settings):
        pass
    holder.kill()
    holder.communicate()
    with start.only_one(settings):
        pass


def test_a_free_port_is_free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    start.require_free_port("CAUCE_HTTP", address)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who listens")
def test_a_port_in_use_is_named_with_its_owner():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        said = rf"^port {port} is in use by .+ \(process {os.getpid()}\): stop it, or set CAUCE_DIMSE$"
        with pytest.raises(ConfigurationError, match=said):
            start.require_free_port("CAUCE_DIMSE", ("127.0.0.1", port))


def test_an_owner_that_cannot_be_told_is_another_program(monkeypatch):
    monkeypatch.setattr(start, "_owner_of", lambda _port: "")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(ConfigurationError, match="is in use by another program: stop it, or set CAUCE_HTTP"):
            start.require_free_port("CAUCE_HTTP", listener.getsockname())


def test_an_address_that_is_not_ours_is_named():
    with pytest.raises(ConfigurationError, match=r"^CAUCE_HTTP: cannot listen on 192\.0\.2\.1:8000: "):
        start.require_free_port("CAUCE_HTTP", ("192.0.2.1", 8000))


@pytest.mark.django_db
def test_the_first_start_makes_an_administrator_whose_password_is_told_once(settings):
    from cauce.accounts.models import User
    from cauce.audit.models import AuditEvent

    password = start.ensure_admin(settings)
    user = User.objects.get()
    assert (user.username, user.role, user.check_password(password)) == ("admin", "admin", True)
    assert len(password) >= 20
    assert AuditEvent.objects.get().action == "user.create"
    assert start.ensure_admin(settings) is None
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_a_given_password_is_taken_and_not_told(settings):
    from cauce.accounts.models import User

    given = settings.model_copy(update={"admin_password": "long enough for a test"})
    assert start.ensure_admin(given) is None
    assert User.objects.get().check_password("long enough for a test")


@pytest.mark.django_db
@pytest.mark.parametrize("weak", ["brief", "password1234"])
def test_a_weak_password_is_refused_without_repeating_it(settings, weak):
    from cauce.accounts.models import User

    with pytest.raises(ConfigurationError, match=r"^CAUCE_ADMIN_PASSWORD: This password is ") as caught:
        start.ensure_admin(settings.model_copy(update={"admin_password": weak}))
    assert weak not in caught.value.detail
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"CAUCE_HTTP": "0.0.0.0:9000"}, "http://127.0.0.1:9000"),
        ({"CAUCE_HTTP": "192.0.2.7:80"}, "http://192.0.2.7:80"),
        ({"CAUCE_HTTP": "[::]:80"}, "http://[::1]:80"),
        ({"CAUCE_PUBLIC_URL": "https://cauce.example.org"}, "http://127.0.0.1:8000"),
        ({"CAUCE_TLS_CERT": "/cert", "CAUCE_TLS_KEY": "/key"}, "https://127.0.0.1:8000"),
    ],
)
def test_this_machine_asks_itself_where_it_listens(variables, url):
    assert up.own_url(load(variables)) == url


def test_lan_without_a_certificate_is_refused(run):
    done = run("up", "--lan")
    assert done == (2, "", "cauce: --lan serves HTTP to the network: set CAUCE_TLS_CERT and CAUCE_TLS_KEY\n")


def test_one_command_a_role_and_as_many_workers_as_are_set():
    commands = up._commands(load({"CAUCE_WORKERS": "2"}))
    assert {name: arguments[0] for name, arguments in commands.items()} == {
        "web": "web",
        "dimse": "dimse",
        "scheduler": "scheduler",
        "worker-1": "worker",
        "worker-2": "worker",
    }
    assert all(arguments[1:] == ["--attached"] for arguments in commands.values())
