"""Looking and managing: `cauce status`, `studies`, `jobs`, `results`, `projects`, over the HTTP interface."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.text import Text

from cauce.cli.application import Application
from cauce.cli.client import Client
from cauce.cli.output import console, counted, print_facts, print_json, print_table, size_text, status_text, text_of
from cauce.core.errors import NotFound
from cauce.core.statuses import JobStatus, StudyStatus

AsJson = Annotated[bool, typer.Option("--json", help="JSON, one object a line.")]
Most = Annotated[int, typer.Option("--limit", min=1, help="Most rows.", metavar="N")]
_Id = Annotated[str, typer.Argument(metavar="ID", help="From `list`.")]
_PAGE_MAX = 1000
_CELLS_MAX = 32
"""Widest value between the first and the last of a list: an id is as wide."""

_STUDY_COLUMNS = {
    "id": "id",
    "status": "status",
    "modality": "modalities",
    "images": "instances",
    "date": "study_date",
    "patient": "patient_name",
    "description": "study_description",
}
_JOB_COLUMNS = {
    "id": "id",
    "status": "status",
    "step": "step",
    "attempts": "attempts",
    "study": "study",
    "cause": "cause",
}
_RESULT_COLUMNS = {
    "id": "id",
    "mean": "mean_before_normalization",
    "normalised": "mean_after_normalization",
    "size": "data_size",
    "created": "created_at",
    "device": "device_name",
}
_PARTS: Mapping[str, tuple[str, ...]] = {
    "series": ("id", "modality", "instances", "series_description", "figures"),
    "revisions": ("number", "status", "created_at", "finished_at"),
    "causes": ("cause", "count", "detail"),
    "jobs": ("step", "status", "count"),
    "history": ("number", "outcome", "code", "started_at", "ended_at", "worker"),
    "versions": ("id", "state", "size_bytes", "received_at"),
}
"""Columns of the lists that are shown as part of something else."""


def register(application: Application) -> None:
    """Add the commands."""
    application.command()(status)
    application.add_typer(_studies(), name="studies")
    application.add_typer(_jobs(), name="jobs")
    application.add_typer(_results(), name="results")
    application.add_typer(_projects(), name="projects")


def status(as_json: AsJson = False) -> None:
    """Say how the server is: studies, queue, workers, room."""
    with Client() as client:
        found = client.get("/api/status/")
    if as_json:
        print_json(found)
        return
    workers = found["workers"]
    waiting = found["oldest_waiting_s"]
    room = found["free_bytes"]
    print_facts(
        {
            "studies": counts_text(found["studies"]),
            "jobs": counts_text(found["jobs"]),
            "longest wait": f"{waiting:.0f} s" if waiting else "none",
            "workers": ", ".join(worker["name"] for worker in workers) if workers else Text("none", style="red"),
            "room": "unknown" if room is None else f"{size_text(room)} free",
            "version": f"{found['versions']['cauce']}, Python {found['versions']['python']}",
        }
    )
    for hint in _hints(found):
        console().print(hint, style="dim")


def counts_text(counts: Mapping[str, int]) -> Text:
    """Return how many there are of each status."""
    shown = [Text(f"{count} ").append_text(status_text(name)) for name, count in counts.items() if count]
    return Text(", ").join(shown) if shown else Text("none")


def _hints(found: Mapping[str, Any]) -> list[str]:
    """Return what to do where something waits for a person."""
    dead, attention = found["jobs"].get(JobStatus.DEAD, 0), found["studies"].get(StudyStatus.ATTENTION, 0)
    hints = []
    if not found["workers"]:
        hints.append("no worker runs, so nothing is worked on: cauce up, or cauce worker")
    if dead:
        hints.append(f"{counted(dead, 'job')} failed for good: cauce jobs list --status dead")
    if attention:
        studies = counted(attention, "study needs", "studies need")
        hints.append(f"{studies} a person: cauce studies list --status attention")
    return hints


def print_list(path: str, columns: dict[str, str], *, most: int, as_json: bool, empty: str, **query: Any) -> None:
    """Print the rows of a paged list: `columns` maps titles to fields; `empty` is said where there are none."""
    with Client() as client:
        if as_json:
            for row in client.pages(path, most=most, limit=min(most, _PAGE_MAX), **query):
                print_json(row)
            return
        rows = list(client.pages(path, most=most + 1, limit=min(most + 1, _PAGE_MAX), **query))
    fields = columns.values()
    shown = ([_shown(field, row.get(field)) for field in fields] for row in rows[:most])
    print_table(list(columns), shown, empty=empty, cells_max=_CELLS_MAX)
    if len(rows) > most:
        console().print(f"only the first {most}; more with --limit", style="dim")


def _shown(field: str, value: Any) -> Any:
    if field == "counts":
        return counts_text(value)
    return size_text(value) if field == "data_size" and value is not None else text_of(value, name=field)


def print_one(found: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one document: its values, then its parts."""
    if as_json:
        print_json(found)
        return
    print_facts({name: value for name, value in found.items() if not _is_part(value)})
    for name, value in found.items():
        if not value or not _is_part(value):
            continue
        console().print(f"\n{name.replace('_', ' ')}", style="bold")
        if isinstance(value, dict):
            print_facts(value)
        else:
            columns = _PARTS.get(name) or [key for key in value[0] if not _is_part(value[0][key])]
            rows = ([_cell(key, row.get(key)) for key in columns] for row in value)
            print_table([column.replace("_", " ").removesuffix(" at") for column in columns], rows)
            _print_logs(value)


