"""What a person decides: which modalities may store (`cauce modalities`), which content holds (`cauce conflicts`)."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cauce.cli.application import Application
from cauce.cli.client import Client
from cauce.cli.looking import AsJson, Most, print_list, print_one
from cauce.cli.output import console, print_json
from cauce.cli.saving import save
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

        Attributes of the top level are compared, pixels are not. What names another study or series can only be
        rejected, what names another patient only be accepted with its whole study (accept --study).
        """
        with Client() as client:
            found = client.get(_conflict(version))
        print_one(found, as_json=as_json)

    group.command("download")(_download)
    group.command("accept")(_accept)
    group.command("reject")(_reject)
    return group


def _download(
    version: _Version,
    held: Annotated[bool, typer.Option("--held", help="The content that is held, not the contested one.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to, or ID.dcm here.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Download a content as a DICOM file.

    The contested one, also after it was settled: every content is kept.
    """
    with Client() as client:
        wanted = _held(client, version) if held else version
        target = output or Path(f"{wanted}.dcm")
        size_bytes = save(client, f"{_conflict(version)}versions/{quote(wanted, safe='')}/", target)
    if as_json:
        print_json({"id": wanted, "file": str(target), "bytes": size_bytes})
    else:
        console().print(str(target), markup=False)


def _held(client: Client, version: str) -> str:
    versions = client.get(_conflict(version))["versions"]
    return str(next(one["id"] for one in versions if one["state"] == "current"))


_Study = Annotated[
    bool, typer.Option("--study", help="With it all contested ones of its study that name the same patient.")
]


def _accept(version: _Version, study: _Study = False, as_json: AsJson = False) -> None:
    """Let the new content take the place of the old one.

    Where it names another patient, only the whole study can move to that patient: all of it has to come again with that
    patient, then --study accepts it.
    """
    _settle(version, "accept", study=study, as_json=as_json)


def _reject(version: _Version, study: _Study = False, as_json: AsJson = False) -> None:
    """Let the old content stay; the new one is kept aside."""
    _settle(version, "reject", study=study, as_json=as_json)


_DONE = {
    "accept": ("the new content holds", "{} new contents hold", "; the study gets another revision", "current"),
    "reject": ("the old content stays", "{} new contents are rejected", "", "superseded"),
}


def _settle(version: str, verb: str, *, study: bool, as_json: bool) -> None:
    with Client() as client:
        found = client.post(f"{_conflict(version)}{verb}{'-study' if study else ''}/")
    one, many, follows, state = _DONE[verb]
    count = found["settled"] if study else 1
    text = one if count == 1 else many.format(count)
    _say(text + follows, {"id": version, "state": state, **(found or {})}, as_json=as_json)


def _conflict(version: str) -> str:
    return f"/api/conflicts/{quote(version, safe='')}/"


def _say(text: str, document: dict[str, Any], *, as_json: bool) -> None:
    """Say what was decided, to a person or to a program."""
    if as_json:
        print_json(document)
    else:
        console().print(text)
