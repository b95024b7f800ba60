"""`cauce validate`, `deidentify`, `process`: the stages on files, with no server."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cauce.cli.application import Application
from cauce.cli.found import FileToSend, files_of
from cauce.cli.output import console, counted, plain, print_json
from cauce.core.errors import InvalidRequest

if TYPE_CHECKING:
    from cauce.stages.deidentify import Profile

REPORT = "report.json"
"""What `deidentify` writes beside its files, and the others pass over."""

_Paths = Annotated[list[Path], typer.Argument(exists=True, help="Files and folders.", metavar="PATH…")]
_In = Annotated[Path, typer.Argument(exists=True, help="A file or folder.", metavar="IN")]
_Out = Annotated[Path, typer.Argument(help="A folder; made when it is missing.", metavar="OUT")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a file on standard output.")]
_STANDARD = "standard"
_FAILURES = frozenset({"refused", "undecodable"})


def register(application: Application) -> None:
    """Add the commands."""
    application.command()(validate)
    application.command()(deidentify)
    application.command()(process)


def validate(
    paths: _Paths,
    names_all: Annotated[bool, typer.Option("--all", help="Name every file, not a few of each finding.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings too.")] = False,
    as_json: _Json = False,
) -> int:
    """Judge files as intake would, and say what is irregular.

    Nothing is changed.

    `refused`, `warning` (taken, but irregular), `skipped` or `ok`: alike findings together, the worst first. With
    --json one line a file, its warnings worst first. Exit 1 when a file would be refused. Zips are not opened.
    """
    from cauce.cli.file_stages import judge
    from cauce.cli.judgements import Judgements
    from cauce.stages.validate import EXPLANATIONS, rank

    judged = Judgements(names_all=names_all, explanations=EXPLANATIONS, rank=rank)
    for file in _without_reports(paths):
        entry = judge(file)
        judged.add(entry)
        if as_json:
            print_json(entry)
    if not as_json:
        judged.print()
    return 1 if judged.counts["refused"] or (strict and judged.counts["warning"]) else 0


def deidentify(
    source: _In,
    target: Annotated[
        Path | None, typer.Argument(help="A folder; made when it is missing. With --dry-run none.", metavar="[OUT]")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="One of `cauce profiles list`, or a file in YAML.", metavar="NAME|FILE")
    ] = _STANDARD,
    keep_names: Annotated[bool, typer.Option("--keep-names", help="Keep relative paths and file names.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show what would change.")] = False,
    as_json: _Json = False,
) -> int:
    """Write copies of files from which nobody can be named.

    Text in the pixels of ultrasound images, screens and radiographs is blanked. What cannot be proven clean is held
    back. Files are named by their new UIDs, in folders by pseudonym. The pseudonyms are random and kept nowhere: no run
    can be undone or continued.

    With --dry-run the first file of each series is shown element by element, before and after, with --json every file.
    """
    from cauce.cli.file_profiles import profile_of

    followed = profile_of(profile)
    if dry_run:
        from cauce.cli.file_profiles import show_trial

        return show_trial(files_of([source]), followed, as_json=as_json)
    if target is None:
        raise InvalidRequest("OUT is missing: a folder to write into, or --dry-run", field="target")
    return _deidentify(source, target, followed, keep_names=keep_names, as_json=as_json)


def _deidentify(source: Path, target: Path, followed: "Profile", *, keep_names: bool, as_json: bool) -> int:
    from cauce.cli.file_profiles import facts_of
    from cauce.cli.file_stages import deidentified_files

    if keep_names and source.resolve().parent == target.resolve():
        raise InvalidRequest(
            "with --keep-names OUT wants another folder than the one that IN lies in: it would be overwritten"
        )
    _make_folder_outside(source, target)
    if (target / REPORT).exists():
        raise InvalidRequest("OUT holds the report of an earlier run: choose another folder", field="target")
    report: list[dict[str, Any]] = []
    passed: list[tuple[str, dict[str, Any]]] = []

    def note_passed(path: str, code: str, detail: str) -> None:
        passed.append((path, {"status": "skipped", "code": code, "detail": detail}))

    files = files_of([source], passed=note_passed)
    for file, entry in deidentified_files(files, target, profile=followed, keep_names=keep_names):
        report.append(entry)
        _show(file.name, file.shown, entry, as_json=as_json)
    for path, entry in passed:
        report.append(entry)
        _show(path, path, entry, as_json=as_json)
    _write(target / REPORT, {"profile": facts_of(followed), "files": report})
    counts = Counter(entry["status"] for entry in report)
    if not as_json:
        _say(counts, f"; report: {target / REPORT}")
    return 1 if counts["held"] else 0


def _show(name: str, path: str, entry: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json({"source": name, **entry})
    elif entry["status"] == "held":
        line = Text("held", style="yellow").append(f"  {plain(path)}", style="default")
        console().print(line.append(f"  {entry['cause']}: {entry['detail']}", style="dim"))


def process(
    source: _In,
    target: _Out,
    pipeline: Annotated[str, typer.Option(help="Pipeline to run; the basic one unless named.", metavar="NAME")] = "",
    as_json: _Json = False,
) -> int:
    """Measure files and render previews.

    Writes results.json and a PNG picture a file. Meant for de-identified files, but takes any.
    """
    from cauce.cli.file_stages import PIPELINE, process_files

    if pipeline not in {"", PIPELINE}:
        raise InvalidRequest(f"there is no pipeline {pipeline}; there is: {PIPELINE}", field="pipeline")
    results: list[dict[str, Any]] = []
    _make_folder_outside(source, target)
    for entry in process_files(_without_reports([source]), target):
        results.append(entry)
        if as_json:
            print_json(entry)
        elif entry["outcome"] in _FAILURES:
            line = Text(entry["outcome"], style="yellow").append(f"  {plain(entry['path'])}", style="default")
            console().print(line.append(f"  {entry['detail']}", style="dim"))
    _write(target / "results.json", {"pipeline": PIPELINE, "files": results})
    counts = Counter(entry["outcome"] for entry in results)
    if not as_json:
        _say(counts, f"; results: {target / 'results.json'}")
    return 1 if _FAILURES & counts.keys() else 0


def _without_reports(paths: Iterable[Path]) -> Iterator[FileToSend]:
    """Yield the files that `paths` name, but for the report that `deidentify` left in a folder."""
    reports = {path / REPORT for path in paths}
    return (file for file in files_of(paths) if file.path not in reports)


def _make_folder_outside(source: Path, target: Path) -> None:
    """Make the folder to write into.

    Raises:
        InvalidRequest: what is written would be read, in this run or in the next.
    """
    if target.exists() and not target.is_dir():
        raise InvalidRequest(f"OUT wants a folder, and {target} is a file", field="target")
    if source.is_dir() and target.resolve().is_relative_to(source.resolve()):
        raise InvalidRequest("OUT lies inside IN: choose a folder beside it", field="target")
    target.mkdir(parents=True, exist_ok=True)


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def _say(counts: "Counter[str]", rest: str = "") -> None:
    said = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    total = counts.total()
    console().print(f"{counted(total, 'file')}: {said}{rest}" if total else f"no files{rest}")
