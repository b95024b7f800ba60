"""What is known of an import from an earlier run, and what this one adds: the journal, where one can be kept."""

import sqlite3
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from cauce.cli.client import Client
from cauce.cli.imports import journal
from cauce.cli.imports.items import Item
from cauce.cli.imports.journal import Earlier, InUse, Journal
from cauce.cli.sending import Outcome
from cauce.core.errors import NotFound

BUSY = "another import of the same is under way: this one keeps no account, and stopped it starts anew"


class Known:
    """The journal of one import. Where none can be kept that is said once, and nothing is known."""

    def __init__(
        self,
        server: str,
        project: str,
        sources: Sequence[str],
        *,
        say: Callable[[str], None],
        again: bool = False,
        is_watch: bool = False,
    ) -> None:
        """`sources` are absolute; `again` forgets what an earlier run has sent.

        Raises:
            InUse: another process watches the same.
        """
        self.is_all_lasting = True
        """Whether every verdict so far would be the same again."""
        self._say = say
        self._journal: Journal | None = None
        try:
            self._journal = Journal(journal.place_of(server, project, sources, is_watch=is_watch))
            journal.remove_old()
        except InUse:
            if is_watch:
                raise
            say(BUSY)
        except (OSError, RuntimeError) as error:  # the second: this account has no home
            self._go_without(getattr(error, "strerror", None) or str(error))
        if self._journal and again:
            self._journal.clear()

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the journal; it stays, unless `end` took it away."""
        if self._journal:
            self._journal.close()

    def go_on(self, client: Client) -> str | None:
        """Return the delivery to be continued, once the server has said that it knows the earlier verdicts.

        One that does not know a delivery is another server than the one that took it, or has lost it: what it was said
        to hold is sent again.
        """
        if self._journal is None:
            return None
        for upload_id in self._journal.uploads():
            try:
                client.get(f"/api/uploads/{upload_id}/", limit=1)
            except NotFound:
                self._journal.forget(upload_id)
                self._say("the server does not know what an earlier run has sent: that is sent again")
            else:
                break  # and then it knows what came before that
        if count := self._journal.count():
            self._say(f"going on: {count} files have their verdict from an earlier run (--again sends all)")
        return self._journal.upload_to_go_on_with()

    def earlier(self, item: Item) -> Earlier | None:
        """Return the verdict that an item has from an earlier run."""
        return self._journal.earlier(item) if self._journal else None

    def note(self, outcomes: Sequence[Outcome], *, upload_id: str | None) -> None:
        """Write down which items have a verdict that lasts."""
        settled = [one for one in outcomes if not any(entry["status"] == "pending" for entry in one.entries)]
        lasting = [(one.item, one.mark, one.entries) for one in settled if one.mark and journal.is_lasting(one.entries)]
        self.is_all_lasting = self.is_all_lasting and len(lasting) == len(settled)
        if self._journal is None or upload_id is None:
            return
        try:
            # The lines of an archive cannot be told from those that it had before in the same delivery.
            self._journal.note_upload(upload_id, goes_on=len(settled) == len(outcomes))
            self._journal.record(lasting, upload_id=upload_id)
        except sqlite3.Error as error:
            self._journal.close()
            self._journal = None
            self._go_without(type(error).__name__)

    def forget_gone(self, items: Sequence[Item], *, before_s: float) -> None:
        """Forget old verdicts on what is no longer there."""
        if self._journal:
            self._journal.forget_gone(items, before_s=before_s)

    def end(self) -> None:
        """All is sent: take the journal away, unless something is left for another run."""
        if self._journal and self.is_all_lasting:
            self._journal.remove()
            self._journal = None

    def _go_without(self, reason: str) -> None:
        self._say(f"{journal.state_folder()} cannot be written ({reason}): stopped, this import starts anew")
