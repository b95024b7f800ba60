"""What a person decides about de-identification: `cauce quarantine`, `cauce pseudonyms`, reports of studies."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cauce.cli import profiles
from cauce.cli.application import Application
from cauce.cli.client import Client
from cauce.cli.looking import AsJson, Most, print_list, print_one
from cauce.cli.output import console, print_facts, print_json, print_table
from cauce.cli.saving import save
from cauce.core.errors import InvalidRequest, NotFound
from cauce.core.statuses import AttentionCause, HeldStatus

_Held = Annotated[str, typer.Argument(metavar="ID", help="From `quarantine list`.")]
_Study = Annotated[str, typer.Argument(metavar="ID", help="From `list`.")]
_Reason = Annotated[str, typer.Option(help="Why; it is kept, so do not name the patient.", metavar="TEXT")]
_Project = Annotated[str, typer.Option(help="Of which project.", metavar="SLUG")]
_Name = Annotated[str, typer.Argument(metavar="PSEUDONYM", help="As it stands in the de-identified images.")]
_COLUMNS = {
    "id": "id",
    "status": "status",
    "cause": "cause",
    "study": "study",
    "image": "instance_number",
    "detail": "detail",
}
_BOX_NUMBERS = 4


def register(application: Application) -> None:
    """Add the command groups, and what concerns de-identification to those about studies and projects."""
    application.add_typer(_quarantine(), name="quarantine")
    application.add_typer(_pseudonyms(), name="pseudonyms")
    groups: dict[Any, Any] = {info.name: info.typer_instance for info in application.registered_groups}
    _add_to_studies(groups["studies"])
    groups["projects"].add_typer(profiles.group(), name="profile")


def _add_to_studies(group: Application) -> None:

    @group.command()
    def report(
        study: _Study,
        revision: Annotated[
            int | None, typer.Option(help="Of this revision; else the newest that has a report.", metavar="N")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Show what de-identification did to a study.

        As it was when it was delivered. With --json the whole report: every output with the SHA-256 of its file.
        """
        with Client() as client:
            found = client.get(f"/api/studies/{quote(study, safe='')}/deidentification/", revision=revision)
        if as_json:
            print_json(found)
        else:
            _print_report(found)

    @group.command()
    def deidentify(study: _Study, as_json: AsJson = False) -> None:
        """De-identify a study anew.

        It is done under the present profile of its project.
        """
        with Client() as client:
            found = client.post(f"/api/studies/{quote(study, safe='')}/deidentify/")
        _say(f"study {study} is de-identified anew, as its next revision", found, as_json=as_json)


def _print_report(found: dict[str, Any]) -> None:
    profile, counts = found["profile"], found["instances"]
    print_facts(
        {
            "study": found["study"],
            "revision": found["revision"]["number"],
            "delivered": found["delivered_at"],
            "profile": f"{profile.get('name', profile['key'])}, version {profile['number']}",
            "profile digest": profile.get("digest"),
            "standard": f"PS3.15 {profile.get('edition', '')}".strip(),
            "images in": counts["in"],
            "written": counts["written"],
            "held": counts["held"],
            "rejected": counts["rejected"],
            "not accounted for": counts["unaccounted"] or None,
        }
    )
    if found["actions"]:
        console().print("\nactions", style="bold")
        print_facts(found["actions"])
    if found["held"]:
        console().print("\nwithout an output", style="bold")
        rows = [(one["id"] or "", one["status"], one["cause"], one["detail"]) for one in found["held"]]
        print_table(["id", "status", "cause", "detail"], rows)
    decided = [made for one in [*found["outputs"], *found["held"]] for made in one["decisions"]]
    if decided:
        console().print("\ndecisions", style="bold")
        rows = [(one["decision"], one["by"], one["cause"], one["reason"]) for one in decided]
        print_table(["decision", "by", "against", "reason"], rows)


