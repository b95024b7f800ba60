"""Looking and managing: `cauce status`, `studies`, `jobs`, `results`, `projects`, over the HTTP interface."""

from typing import Annotated, Any

import typer

from cauce.cli.client import Client
from cauce.cli.output import console, print_facts, print_json, print_table, size_text

_Json = Annotated[bool, typer.Option("--json", help="One JSON object a row on standard output.")]
_Most = Annotated[int, typer.Option("--limit", min=1, help="Most rows.")]
_Id = Annotated[str, typer.Argument(metavar="ID")]


def register(application: typer.Typer) -> None:
    """Add the commands."""
    application.command()(status)
    for name, group in (
        ("studies", _studies()),
        ("jobs", _jobs()),
        ("results", _results()),
        ("projects", _projects()),
        ("modalities", _modalities()),
    ):
        application.add_typer(group, name=name)


def status(as_json: _Json = False) -> None:
    """Queue, workers, room: how the server is."""
    with Client() as client:
        found = client.get("/api/status/")
    if as_json:
        print_json(found)
        return
    print_facts(_flat(found))


def _flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, value in document.items():
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, dict):
            facts.update(_flat(value, prefix=f"{label} "))
        elif isinstance(value, list):
            facts[label] = str(len(value))
        else:
            facts[label] = size_text(value) if name.endswith("bytes") and isinstance(value, int) else value
    return facts


def _group(help_text: str) -> typer.Typer:
    return typer.Typer(help=help_text, no_args_is_help=True, rich_markup_mode=None)


def _list(path: str, columns: dict[str, str], *, most: int, as_json: bool, **query: Any) -> None:
    """Print the rows of a list: `columns` maps titles to fields."""
    with Client() as client:
        rows = client.pages(path, most=most, limit=min(most, 1000), **query)
        if as_json:
            for row in rows:
                print_json(row)
        else:
            print_table(list(columns), ([row.get(field) for field in columns.values()] for row in rows))


def _show(path: str, *, as_json: bool) -> None:
    with Client() as client:
        found = client.get(path)
    if as_json:
        print_json(found)
        return
    print_facts({name: value for name, value in found.items() if not isinstance(value, dict | list)})
    for name, value in found.items():
        if isinstance(value, dict) and value:
            console().print(f"\n{name}", style="bold")
            print_facts(value)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            console().print(f"\n{name}", style="bold")
            columns = [key for key in value[0] if not isinstance(value[0][key], dict | list)]
            print_table(columns, ([row.get(key) for key in columns] for row in value))


def _studies() -> typer.Typer:
    group = _group("Studies and where they are in the flow.")
    columns = {
        "id": "id",
        "status": "status",
        "patient": "patient_name",
        "date": "study_date",
        "description": "study_description",
        "modalities": "modalities",
        "instances": "instances",
    }

    @group.command("list")
    def list_(
        status: Annotated[str | None, typer.Option(help="Only of this status.")] = None,
        project: Annotated[str | None, typer.Option(help="Only of this project.")] = None,
        most: _Most = 50,
        as_json: _Json = False,
    ) -> None:
        """List studies, newest first."""
        _list("/api/studies/", columns, most=most, as_json=as_json, status=status, project=project)

    @group.command()
    def show(study: _Id, as_json: _Json = False) -> None:
        """Show one study."""
        _show(f"/api/studies/{study}/", as_json=as_json)

    return group


def _jobs() -> typer.Typer:
    group = _group("Jobs: what waits, runs, failed and why.")
    columns = {
        "id": "id",
        "step": "step",
        "status": "status",
        "attempts": "attempts",
        "study": "study",
        "cause": "cause",
    }

    @group.command("list")
    def list_(
        status: Annotated[str | None, typer.Option(help="Only of this status, such as dead.")] = None,
        most: _Most = 50,
        as_json: _Json = False,
    ) -> None:
        """List jobs, newest first."""
        _list("/api/jobs/", columns, most=most, as_json=as_json, status=status)

    @group.command()
    def show(job: _Id, as_json: _Json = False) -> None:
        """Show one job with its attempts."""
        _show(f"/api/jobs/{job}/", as_json=as_json)

    @group.command()
    def replay(job: _Id) -> None:
        """Queue a dead or cancelled job again."""
        with Client() as client:
            client.post(f"/api/jobs/{job}/replay/")
        console().print("queued")

    @group.command()
    def cancel(job: _Id) -> None:
        """Cancel a job that has not started."""
        with Client() as client:
            client.post(f"/api/jobs/{job}/cancel/")
        console().print("cancelled")

    return group


def _results() -> typer.Typer:
    group = _group("Results of processing: a summary a series.")
    columns = {
        "id": "id",
        "device": "device_name",
        "mean": "mean_before_normalization",
        "normalised": "mean_after_normalization",
        "size": "data_size",
        "created": "created_at",
    }

    @group.command("list")
    def list_(most: _Most = 50, as_json: _Json = False) -> None:
        """List results, newest first."""
        _list("/api/results/", columns, most=most, as_json=as_json)

    @group.command()
    def show(result: _Id, as_json: _Json = False) -> None:
        """Show one result."""
        _show(f"/api/results/{result}/", as_json=as_json)

    return group


def _projects() -> typer.Typer:
    group = _group("Projects: walls between studies.")

    @group.command("list")
    def list_(most: _Most = 50, as_json: _Json = False) -> None:
        """List projects."""
        _list("/api/projects/", {"slug": "slug", "name": "name", "id": "id"}, most=most, as_json=as_json)

    @group.command()
    def create(
        slug: Annotated[str, typer.Argument(help="Short name: letters, digits, hyphens.")],
        name: Annotated[str, typer.Option(help="Name for people.")] = "",
    ) -> None:
        """Make a project."""
        with Client() as client:
            client.post("/api/projects/", {"slug": slug, "name": name or slug})
        console().print(f"project {slug} made")

    return group


def _modalities() -> typer.Typer:
    group = _group("Modalities that call us, and which of them may store.")
    columns = {
        "id": "id",
        "AE title": "ae_title",
        "address": "address",
        "allowed": "allowed",
        "attempts": "attempts",
        "last seen": "last_seen_at",
    }

    @group.command("list")
    def list_(most: _Most = 50, as_json: _Json = False) -> None:
        """List who called; those not allowed may only echo."""
        _list("/api/calling-aes/", columns, most=most, as_json=as_json)

    @group.command()
    def allow(modality: _Id) -> None:
        """Let a modality store."""
        with Client() as client:
            client.post(f"/api/calling-aes/{modality}/allow/")
        console().print("allowed")

    @group.command()
    def forbid(modality: _Id) -> None:
        """Take that back."""
        with Client() as client:
            client.post(f"/api/calling-aes/{modality}/forbid/")
        console().print("forbidden")

    return group
