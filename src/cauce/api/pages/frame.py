"""What every page has around its content: who is signed in, how the platform is doing."""

from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise

from cauce import __version__
from cauce.api.operations import figures, readiness
from cauce.api.pages import shown, words
from cauce.core.actors import Actor
from cauce.core.statuses import JobStatus

_WAITING = (JobStatus.QUEUED.value, JobStatus.RETRYING.value, JobStatus.RUNNING.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """The strip that says how the platform is doing. `failed` names the parts that do not answer."""

    failed: list[str | Promise]
    queue: int
    oldest: str
    workers: int
    free: str
    version: str

    @property
    def state(self) -> str:
        """How it looks: `ok`, `warn` when nobody works on what waits, `bad` when a part does not answer."""
        return "bad" if self.failed else "warn" if self.queue and not self.workers else "ok"


def frame(actor: Actor, *, section: str) -> dict[str, Any]:
    """Return what the base template shows."""
    now = figures.figures.get()
    jobs = now.jobs_by_status
    failed = [words.DEPENDENCY.get(check.name, check.name) for check in readiness.state.get() if not check.is_ok]
    return {
        "actor": actor,
        "section": section,
        "initials": actor.name[:2].upper(),
        "system": System(
            failed=failed,
            queue=sum(jobs[status] for status in _WAITING),
            oldest=shown.duration(now.oldest_waiting_s) if now.oldest_waiting_s >= 1 else "",
            workers=len(now.workers),
            free=filesizeformat(now.free_bytes) if now.free_bytes is not None else "",
            version=__version__,
        ),
    }
