"""`cauce validate`, `deidentify`, `process`: the stages on files, with no server."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from cauce.cli.output import console, print_json, status_text
from cauce.cli.sending import files_of
from cauce.core.errors import InvalidRequest

_Paths = Annotated[list[Path], typer.Argument(exists=True, help="Files and folders.", metavar="PATH…")]
_In = Annotated[Path, typer.Argument(exists=True, help="A file or folder.", metavar="IN")]
_Out = Annotated[Path, typer.Argument(help="A folder; made when it is missing.", metavar="OUT")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a file on standard output.")]


def register(application: typer.Typer) -> None:
    """Add the commands."""
    application.command()(validate)
    application.command()(deidentify)
    application.command()(process)


def validate(paths: _Paths, as_json: _Json = False) -> int:
    """Say of each file whether it would be taken, and what is irregular about it."""
    from cauce.cli.file_stages import judge

    counts: Counter[str] = Counter()
    for file in files_of(paths):
        entry = judge(file)
        counts[entry["status"]] += 1
        if as_json:
            print_json(entry)
        else:
            _print_judgement(entry)
    if not as_json:
        _say(counts)
    return 1 if counts["refused"] else 0


def _print_judgement(entry: dict[str, Any]) -> None:
    line = status_text(f"{entry['status']:<8}")
    line.append(f" {entry['path']}", style="default")
    if entry["status"] == "refused":
        line.append(f"  {entry['code']}: {entry['detail']}", style="dim")
    for warned in entry.get("warnings", ()):
        line.append(f"\n           {warned['code']}: {warned['detail']}", style="dim")
    console().print(line)


def deidentify(
    source: _In,
    target: _Out,
    profile: Annotated[str, typer.Option(help="Profile to follow; the basic one unless named.")] = "",
    keep_names: Annotated[bool, typer.Option("--keep-names", help="Keep relative paths and file names.")] = False,
    as_json: _Json = False,
) -> int:
    """Write what remains of each file once nobody can be named by it; what cannot be proven clean is held back."""
    from cauce.cli.file_stages import PROFILE_NAME, Patients, deidentify_file

    if profile not in {"", PROFILE_NAME}:
        raise InvalidRequest(f"there is no profile {profile}; there is: {PROFILE_NAME}", field="profile")
    target.mkdir(parents=True, exist_ok=True)
    patients = Patients()
    report: list[dict[str, Any]] = []
    for file in files_of([source]):
        entry = deidentify_file(file, target, patients, keep_names=keep_names)
        report.append(entry)
        if as_json:
            print_json({"source": file.name, **entry})
        elif entry["status"] != "clean":
            line = Text("held back", style="yellow").append(f"  {file.name}", style="default")
            console().print(line.append(f"  {entry['cause']}: {entry['detail']}", style="dim"))
    _write(target / "report.json", {"profile": PROFILE_NAME, "files": report})
    counts = Counter(entry["status"] for entry in report)
    if not as_json:
        _say(counts, f"; report: {target / 'report.json'}")
    return 1 if counts["held"] else 0


def process(
    source: _In,
    target: _Out,
    pipeline: Annotated[str, typer.Option(help="Pipeline to run; the basic one unless named.")] = "",
    as_json: _Json = False,
) -> int:
    """Measure each file and render a preview: results.json and PNG pictures."""
    from cauce.cli.file_stages import PIPELINE, process_files

    if pipeline not in {"", PIPELINE}:
        raise InvalidRequest(f"there is no pipeline {pipeline}; there is: {PIPELINE}", field="pipeline")
    target.mkdir(parents=True, exist_ok=True)
    results: list[dict[str, Any]] = []
    for entry in process_files(source, target):
        results.append(entry)
        if as_json:
            print_json(entry)
        elif entry["outcome"] not in {"measured", "no_pixels"}:
            console().print(Text(f"{entry['outcome']}  {entry['path']}  {entry['detail']}", style="yellow"))
    _write(target / "results.json", {"pipeline": PIPELINE, "files": results})
    counts = Counter(entry["outcome"] for entry in results)
    if not as_json:
        _say(counts, f"; results: {target / 'results.json'}")
    return 1 if counts["refused"] or counts["undecodable"] else 0


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def _say(counts: "Counter[str]", rest: str = "") -> None:
    said = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    console().print(f"{said or 'no files'}{rest}")
