"""`cauce doctor --repair` and `--scrub`: objects and catalogue brought back into step, and every original read."""

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cauce import bootstrap, flow
from cauce.cli import start
from cauce.cli.output import console, size_text
from cauce.core.actors import Actor
from cauce.core.identifiers import ObjectId
from cauce.settings.environment import Settings
from cauce.stages import recover

_SHOWN_MAX = 20
NOT_IN_OBJECTS = (
    "The database was missing. What it alone held is gone: accounts and tokens (the next start makes an "
    "administrator), pseudonyms (patients get new ones), receipts, results, the audit trail, and which content of a "
    "conflict was chosen (each is open again). De-identification and measurement run again for every study."
)


def repair(settings: Settings) -> bool:
    """Rebuild what the catalogue lacks, remove what nothing refers to; False when an object could not be used.

    The server must be stopped: the data folder is held meanwhile.

    Raises:
        ConfigurationError: a server runs on this folder.
    """
    bootstrap.setup()
    is_lost = start.has_lost_catalogue(settings)
    with start.only_one(settings):
        start.require_free_port("CAUCE_HTTP", settings.http_address)
        start.require_free_port("CAUCE_DIMSE", settings.dimse_address)
        start.migrate()
        services = bootstrap.services()
        rebuilt = recover.Rebuilt()
        with _progress() as progress:
            task = progress.add_task("rebuilding", total=None)
            for rebuilt in flow.rebuild(services, actor=Actor.platform()):
                progress.update(task, description=f"rebuilding: {rebuilt.adopted} adopted")
        swept = flow.sweep(services, actor=Actor.platform(), older_than_s=0)
    console().print(
        f"catalogue: {rebuilt.adopted} originals adopted, {len(swept.kept)} not usable\n"
        f"store: {swept.objects} objects, {swept.removed} left over and removed ({size_text(swept.removed_bytes)})"
    )
    _list(swept.kept)
    if is_lost:
        console().print(NOT_IN_OBJECTS)
    return not swept.kept


def scrub() -> bool:
    """Read every original and compare it with its digest; False when one is damaged."""
    bootstrap.setup()
    start.migrate()
    done = recover.Scrubbed()
    with _progress() as progress:
        task = progress.add_task("reading", total=None)
        for done in recover.scrub(bootstrap.services()):
            progress.update(task, description=f"reading: {done.contents} originals, {size_text(done.bytes_read)}")
    console().print(f"{done.contents} originals read ({size_text(done.bytes_read)}), {len(done.damaged)} damaged")
    _list(done.damaged)
    return not done.damaged


def _list(reasons: dict[ObjectId, str]) -> None:
    for object_id, reason in list(reasons.items())[:_SHOWN_MAX]:
        console().print(f"  {object_id}: {reason}", style="yellow")
    if len(reasons) > _SHOWN_MAX:
        console().print(f"  and {len(reasons) - _SHOWN_MAX} more", style="yellow")


def _progress() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    return Progress(*columns, console=console(), transient=True)
