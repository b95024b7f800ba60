"""`cauce projects profile`: how the studies of a project are de-identified, and what a profile would do."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.text import Text

from cauce.cli.application import Application
from cauce.cli.client import Client
from cauce.cli.looking import AsJson, Most, print_list
from cauce.cli.output import console, counted, print_facts, print_json, print_table
from cauce.core.errors import InvalidRequest

_Slug = Annotated[str, typer.Argument(metavar="SLUG", help="Of the project, from `projects list`.")]
_STANDARD_INPUT = "-"
_SHOWN_MAX = 60
_COLUMNS = {"number": "number", "name": "name", "since": "created_at", "by": "author", "digest": "digest"}


def group() -> Application:
    """Return the commands."""
    commands = Application("How the studies of a project are de-identified.")

    @commands.command()
    def show(slug: _Slug, as_json: AsJson = False) -> None:
        """Print the present profile, as it can be given to `set`."""
        with Client() as client:
            found = client.get(_path(slug))
        if as_json:
            print_json(found)
        else:
            typer.echo(found["text"], nl=not found["text"].endswith("\n"))

    @commands.command("set")
    def set_(
        slug: _Slug,
        file: Annotated[str, typer.Argument(metavar="FILE", help="YAML, or - for standard input.")],
        based_on: Annotated[
            int | None, typer.Option(help="Only while this is the number of the present one.", metavar="N")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Give a project its next profile.

        It holds for what closes, or is de-identified anew, from now on.
        """
        body = {"text": read(file)} | ({} if based_on is None else {"based_on": based_on})
        with Client() as client:
            saved = client.send("PUT", _path(slug), json=body)
        if as_json:
            print_json(saved)
        else:
            console().print(f"{saved['name']} is version {saved['number']} of the project's profile", markup=False)

    @commands.command()
    def versions(slug: _Slug, most: Most = 50, as_json: AsJson = False) -> None:
        """List the profiles that a project has had, newest first."""
        empty = "the project goes by the default profile"
        print_list(f"{_path(slug)}versions/", _COLUMNS, most=most, as_json=as_json, empty=empty)

    @commands.command("dry-run")
    def dry_run(
        slug: _Slug,
        study: Annotated[str, typer.Option(help="Try it on one instance of each of its series.", metavar="ID")],
        file: Annotated[
            str | None, typer.Option("--file", help="A profile to try; else the present one.", metavar="FILE")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Show what a profile would do to a study. Nothing is written.

        Each element that would change is shown before and after.
        """
        body = {"study": study} | ({} if file is None else {"text": read(file)})
        with Client() as client:
            found = client.post(f"{_path(slug)}dry-run/", body)
        if as_json:
            print_json(found)
        else:
            _print_trial(found)

    return commands


def read(file: str) -> str:
    """Return the text of a profile.

    Raises:
        InvalidRequest: the file cannot be read, or is no text.
    """
    try:
        if file == _STANDARD_INPUT:
            return typer.get_text_stream("stdin").read()
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{file} is no text in UTF-8") from error


def _path(slug: str) -> str:
    return f"/api/projects/{quote(slug, safe='')}/profile/"


def _print_trial(found: dict[str, Any]) -> None:
    profile = found["profile"]
    console().print(f"{profile['name']}, digest {profile['digest'][:16]}", markup=False, style="bold")
    for one in found["instances"]:
        title = f"\nseries {one['series'][:12]}, image {one['instance_number']}"
        console().print(title, style="bold", markup=False)
        if one["cause"]:
            print_facts({"would be held": one["cause"], "because": one["detail"]})
            continue
        rows = [
            (_place(change), change["change"], _value(change["before"]), _value(change["after"]))
            for change in one["changes"]
        ]
        print_table(["element", "change", "before", "after"], rows, empty="nothing would change")
        others = one["changed"] - len(rows)
        note = f"{counted(one['kept'], 'element')} stay as they are" + (f", {others} more change" if others else "")
        console().print(note, style="dim", markup=False)


def _place(change: dict[str, Any]) -> str:
    return f"{change['path']} {change['keyword']}".strip()


def _value(value: str | None) -> str | Text:
    if value is None:
        return ""
    return value if len(value) <= _SHOWN_MAX else f"{value[: _SHOWN_MAX - 1]}…"
