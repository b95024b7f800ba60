"""`cauce import`: files, folders, zips, image media and buckets to a running server, with a verdict a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cauce.cli.application import Application
from cauce.cli.client import Client
from cauce.cli.found import FileToSend, files_of, has_name_of_media_directory
from cauce.cli.imports import buckets, watching
from cauce.cli.imports.items import Item
from cauce.cli.imports.known import Known
from cauce.cli.imports.patience import Patience
from cauce.cli.imports.reporting import Bar, Report
from cauce.cli.output import console, counted
from cauce.cli.sending import GROUP_BYTES_MAX, Sending
from cauce.core.errors import CauceError, InvalidRequest, Unavailable

if TYPE_CHECKING:
    from cauce.cli.imports.media import Medium

GO_ON = "What has a verdict is safe: the same command again sends the rest."

_Paths = Annotated[list[str], typer.Argument(help="Files, folders, zips, discs, s3://BUCKET/PREFIX.", metavar="PATH…")]
_Project = Annotated[str, typer.Option(help="Slug of the project that takes them.", metavar="SLUG")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a file on standard output.")]
_Again = Annotated[bool, typer.Option("--again", help="Send also what an import that was stopped has sent already.")]
_Watch = Annotated[bool, typer.Option("--watch", help="Stay, and take what comes into the folders, until Ctrl-C.")]
_Settle = Annotated[
    float | None,
    typer.Option(
        min=0,
        help=f"With --watch: a file is whole when it is unchanged so long ({watching.SETTLE_S:g}).",
        metavar="SECONDS",
    ),
]


class Interrupted(CauceError):
    """Somebody pressed Ctrl-C."""

    code = "interrupted"


def register(application: Application) -> None:
    """Add the command."""
    application.command("import")(import_)


def import_(
    paths: _Paths,
    project: _Project = "default",
    as_json: _Json = False,
    again: _Again = False,
    watch: _Watch = False,
    settle: _Settle = None,
) -> int:
    """Send files, folders, discs and buckets to a server.

    Each file gets a verdict: stored, duplicate, conflict, skipped or refused. Stopped and started again, it goes on
    where it was. With --watch it stays and takes what comes into folders.
    """
    if settle is not None and not watch:
        raise InvalidRequest(
            "--settle is for --watch: an import that does not stay takes files as they are", field="settle"
        )
    report = Report(as_json=as_json)
    if watch:
        folders = _folders(paths)
        settle_s = watching.SETTLE_S if settle is None else settle
        with Client() as client:
            return watching.watch(
                folders, client=client, project=project, report=report, settle_s=settle_s, again=again
            )
    found = _Found(report)
    found.look(paths)
    files = None if found.objects else len(found.files)
    sources = [path if buckets.is_address(path) else str(Path(path).absolute()) for path in paths]
    with Client() as client, Known(client.base_url, project, sources, say=report.say, again=again) as known:
        run = _Import(report, found, client, project, known)
        with report.bar(files=files, size_bytes=sum(file.size_bytes for file in found.files)) as bar:
            try:
                run.go(bar)
            except KeyboardInterrupt:
                raise Interrupted(f"stopped. {GO_ON}") from None
            except Unavailable as error:
                raise Unavailable(f"{error.detail.rstrip('.')}. {GO_ON}" if report.counts else error.detail) from error
        known.end()
    return 1 if report.counts["refused"] else 0


def _folders(paths: Sequence[str]) -> list[Path]:
    """Return folders to be watched.

    Raises:
        InvalidRequest: one of them is none.
    """
    for path in paths:
        if not Path(path).is_dir():
            raise InvalidRequest(f"--watch wants folders, and {path} is none", field="paths")
    return [Path(path) for path in paths]


@dataclass(slots=True)
class _Found:
    """What the paths on the command line name."""

    report: Report
    files: list[FileToSend] = field(default_factory=list)
    objects: list[buckets.Bucket] = field(default_factory=list)
    discs: list["Medium"] = field(default_factory=list)

    def look(self, paths: Sequence[str]) -> None:
        """Find them.

        Raises:
            InvalidRequest: a path leads nowhere.
        """
        for path in paths:
            if buckets.is_address(path):
                self.objects.append(buckets.bucket_at(path))
            elif not Path(path).exists():
                raise InvalidRequest(f"invalid value for 'PATH…': path '{path}' does not exist", field="paths")
        for path in paths:
            if not buckets.is_address(path):
                self._look_at(Path(path))

    def _look_at(self, path: Path) -> None:
        passed = self.report.pass_over
        files = list(files_of([path], passed=passed))
        if any(has_name_of_media_directory(file.path) for file in files):
            from cauce.cli.imports import media  # it reads DICOM, which takes long to load

            if media.stands_for_medium(path):
                files = media.files_listed(path, passed=passed)
                disc = media.compare(path, files)
                disc.is_named = True
                self.discs.append(disc)
                if disc.trouble:  # it gets a verdict of its own
                    files = [file for file in files if file.path != path]
            else:
                self.discs += [media.compare(*found) for found in media.media_among(files)]
        self.files += files

    def items(self) -> Iterator[Item]:
        """Yield all, those of buckets as they are listed."""
        yield from self.files
        for bucket in self.objects:
            yield from bucket.objects(passed=self.report.pass_over)


@dataclass(slots=True)
class _Import:
    """One import, and what is written down of it."""

    report: Report
    found: _Found
    client: Client
    project: str
    known: Known
    _is_anything_sent: bool = False

    def go(self, bar: Bar) -> None:
        """Send what has no verdict yet."""
        sending = Sending(
            client=self.client,
            project=self.project,
            on_verdicts=self.report.take,
            group_bytes_max=buckets.GROUP_BYTES_MAX if self.found.objects else GROUP_BYTES_MAX,
            patience=Patience(say=self.report.say),
            on_bytes=bar.advance_bytes,
            on_unpacked=bar.unpacking,
        )
        sending.on_outcomes = lambda outcomes: self.known.note(outcomes, upload_id=sending.upload_id)
        sending.check()
        self._tell_of_media()
        sending.upload_id = sending.patience.ask(lambda: self.known.go_on(self.client))
        sending.run(self._unsent(bar))
        if not self._is_anything_sent:
            sending.finish()  # the earlier run was stopped before it could say so
        self._summarise(sending)

    def _unsent(self, bar: Bar) -> Iterator[Item]:
        for item in self.found.items():
            if earlier := self.known.earlier(item):
                bar.advance_bytes(item.size_bytes)
                self.report.take_earlier(item.shown, earlier)
            else:
                self._is_anything_sent = True
                yield item

    def _tell_of_media(self) -> None:
        """Name what a medium lists and has not; say what it has and does not list."""
        if not self.found.discs:
            return
        from cauce.cli.imports import media

        for medium in self.found.discs:
            damaged = [str(medium.directory)] if medium.trouble and medium.is_named else []
            if medium.trouble:
                follows = "" if medium.is_named else ": what lies there counts"
                self.report.say(f"{medium.directory} cannot be read ({medium.trouble.rstrip('.')}){follows}")
            elif medium.unlisted:
                others = counted(medium.unlisted, "file is", "files are")
                self.report.say(f"{medium.directory}: {others} there and not listed in it: taken as well")
            named = ((media.DAMAGED, damaged), (media.MISSING, medium.missing), (media.OUTSIDE, medium.outside))
            for code, paths in named:
                lines = [
                    {"path": path, "status": "refused", "code": code, "detail": media.DETAILS[code]} for path in paths
                ]
                if lines:
                    self.report.take(lines)

    def _summarise(self, sending: Sending) -> None:
        if self.report.as_json or not self.report.summarise():
            return
        out = console()
        if sending.upload_id:
            studies = counted(len(sending.studies), "study", "studies")
            out.print(f"{studies}; receipt: {self.client.base_url}/api/uploads/{sending.upload_id}/", style="dim")
            out.print("what becomes of them: cauce studies list", style="dim")