def _quarantine() -> Application:
    group = Application("Images that were held back, and what becomes of them.")

    @group.command("list")
    def list_(
        status: Annotated[
            str | None, typer.Option(help=f"Of this status: {', '.join(HeldStatus)}.", metavar="STATUS")
        ] = None,
        cause: Annotated[
            str | None, typer.Option(help=f"Of this cause, such as {AttentionCause.PIXELS_UNPROVEN}.", metavar="CAUSE")
        ] = None,
        study: Annotated[str | None, typer.Option(help="Only of this study.", metavar="ID")] = None,
        most: Most = 50,
        as_json: AsJson = False,
    ) -> None:
        """List what waits for a decision, newest first."""
        query = {"status": status, "cause": cause, "study": study}
        print_list("/api/quarantine/", _COLUMNS, most=most, as_json=as_json, empty="nothing is held back", **query)

    @group.command()
    def show(held: _Held, as_json: AsJson = False) -> None:
        """Show one held image: why, and what was decided."""
        with Client() as client:
            print_one(_held(client, held), as_json=as_json)

    @group.command()
    def picture(
        held: _Held,
        file: Annotated[Path, typer.Argument(metavar="FILE", help="PNG file to be written.")],
        frame: Annotated[int | None, typer.Option(help="From 0; else the middle one.", metavar="N")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Save a frame of the original.

        It may show who the patient is.
        """
        query = "" if frame is None else f"?frame={frame}"
        with Client() as client:
            size_bytes = save(client, f"/api/quarantine/{quote(held, safe='')}/picture/{query}", file)
        _say(f"{file} written", {"path": str(file), "size_bytes": size_bytes}, as_json=as_json)

    @group.command()
    def release(held: _Held, reason: _Reason, as_json: AsJson = False) -> None:
        """Take an image as it is.

        It is taken although this cause speaks against it. Any other cause still holds it back.
        """
        found = _decide(held, "release", {"reason": reason})
        _say("released; its study gets another revision", found, as_json=as_json)

    @group.command()
    def redact(
        held: _Held,
        reason: _Reason,
        box: Annotated[
            list[str] | None, typer.Option(help="Pixels to blank in every frame. May be repeated.", metavar="X,Y,W,H")
        ] = None,
        remove: Annotated[
            list[str] | None, typer.Option(help="Element to remove at every depth. May be repeated.", metavar="KEYWORD")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Take an image with boxes blanked or elements removed.

        With boxes you say that nothing else in the pixels names the patient. Identity that is left in the header still
        holds it back.
        """
        body = {"reason": reason, "boxes": [_box(text) for text in box or ()], "elements": list(remove or ())}
        found = _decide(held, "redact", body)
        _say("redacted; its study gets another revision", found, as_json=as_json)

    @group.command()
    def reject(held: _Held, reason: _Reason, as_json: AsJson = False) -> None:
        """Keep an image out for good.

        Its study can become ready without it.
        """
        found = _decide(held, "reject", {"reason": reason})
        _say("rejected; it stays out", found, as_json=as_json)

    return group


def _held(client: Client, held: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = client.get(f"/api/quarantine/{quote(held, safe='')}/")
    except NotFound as error:
        raise NotFound(f"nothing that is held back has the id {held}") from error
    return found


def _decide(held: str, verb: str, body: dict[str, Any]) -> dict[str, Any]:
    with Client() as client:
        found: dict[str, Any] = client.post(f"/api/quarantine/{quote(held, safe='')}/{verb}/", body)
    return found


def _box(text: str) -> dict[str, int]:
    parts = text.split(",")
    if len(parts) != _BOX_NUMBERS or not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        raise InvalidRequest(f"a box is x,y,width,height in pixels, not {text}", field="box")
    return dict(zip(("x", "y", "width", "height"), map(int, parts), strict=True))


def _pseudonyms() -> Application:
    group = Application("Who stands behind a pseudonym; each question is kept.")

    @group.command()
    def resolve(pseudonym: _Name, reason: _Reason, project: _Project = "default", as_json: AsJson = False) -> None:
        """Say who a pseudonym stands for.

        Administrators and clinicians may ask.
        """
        with Client() as client:
            body = {"project": project, "pseudonym": pseudonym, "reason": reason}
            found = client.post("/api/pseudonyms/resolve/", body)
        print_one(found, as_json=as_json)

    @group.command()
    def find(
        reason: _Reason,
        patient_id: Annotated[str, typer.Option(help="The patient's id.", metavar="TEXT")] = "",
        issuer: Annotated[str, typer.Option(help="Who issued it, as the images say.", metavar="TEXT")] = "",
        study: Annotated[str, typer.Option(help="A study of the patient, instead of the id.", metavar="ID")] = "",
        project: _Project = "default",
        as_json: AsJson = False,
    ) -> None:
        """Say which pseudonym a patient has.

        Administrators and clinicians may ask.
        """
        with Client() as client:
            body = {"project": project, "reason": reason, "study": study}
            body |= {"patient_id": patient_id, "issuer_of_patient_id": issuer}
            found = client.post("/api/pseudonyms/find/", body)
        print_one(found, as_json=as_json)

    @group.command()
    def erase(
        pseudonym: _Name,
        reason: _Reason,
        project: _Project = "default",
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Forget for good who a pseudonym stands for.

        Administrators may. What was made under it stays. Images that come later for the same patient get another
        pseudonym.
        """
        if not yes:
            typer.confirm(
                "Nobody will be able to go back from it to the patient. Erase the link?", abort=True, err=True
            )
        with Client() as client:
            client.post("/api/pseudonyms/erase/", {"project": project, "pseudonym": pseudonym, "reason": reason})
        document = {"project": project, "pseudonym": pseudonym, "erased": True}
        _say(f"the link of {pseudonym} is erased", document, as_json=as_json)

    return group


def _say(text: str, document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        console().print(text, markup=False)
