"""`cauce import`: files, folders and zips to a running server, with a verdict a file."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from cauce.cli.application import Application
from cauce.cli.client import Client
from cauce.cli.found import files_of
from cauce.cli.output import console, counted, plain, print_json, status_text
from cauce.cli.sending import Sending
from cauce.core.errors import CauceError, Unavailable

GO_ON = "What has a verdict is safe: the same command again sends the rest."
_JSON_KEYS = ("status", "code", "detail", "study", "sop_instance_uid", "warnings")


class Interrupted(CauceError):
    """Somebody pressed Ctrl-C."""

    code = "interrupted"


def register(application: Application) -> None:
    """Add the command."""
    application.command("import")(import_)


def import_(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files, folders, zips.", metavar="PATH…")],
    project: Annotated[str, typer.Option(help="Slug of the project that takes them.", metavar="SLUG")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file on standard output.")] = False,
) -> int:
    """Send files, folders and zips to a running server.

    Each file gets a verdict: stored, duplicate, conflict, skipped or refused. To send the same again does no harm.
    """
    files = list(files_of(paths))
    counts: Counter[str] = Counter()
    with Client() as client, _progress(len(files), as_json=as_json) as progress:
        task = progress.add_task("import", total=len(files))

        def take(entries: list[dict[str, Any]]) -> None:
            counts.update(entry["status"] for entry in entries)
            counts.update(f"refused: {entry['code']}" for entry in entries if entry["status"] == "refused")
            progress.advance(task, len(entries))
            if as_json:
                for entry in entries:
                    print_json({"path": entry["path"], **{key: entry.get(key) for key in _JSON_KEYS}})
            else:
                # One print a request: each one draws the bar anew.
                console().print(Text("\n").join(map(verdict_line, entries)))

        sending = Sending(client=client, project=project, on_verdicts=take)
        try:
            sending.run(files)
        except KeyboardInterrupt:
            raise Interrupted(f"stopped. {GO_ON}") from None
        except Unavailable as error:
            raise Unavailable(f"{error.detail.rstrip('.')}. {GO_ON}" if counts else error.detail) from error
    if not as_json:
        _summarise(counts, sending, client.base_url)
    return 1 if counts["refused"] else 0


def verdict_line(entry: dict[str, Any]) -> Text:
    """Return one file's verdict as a line."""
    line = status_text(f"{entry['status']:<9}")
    line.append(f"  {plain(entry['path'])}", style="default")
    reason = ": ".join(part for part in (entry.get("code"), entry.get("detail")) if part)
    if reason and entry["status"] != "stored":
        line.append(f"  {plain(reason)}", style="dim")
    return line


def _progress(total: int, *, as_json: bool) -> Progress:
    """Return a bar on the terminal: where standard output is read by a program, on standard error."""
    shown = console() if console().is_terminal else Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=shown,
        disable=not total or not shown.is_terminal or (as_json and shown is console()),
        redirect_stdout=shown is console(),  # elsewhere what programs read would be drawn beside the bar
        redirect_stderr=shown is console(),
        refresh_per_second=4,
        transient=True,
    )


def _summarise(counts: "Counter[str]", sending: Sending, base_url: str) -> None:
    out = console()
    verdicts = [(status, count) for status, count in counts.most_common() if ": " not in status]
    if not verdicts:
        out.print("no files", style="dim")
        return
    total = sum(count for _, count in verdicts)
    shown = Text(", ").join(Text(f"{count} ").append_text(status_text(status)) for status, count in verdicts)
    out.print(Text(f"\n{counted(total, 'file')}: ").append_text(shown))
    for reason, count in counts.most_common():
        if ": " in reason:
            out.print(f"  {count} {reason}", style="dim")
    if sending.upload_id:
        studies = counted(len(sending.studies), "study", "studies")
        out.print(f"{studies}; receipt: {base_url}/api/uploads/{sending.upload_id}/", style="dim")
        out.print("what becomes of them: cauce studies list", style="dim")
