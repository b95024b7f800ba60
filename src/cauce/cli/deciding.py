"""What a person decides: which modalities may store (`cauce modalities`), which content holds (`cauce conflicts`)."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from cauce.cli.application import Application
from cauce.cli.client import Client
from cauce.cli.looking import AsJson, Most, print_list, print_one
from cauce.cli.output import console, print_json
from cauce.core.errors import NotFound

_Title = Annotated[str, typer.Argument(metavar="AE_TITLE", help="Calling AE title of the modality.")]
_Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="Its IP address, such as 192.0.2.7.")]
_Version = Annotated[str, typer.Argument(metavar="ID", help="From `conflicts list`.")]

_MODALITY_COLUMNS = {
    "AE title": "ae_title",
    "address": "address",
    "may store": "allowed",
    "attempts": "attempts",
    "last seen": "last_seen_at",
}
_CONFLICT_COLUMNS = {
    "id": "id",
    "study": "study",
    "instance": "instance_number",
    "received": "received_at",
}


def register(application: Application) -> None:
    """Add the command groups."""
    application.add_typer(_modalities(), name="modalities")
    application.add_typer(_conflicts(), name="conflicts")


def _modalities() -> Application:
    group = Application("Modalities that call from elsewhere, and which may store.")

    @group.command("list")
    def list_(
        wanting: Annotated[bool, typer.Option("--wanting", help="Only those that want in.")] = False,
        most: Most = 50,
        as_json: AsJson = False,
    ) -> None:
        """List modalities that called from elsewhere.

        Until one is allowed it may only echo. On this machine itself any may store.
        """
        allowed = "false" if wanting else None
        empty = "no modality has called from elsewhere"
        print_list("/api/calling-aes/", _MODALITY_COLUMNS, most=most, as_json=as_json, empty=empty, allowed=allowed)

    @group.command()
    def show(ae_title: _Title, address: _Address, as_json: AsJson = False) -> None:
        """Show one modality."""
        with Client() as client:
            found = _modality(client, ae_title, address)
        print_one(found, as_json=as_json)

    @group.command()
    def allow(ae_title: _Title, address: _Address, as_json: AsJson = False) -> None:
        """Let a modality store, whether it has called before or not."""
        with Client() as client:
            found = client.post("/api/calling-aes/", {"ae_title": ae_title, "address": address})
        _say(f"{found['ae_title']} at {found['address']} may store", found, as_json=as_json)

    @group.command()
    def forbid(ae_title: _Title, address: _Address, as_json: AsJson = False) -> None:
        """Take that back: it may only echo."""
        with Client() as client:
            found = client.post(f"/api/calling-aes/{_modality(client, ae_title, address)['id']}/forbid/")
        _say(f"{found['ae_title']} at {found['address']} may no longer store", found, as_json=as_json)

    return group


def _modality(client: Client, ae_title: str, address: str) -> dict[str, Any]:
    wanted = (ae_title.strip(), address.strip())
    for row in client.pages("/api/calling-aes/", limit=1000):
        if (row["ae_title"], row["address"]) == wanted:
            found: dict[str, Any] = row
            return found
    raise NotFound(f"no modality {ae_title} is known at {address}; see: cauce modalities list")


def _conflicts() -> Application:
    group = Application("Other contents under a known UID, and which one holds.")

    @group.command("list")
    def list_(
        study: Annotated[str | None, typer.Option(help="Only of this study.", metavar="ID")] = None,
        most: Most = 50,
        as_json: AsJson = False,
    ) -> None:
        """List contents that wait for a decision, newest first.

        Each arrived under a UID that was held with another content, which stays current until this is decided.
        """
        columns = _CONFLICT_COLUMNS
        print_list("/api/conflicts/", columns, most=most, as_json=as_json, empty="no conflicts", study=study)

    @group.command()
    def show(version: _Version, as_json: AsJson = False) -> None:
        """Show in what a contested content differs.

        Attributes of the top level are compared, pixels are not. What names another study, series or patient can only
        be rejected.
        """
        with Client() as client:
            found = client.get(f"/api/conflicts/{quote(version, safe='')}/")
        print_one(found, as_json=as_json)

    @group.command()
    def accept(version: _Version, as_json: AsJson = False) -> None:
        """Let the new content take the place of the old one."""
        with Client() as client:
            client.post(f"/api/conflicts/{quote(version, safe='')}/accept/")
        _say(
            "the new content holds; the study gets another revision",
            {"id": version, "state": "current"},
            as_json=as_json,
        )

    @group.command()
    def reject(version: _Version, as_json: AsJson = False) -> None:
        """Let the old content stay; the new one is kept aside."""
        with Client() as client:
            client.post(f"/api/conflicts/{quote(version, safe='')}/reject/")
        _say("the old content stays", {"id": version, "state": "superseded"}, as_json=as_json)

    return group


def _say(text: str, document: dict[str, Any], *, as_json: bool) -> None:
    """Say what was decided, to a person or to a program."""
    if as_json:
        print_json(document)
    else:
        console().print(text)