def _is_part(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _cell(key: str, value: Any) -> Any:
    """Return what stands in a table for a value; figures are told in a few words."""
    if isinstance(value, dict):
        mean = value.get("mean")
        return "not measured" if mean is None else f"mean {mean:.4g} {value.get('unit') or ''}".strip()
    return _shown(key, value)


def _print_logs(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row.get("log"):
            console().print(f"\nlog of attempt {row['number']}", style="bold")
            console().print(Text(row["log"].rstrip()))


def _show(path: str, name: str, *, noun: str, as_json: bool) -> None:
    with Client() as client:
        try:
            found = client.get(f"{path}{quote(name, safe='')}/")
        except NotFound as error:
            raise NotFound(f"there is no {noun} {name}") from error
    print_one(found, as_json=as_json)


def _studies() -> Application:
    group = Application("Studies, and where they are in the flow.")

    @group.command("list")
    def list_(
        status: Annotated[
            str | None, typer.Option(help=f"Only of this status: {', '.join(StudyStatus)}.", metavar="STATUS")
        ] = None,
        project: Annotated[str | None, typer.Option(help="Only of this project.", metavar="SLUG")] = None,
        most: Most = 50,
        as_json: AsJson = False,
    ) -> None:
        """List studies, latest arrival first."""
        query = {"status": status, "project": project}
        print_list("/api/studies/", _STUDY_COLUMNS, most=most, as_json=as_json, empty="no studies", **query)

    @group.command()
    def show(study: _Id, as_json: AsJson = False) -> None:
        """Show one study: its series, revisions, causes."""
        _show("/api/studies/", study, noun="study", as_json=as_json)

    return group


def _jobs() -> Application:
    group = Application("Jobs: what waits, what runs, what failed and why.")

    @group.command("list")
    def list_(
        status: Annotated[
            str | None, typer.Option(help=f"Only of this status: {', '.join(JobStatus)}.", metavar="STATUS")
        ] = None,
        study: Annotated[str | None, typer.Option(help="Only of this study.", metavar="ID")] = None,
        most: Most = 50,
        as_json: AsJson = False,
    ) -> None:
        """List jobs, newest first."""
        query = {"status": status, "study": study}
        print_list("/api/jobs/", _JOB_COLUMNS, most=most, as_json=as_json, empty="no jobs", **query)

    @group.command()
    def show(job: _Id, as_json: AsJson = False) -> None:
        """Show one job with its attempts and their logs."""
        _show("/api/jobs/", job, noun="job", as_json=as_json)

    group.command()(_change("replay", "queued", "Queue a dead or cancelled job again."))
    group.command()(_change("cancel", "cancelled", "Cancel a job that has not started."))
    return group


def _change(name: str, done: str, description: str) -> Callable[[str, bool], None]:
    def change(job: _Id, as_json: AsJson = False) -> None:
        with Client() as client:
            client.post(f"/api/jobs/{quote(job, safe='')}/{name}/")
        if as_json:
            print_json({"id": job, "status": done})
        else:
            console().print(f"job {job} is {done}")

    change.__name__, change.__doc__ = name, description
    return change


def _results() -> Application:
    group = Application("Results of processing: a summary a series.")

    @group.command("list")
    def list_(
        study: Annotated[str | None, typer.Option(help="Only of this study.", metavar="ID")] = None,
        most: Most = 50,
        as_json: AsJson = False,
    ) -> None:
        """List results, newest first."""
        print_list("/api/results/", _RESULT_COLUMNS, most=most, as_json=as_json, empty="no results", study=study)

    @group.command()
    def show(result: _Id, as_json: AsJson = False) -> None:
        """Show one result with its figures."""
        _show("/api/results/", result, noun="result", as_json=as_json)

    return group


def _projects() -> Application:
    group = Application("Projects: walls between studies.")

    @group.command("list")
    def list_(most: Most = 50, as_json: AsJson = False) -> None:
        """List projects."""
        columns = {"slug": "slug", "name": "name", "created": "created_at"}
        print_list("/api/projects/", columns, most=most, as_json=as_json, empty="no projects")

    @group.command()
    def show(
        slug: Annotated[str, typer.Argument(metavar="SLUG", help="From `list`.")], as_json: AsJson = False
    ) -> None:
        """Show one project."""
        _show("/api/projects/", slug, noun="project", as_json=as_json)

    @group.command()
    def create(
        slug: Annotated[str, typer.Argument(help="Short name: letters, digits, hyphens.", metavar="SLUG")],
        name: Annotated[str, typer.Option(help="Name for people.", metavar="TEXT")] = "",
        as_json: AsJson = False,
    ) -> None:
        """Make a project."""
        with Client() as client:
            made = client.post("/api/projects/", {"slug": slug, "name": name or slug})
        if as_json:
            print_json(made)
        else:
            console().print(f"project {slug} made")

    return group
