"""`cauce demo`: the whole platform, and a sample study taken through the whole flow before one's eyes."""

import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cauce.cli.application import Application
from cauce.cli.client import Client
from cauce.cli.found import files_of
from cauce.cli.output import console, status_text
from cauce.cli.sending import Sending
from cauce.cli.supervisor import Supervisor
from cauce.cli.up import NotReady, own_url, running
from cauce.settings import environment

SEED = 1
QUIET_S = "10"
DONE_WITHIN_S = 180.0
_POLL_S = 0.3
_ENDED = {"ready", "attention"}


def register(application: Application) -> None:
    """Add the command."""
    application.command()(demo)


def demo(
    leave: Annotated[bool, typer.Option("--exit", help="Stop everything once the sample is through.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="New studies, not the ones of the last demo again.")] = False,
) -> int:
    """Run everything, and take a sample through the whole flow.

    The sample is a CT of a phantom and a labelled ultrasound, both made by code. Ctrl-C stops everything.
    """
    os.environ.setdefault("CAUCE_STUDY_QUIET_S", QUIET_S)
    environment.current.cache_clear()
    out = console()
    with running(environment.current(), out) as platform:
        if platform.is_stopping:
            return 1
        # The certificate names the public host, not the address that this machine asks.
        with Client(base_url=own_url(environment.current()), trust=False) as client:
            studies = _send_samples(client, out, fresh=fresh)
            is_done = _await_end(client, studies, platform, out)
            _show(client, studies, out)
        if leave or platform.is_stopping:
            return 0 if is_done else 1
        out.print("running; look at the links above, stop with Ctrl-C", style="dim")
        platform.watch()
    return 0


def _send_samples(client: Client, out: Console, *, fresh: bool) -> list[str]:
    """Make the samples, send them as an import does, and return the ids of their studies."""
    from cauce.samples import write_demo

    counts: Counter[str] = Counter()

    def take(entries: list[dict[str, Any]]) -> None:
        counts.update(entry["status"] for entry in entries)

    with tempfile.TemporaryDirectory(prefix="cauce-demo-") as folder:
        write_demo(Path(folder), seed=None if fresh else SEED)
        files = list(files_of([Path(folder)]))
        sending = Sending(client=client, project="default", on_verdicts=take)
        sending.run(files)
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    out.print(f"\n[bold]A sample comes in[/bold]: {len(files)} files, {said}")
    return list(sending.studies)


def _await_end(client: Client, studies: list[str], platform: Supervisor, out: Console) -> bool:
    """Show where the studies are until all have reached an end."""
    deadline = time.monotonic() + DONE_WITHIN_S
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("receiving", total=None)
        while time.monotonic() < deadline and not platform.is_stopping:
            statuses = [client.get(f"/api/studies/{study}/")["status"] for study in studies]
            progress.update(task, description=", ".join(statuses))
            if _ENDED.issuperset(statuses):
                return True
            time.sleep(_POLL_S)
    if not platform.is_stopping:
        raise NotReady(f"the sample is not through after {DONE_WITHIN_S:.0f} s; `cauce jobs list` says what waits")
    return False


def _show(client: Client, studies: list[str], out: Console) -> None:
    """Print what became of the samples, with links."""
    for study in studies:
        found = client.get(f"/api/studies/{study}/")
        title = found.get("study_description") or "study"
        out.print()
        out.print(f"[bold]{title}[/bold]  ", status_text(found["status"]), sep="")
        out.print(f"  {environment.current().base_url}/studies/{study}/")
        for cause in found["causes"]:
            out.print(f"  {cause['cause']}: {cause['detail']}", style="yellow")
        for series in found["series"]:
            out.print(f"  {_series_line(series)}")
        report = client.get(f"/api/studies/{study}/deidentification/")
        if blanked := sum(len(output["boxes"]) for output in report["outputs"]):
            out.print(f"  text in its pixels was blanked in {blanked} places")
    out.print()


def _series_line(series: dict[str, Any]) -> str:
    """Return a series and its figures in one line."""
    name = f"{series['modality']} {series.get('series_description') or ''}".strip()
    count = series["instances"]
    line = f"{name}, {count} {'image' if count == 1 else 'images'}"
    figures = series.get("figures") or {}
    if figures.get("mean") is None:
        return f"{line}: not measured"
    unit = f" {figures['unit']}" if figures["unit"] else ""
    spread = f"mean {figures['mean']:.1f}{unit}, standard deviation {figures['standard_deviation']:.1f}"
    ends = f"from {figures['minimum']:.0f} to {figures['maximum']:.0f}"
    rest = [
        f"{label} {figures[key]:.0f}" for label, key in (("SNR", "snr"), ("sharpness", "sharpness")) if figures[key]
    ]
    return f"{line}: {', '.join([spread, ends, *rest])}"
