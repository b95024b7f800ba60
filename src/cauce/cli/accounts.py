"""`cauce users` and `cauce tokens`: on the data folder itself, so that they work when nobody can sign in."""

import secrets
from typing import Annotated, Any

import typer

from cauce.cli.application import Application
from cauce.cli.local import require_platform
from cauce.cli.output import console, print_json, print_table
from cauce.core.errors import InvalidRequest, NotFound
from cauce.core.statuses import Role

_PASSWORD_BYTES = 15
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a row on standard output.")]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="User name.")]


def register(application: Application) -> None:
    """Add the command groups."""
    application.add_typer(_users(), name="users")
    application.add_typer(_tokens(), name="tokens")


def _users() -> Application:
    group = Application("Accounts and their roles.")

    @group.command("list")
    def list_(as_json: _Json = False) -> None:
        """List accounts."""
        require_platform()
        from cauce.accounts.models import User

        rows = [
            {"name": user.username, "role": user.role, "active": user.is_active, "last_login": user.last_login}
            for user in User.objects.order_by("username")
        ]
        _print(rows, as_json=as_json, empty="no accounts")

    @group.command()
    def create(
        name: _Name,
        role: Annotated[Role, typer.Option(help=f"What it may do: {', '.join(Role)}.", metavar="ROLE")],
        as_json: _Json = False,
    ) -> None:
        """Make an account; its password is shown once."""
        require_platform()
        from django.contrib.auth.validators import UnicodeUsernameValidator
        from django.core.exceptions import ValidationError

        from cauce.accounts.models import User

        try:
            UnicodeUsernameValidator()(name)
        except ValidationError as error:
            raise InvalidRequest("a user name has letters, digits and @ . + - _", field="name") from error
        if User.objects.filter(username=name).exists():
            raise InvalidRequest(f"there is a user {name}", field="name")
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        user = User.objects.create_user(username=name, password=password, role=role.value)
        _audit("user.create", user, role=role.value)
        _print_password(user, password, as_json=as_json)

    @group.command()
    def password(name: _Name, as_json: _Json = False) -> None:
        """Give an account a new password, shown once.

        Its sessions end; its API tokens stay, unless they are revoked.
        """
        user = _find(name)
        new = secrets.token_urlsafe(_PASSWORD_BYTES)
        user.set_password(new)
        user.save(update_fields=["password"])
        _audit("user.password", user)
        _print_password(user, new, as_json=as_json)

    @group.command()
    def disable(name: _Name, as_json: _Json = False) -> None:
        """Shut an account out."""
        user = _find(name)
        user.is_active = False
        user.save(update_fields=["is_active"])
        _audit("user.disable", user)
        if as_json:
            print_json({"name": user.username, "role": user.role, "active": user.is_active})
        else:
            console().print(f"user {name} is disabled", markup=False)

    return group


def _tokens() -> Application:
    group = Application("API tokens, for scripts.")

    @group.command("list")
    def list_(as_json: _Json = False) -> None:
        """List tokens, without their texts: those are kept nowhere."""
        require_platform()
        from cauce.accounts.models import ApiToken

        rows = [
            {
                "id": token.public_id,
                "user": token.user.username,
                "name": token.name,
                "usable": token.is_usable,
                "created": token.created_at,
                "expires": token.expires_at,
            }
            for token in ApiToken.objects.select_related("user").order_by("pk")
        ]
        _print(rows, as_json=as_json, empty="no tokens; make one with: cauce tokens create --user NAME")

    @group.command()
    def create(
        user: Annotated[str, typer.Option(help="Whose rights it has.", metavar="NAME")],
        name: Annotated[str, typer.Option(help="What it is for.", metavar="TEXT")] = "command line",
        as_json: _Json = False,
    ) -> None:
        """Make a token; its text is shown once.

        It stands alone on standard output, so that a script can take it.
        """
        owner = _find(user)
        from cauce.accounts.models import ApiToken

        token, text = ApiToken.issue(owner, name=name)
        _audit("token.create", owner, token=token.public_id)
        if as_json:
            print_json({"id": token.public_id, "user": owner.username, "name": token.name, "token": text})
        else:
            typer.echo(text)

    @group.command()
    def revoke(
        token: Annotated[str, typer.Argument(metavar="ID", help="From `tokens list`.")], as_json: _Json = False
    ) -> None:
        """Make a token useless."""
        require_platform()
        from django.utils import timezone

        from cauce.accounts.models import ApiToken

        found = ApiToken.objects.select_related("user").filter(public_id=token, revoked_at__isnull=True).first()
        if found is None:
            raise NotFound("there is no such token in use")
        found.revoked_at = timezone.now()
        found.save(update_fields=["revoked_at"])
        _audit("token.revoke", found.user, token=token)
        if as_json:
            print_json({"id": token, "user": found.user.username, "name": found.name, "usable": False})
        else:
            console().print("revoked")

    return group


def _print_password(user: Any, password: str, *, as_json: bool) -> None:
    """Print a password, the only time that it is seen."""
    if as_json:
        print_json({"name": user.username, "role": user.role, "password": password})
    else:
        console().print(f"user {user.username}, password {password}   (shown once)", markup=False)


def _find(name: str) -> Any:
    require_platform()
    from cauce.accounts.models import User

    user = User.objects.filter(username=name).first()
    if user is None:
        raise NotFound(f"there is no user {name}")
    return user


def _audit(action: str, user: Any, **detail: Any) -> None:
    from cauce import audit
    from cauce.core.actors import Actor

    audit.record(Actor.platform(), action, subject=user.public_id, **detail)


def _print(rows: list[dict[str, Any]], *, as_json: bool, empty: str) -> None:
    if as_json:
        for row in rows:
            print_json(row)
        return
    titles = [name.replace("_", " ") for name in rows[0]] if rows else []
    print_table(titles, (list(row.values()) for row in rows), empty=empty)
