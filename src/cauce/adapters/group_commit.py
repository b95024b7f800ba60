"""Group commit: who waits at the same time shares one transaction, and with it one sync of the disk."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

from cauce.core.errors import Unavailable, Unexpected

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Waiting(Generic[Item, Answer]):
    """An item and the thread that waits for its answer; one that was put off has none."""

    __slots__ = ("answer", "error", "is_done", "is_put_off", "item", "leads", "turn")

    def __init__(self, item: Item, *, is_put_off: bool = False) -> None:
        self.item = item
        self.is_put_off = is_put_off
        self.answer: Answer | None = None
        self.error: BaseException | None = None
        self.is_done = False
        self.leads = False
        self.turn = Lock()
        """Held until the item is answered, or its thread is the one to commit for all."""
        self.turn.acquire()

    def fail(self, error: BaseException) -> None:
        self.error, self.is_done = error, True

    @property
    def waits_on(self) -> bool:
        """Whether nobody waits for this one, so that it may wait for the database to answer again."""
        return self.is_put_off and isinstance(self.error, Unavailable)


class GroupCommit(Generic[Item, Answer]):
    """The first thread that comes commits for all that came with it; there is no thread of its own.

    Who comes meanwhile sleeps until the answer is there, or until it is its turn to commit for all that came after:
    each is woken once, by itself, since threads that all wake to look hinder one another.

    `run` is given up to `most` items and returns as many answers, in one transaction. When it raises, each item is
    tried alone, so that one bad item does not fail its neighbours; but when the database does not answer
    (`Unavailable`), all of the group hear that at once, since each alone would only wait for the same.
    """

    def __init__(self, run: Callable[[Sequence[Item]], Sequence[Answer]], *, most: int = 256) -> None:
        """`run` commits a group of items and answers each."""
        self._run = run
        self._most = most
        self._queue: list[_Waiting[Item, Answer]] = []
        self._queue_lock = Lock()
        self._is_led = False

    def submit(self, item: Item) -> Answer:
        """Return the answer once the transaction that carried `item` has committed.

        Raises:
            Unexpected: the thread that committed for all was interrupted, or `run` did not answer each item. Whether
                the transaction committed is not known.
        """
        waiting = _Waiting[Item, Answer](item)
        with self._queue_lock:
            self._queue.append(waiting)
            leads, self._is_led = not self._is_led, True
        if not leads:
            self._sleep(waiting)
        while not waiting.is_done:  # more than once where more wait than one transaction takes
            self._lead_for(waiting)
        if waiting.error is not None:
            raise waiting.error
        return waiting.answer  # type: ignore[return-value] # set when there is no error

    def _lead_for(self, waiting: _Waiting[Item, Answer]) -> None:
        """Commit for all; once `waiting` is answered, or when that was interrupted, somebody else leads."""
        is_over = True
        try:
            self._lead()
            is_over = waiting.is_done
        finally:
            if is_over:
                self._pass_on()

    def _sleep(self, waiting: _Waiting[Item, Answer]) -> None:
        try:
            waiting.turn.acquire()
        except BaseException:
            with self._queue_lock:
                waiting.is_put_off = True  # nobody waits for it any more
                leads = waiting.leads and not waiting.is_done
            if leads:
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Have the first who waits lead next, or nobody."""
        with self._queue_lock:
            following = next((waiting for waiting in self._queue if not waiting.is_put_off), None)
            self._is_led = following is not None
            if following is not None:
                following.leads = True
                following.turn.release()

    def put_off(self, item: Item) -> None:
        """Have `item` committed with what comes next, or now if a whole group waits.

        Nobody hears its answer. What goes wrong with it is lost, except that it waits on while the database does not
        answer.

        Raises:
            Unavailable: a whole group waits, and the database does not answer.
        """
        with self._queue_lock:
            if len(self._queue) < self._most - 1:
                self._queue.append(_Waiting(item, is_put_off=True))
                return
        self.submit(item)

    @property
    def has_waiting(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self._queue)

    def _lead(self) -> None:
        with self._queue_lock:
            group, self._queue = self._queue[: self._most], self._queue[self._most :]
        try:
            self._settle(group)
        finally:
            for waiting in group:
                if not waiting.is_done:  # the leader leaves in haste: nobody else would ever answer these
                    waiting.fail(Unexpected("The commit was interrupted."))
                waiting.turn.release()
            if again := [_Waiting[Item, Answer](each.item, is_put_off=True) for each in group if each.waits_on]:
                with self._queue_lock:
                    self._queue = again + self._queue

    def _settle(self, group: "list[_Waiting[Item, Answer]]") -> None:
        try:
            answers = self._run([waiting.item for waiting in group])
        except Unavailable as error:
            for waiting in group:
                waiting.fail(_own(error))
            return
        except Exception as error:  # noqa: BLE001 - whatever the commit met is handed to who waits for it
            if len(group) == 1:
                group[0].fail(error)
                return
            self._settle_each(group)
            return
        if len(answers) != len(group):
            for waiting in group:
                waiting.fail(Unexpected("A group commit did not answer each of its items."))
            return
        for waiting, answer in zip(group, answers, strict=True):
            waiting.answer, waiting.is_done = answer, True

    def _settle_each(self, group: "list[_Waiting[Item, Answer]]") -> None:
        gone: Unavailable | None = None
        for waiting in group:
            if gone is not None:
                waiting.fail(_own(gone))
                continue
            self._settle([waiting])
            gone = waiting.error if isinstance(waiting.error, Unavailable) else None


def _own(error: Unavailable) -> Unavailable:
    """Return such an error for one thread alone: threads that raise the same would write into one another's trace."""
    own = type(error)(error.detail)
    own.__cause__ = error
    return own
