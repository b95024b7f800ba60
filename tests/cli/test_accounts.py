"""`cauce users` and `cauce tokens`: on the data folder itself."""

import json

import pytest

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    from cauce.accounts.models import User
    from cauce.core.statuses import Role

    return User.objects.create_user(username="admin", password="long enough for a test", role=Role.ADMIN.value)


def audited():
    from cauce.audit.models import AuditEvent

    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def test_an_account_is_made_with_a_password_that_is_shown_once(run):
    from cauce.accounts.models import User

    done = run("users", "create", "maría", "--role", "researcher")
    assert done.status == 0
    user = User.objects.get(username="maría")
    password = done.out.removeprefix("user maría, password ").removesuffix("   (shown once)\n")
    assert user.check_password(password)
    assert (user.role, user.is_staff) == ("researcher", False)
    assert audited() == ["user.create"]


def test_what_is_shown_once_comes_as_json_too(run, admin):
    made = json.loads(run("users", "create", "ann", "--role", "clinician", "--json").out)
    assert (made["name"], made["role"], len(made)) == ("ann", "clinician", 3)
    changed = json.loads(run("users", "password", "ann", "--json").out)
    from cauce.accounts.models import User

    assert User.objects.get(username="ann").check_password(changed["password"])
    assert changed["password"] != made["password"]
    token = json.loads(run("tokens", "create", "--user", "ann", "--name", "script", "--json").out)
    assert (token["user"], token["name"], set(token)) == ("ann", "script", {"id", "user", "name", "token"})
    revoked = {"id": token["id"], "user": "ann", "name": "script", "usable": False}
    assert json.loads(run("tokens", "revoke", token["id"], "--json").out) == revoked
    disabled = {"name": "ann", "role": "clinician", "active": False}
    assert json.loads(run("users", "disable", "ann", "--json").out) == disabled


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("two words", "a user name has letters, digits and @ . + - _; see: cauce users create --help"),
        ("admin", "there is a user admin; see: cauce users create --help"),
    ],
)
def test_a_name_that_cannot_be_is_wrong_use_and_changes_nothing(run, admin, name, said):
    from cauce.accounts.models import User

    assert run("users", "create", name, "--role", "admin") == (2, "", f"cauce: {said}\n")
    assert User.objects.count() == 1
    assert audited() == []


def test_accounts_are_listed(run, admin):
    admin.is_active = False
    admin.save()
    assert run("users", "list").out == "name   role   active  last login\nadmin  admin  no      -\n"
    assert json.loads(run("users", "list", "--json").out) == {
        "name": "admin",
        "role": "admin",
        "active": False,
        "last_login": None,
    }


def test_a_new_password_replaces_the_old_one(run, admin):
    done = run("users", "password", "admin")
    admin.refresh_from_db()
    password = done.out.removeprefix("user admin, password ").removesuffix("   (shown once)\n")
    assert admin.check_password(password)
    assert not admin.check_password("long enough for a test")
    assert audited() == ["user.password"]


def test_an_account_is_shut_out(run, admin):
    assert run("users", "disable", "admin") == (0, "user admin is disabled\n", "")
    admin.refresh_from_db()
    assert admin.is_active is False
    assert audited() == ["user.disable"]


@pytest.mark.parametrize("command", [["users", "password"], ["users", "disable"], ["tokens", "create", "--user"]])
def test_an_unknown_account_is_a_failure(run, admin, command):
    assert run(*command, "nobody") == (1, "", "cauce: there is no user nobody\n")
    assert audited() == []


def test_a_token_stands_alone_on_standard_output_and_opens_the_door_until_it_is_revoked(run, admin):
    from cauce.accounts.models import ApiToken
    from cauce.accounts.tokens import user_of_bearer

    done = run("tokens", "create", "--user", "admin", "--name", "night import")
    assert done.status == 0
    text = done.out.rstrip("\n")
    assert "\n" not in text
    assert user_of_bearer(text) == admin
    token = ApiToken.objects.get()
    listed = run("tokens", "list").out.splitlines()
    assert listed[0].split() == ["id", "user", "name", "usable", "created", "expires"]
    assert listed[1].startswith(f"{token.public_id}  admin  night import  yes     20")
    assert listed[1].endswith("  -")
    assert text not in run("tokens", "list", "--json").out

    assert run("tokens", "revoke", token.public_id) == (0, "revoked\n", "")
    assert user_of_bearer(text) is None
    assert run("tokens", "revoke", token.public_id) == (1, "", "cauce: there is no such token in use\n")
    assert audited() == ["token.create", "token.revoke"]


def test_no_tokens_is_said_with_how_to_make_one(run):
    assert run("tokens", "list").out == "no tokens; make one with: cauce tokens create --user NAME\n"
    assert run("tokens", "list", "--json").out == ""


@pytest.mark.parametrize(
    "command", [["users", "list"], ["tokens", "list"], ["users", "create", "x", "--role", "admin"]]
)
def test_a_folder_without_a_platform_is_told_and_nothing_is_made_there(run, settings_of, tmp_path, command):
    settings_of(DATA=tmp_path / "none")
    assert run(*command) == (
        1,
        "",
        (
            f"cauce: {tmp_path}/none holds no platform: start one with `cauce up`, "
            "or set CAUCE_DATA to the folder of yours\n"
        ),
    )
    assert list(tmp_path.iterdir()) == []
