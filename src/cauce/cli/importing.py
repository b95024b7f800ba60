"""`cauce import`: files, folders and zips to a running server, with a verdict a file."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from cauce.cli.client import Client
from cauce.cli.output import console, print_json, status_text
from cauce.cli.sending import Sending, files_of

_JSON_KEYS = ("status", "code", "detail", "study", "sop_instance_uid", "warnings")


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("import")(import_)


def import_(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files, folders, zips.", metavar="PATH…")],
    project: Annotated[str, typer.Option(help="Project that takes them.")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file on standard output.")] = False,
) -> int:
    """Send files, folders and zips to a running server; one verdict a file."""
    files = list(files_of(paths))
    counts: Counter[str] = Counter()
    with Client() as client, _progress(len(files), quiet=as_json) as progress:
        task = progress.add_task("import", total=len(files))

        def take(entry: dict[str, Any]) -> None:
            counts[entry["status"]] += 1
            progress.advance(task)
            if as_json:
                print_json({"path": entry["name"], **{key: entry.get(key) for key in _JSON_KEYS}})
            else:
                progress.console.print(verdict_line(entry))

        sending = Sending(client=client, project=project, on_verdict=take)
        sending.run(files)
        progress.update(task, completed=len(files))
    if not as_json:
        _summarise(counts, sending, client.base_url)
    return 1 if counts["refused"] else 0


def verdict_line(entry: dict[str, Any]) -> Text:
    """Return one file's verdict as a line."""
    line = status_text(f"{entry['status']:<10}")
    line.append(f" {entry['name']}", style="default")
    reason = ": ".join(part for part in (entry.get("code"), entry.get("detail")) if part)
    if reason and entry["status"] not in {"stored", "skipped"}:
        line.append(f"  {reason}", style="dim")
    return line


def _progress(total: int, *, quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True) if quiet else console(),
        disable=quiet or total == 0,
        transient=True,
    )


def _summarise(counts: "Counter[str]", sending: Sending, base_url: str) -> None:
    out = console()
    shown = Text(", ").join(status_text(f"{count} {status}") for status, count in counts.most_common())
    out.print(shown if counts else Text("no files", style="dim"))
    if sending.upload_id:
        out.print(f"{len(sending.studies)} studies; receipt: {base_url}/api/uploads/{sending.upload_id}/", style="dim")
