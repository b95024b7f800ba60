"""`cauce profiles`: de-identification profiles that ship, or stand in files, with no server."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cauce.cli.application import Application
from cauce.cli.found import FileToSend
from cauce.cli.output import console, counted, plain, print_facts, print_json, print_table
from cauce.cli.profiles import read
from cauce.core.errors import InvalidRequest

if TYPE_CHECKING:
    from cauce.stages.deidentify import Profile

_Named = Annotated[str, typer.Argument(metavar="NAME|FILE", help="One of `profiles list`, or a file in YAML.")]
_Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
_SHOWN_MAX = 60
_FACTS = ("name", "version", "digest", "method", "options", "rules", "dates")


def register(application: Application) -> None:
    """Add the commands."""
    commands = Application("De-identification profiles, ours and yours.")
    commands.command("list")(list_)
    commands.command()(show)
    commands.command()(check)
    commands.command()(diff)
    application.add_typer(commands, name="profiles")


def list_(as_json: _Json = False) -> None:
    """List the profiles that ship with Cauce."""
    from cauce.stages.deidentify.profile import built_in

    if as_json:
        print_json({name: facts_of(profile) for name, profile in built_in().items()})
        return
    rows = [(name, profile.description) for name, profile in built_in().items()]
    print_table(["name", "what it is for"], rows, empty="none")


def show(profile: _Named, as_json: _Json = False) -> None:
    """Print a profile as YAML, for a file of your own."""
    from cauce.stages.deidentify.profile import profile_yaml

    found = profile_of(profile)
    if as_json:
        print_json(facts_of(found))
    else:
        typer.echo(profile_yaml(found), nl=False)


def check(file: Annotated[str, typer.Argument(metavar="FILE", help="YAML, or - for standard input.")]) -> int:
    """Say whether a file is a profile; name every fault with its line."""
    from cauce.stages.deidentify.profile import ProfileError, parse_profile

    try:
        found = parse_profile(read(file))
    except ProfileError as error:
        for fault in error.faults:
            console().print(plain(fault), markup=False, highlight=False)
        console().print(counted(len(error.faults), "fault"), style="yellow")
        return 1
    facts = facts_of(found)
    print_facts({name: ", ".join(facts[name]) if name == "options" else facts[name] for name in _FACTS})
    return 0


def diff(one: _Named, other: _Named, as_json: _Json = False) -> int:
    """Show which options and rules two profiles do not share. Ends with 1 where there are any."""
    first, second = profile_of(one), profile_of(other)
    rows = _differences(first, second)
    if as_json:
        print_json([dict(zip(("what", "one", "other"), row, strict=True)) for row in rows])
    else:
        print_table(["what", first.name, second.name], rows, empty="they say the same")
    return 1 if rows else 0


def _differences(first: "Profile", second: "Profile") -> list[tuple[str, str, str]]:
    def said(profile: "Profile") -> dict[str, str]:
        rules = {rule.name: f"{rule.action.value} {rule.value}".strip() for rule in profile.rules}
        return dict.fromkeys(sorted(profile.options), "yes") | rules

    ours, theirs = said(first), said(second)
    names = dict.fromkeys([*ours, *theirs])
    return [(name, ours.get(name, ""), theirs.get(name, "")) for name in names if ours.get(name) != theirs.get(name)]


def profile_of(text: str) -> "Profile":
    """Return the profile that a command line names: one that ships, or a file.

    Raises:
        InvalidRequest: there is none, or the file cannot be read.
        ProfileError: the file is no profile.
    """
    from cauce.stages.deidentify.profile import built_in, parse_profile

    if text in built_in():
        return built_in()[text]
    if Path(text).is_file() or text == "-" or Path(text).suffix in {".yaml", ".yml"}:
        return parse_profile(read(text))
    raise InvalidRequest(
        f"there is no profile {text}; there are: {', '.join(built_in())}, or a file in YAML", field="profile"
    )


def facts_of(profile: "Profile") -> dict[str, Any]:
    """Return what a report says of a profile."""
    from cauce.stages.deidentify.table import load_table

    return {
        "name": profile.name,
        "version": profile.version,
        "digest": profile.digest,
        "edition": load_table().edition,
        "method": profile.method,
        "options": sorted(profile.options),
        "rules": len(profile.rules),
        "dates": profile.longitudinal,
        "codes": [code.value for code in profile.codes],
    }


def show_trial(files: Iterable[FileToSend], profile: "Profile", *, as_json: bool) -> int:
    """Show what would become of files; return the exit status, 1 where one would be held back."""
    from cauce.cli.file_stages import Patients, try_file

    patients, shown, held = Patients(), set[str](), 0
    for file in files:
        entry = try_file(file, patients, profile=profile)
        held += entry["status"] == "held"
        series = entry.pop("series", "")
        if as_json:
            print_json(entry)
        elif entry["status"] == "held":
            line = Text("would be held", style="yellow").append(f"  {plain(str(file.path))}", style="default")
            console().print(line.append(f"  {entry['cause']}: {entry['detail']}", style="dim"))
        elif entry["status"] == "clean" and series not in shown:
            shown.add(series)
            _print_changes(file, entry)
    return 1 if held else 0


def _print_changes(file: FileToSend, entry: dict[str, Any]) -> None:
    console().print(Text(plain(str(file.path)), style="bold"))
    rows = [
        (f"{one['path']} {one['keyword']}".strip(), one["change"], _value(one["before"]), _value(one["after"]))
        for one in entry["changes"]
    ]
    print_table(["element", "change", "before", "after"], rows, empty="nothing would change")
    console().print(f"{counted(entry['kept'], 'element')} stay as they are\n", style="dim", markup=False)


def _value(value: str | None) -> str:
    if value is None:
        return ""
    return value if len(value) <= _SHOWN_MAX else f"{value[: _SHOWN_MAX - 1]}…"
