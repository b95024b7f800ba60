"""One thread a task, a bounded number of them alive."""

import queue
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

_Task = TypeVar("_Task")


def run_each(work: Callable[[_Task], None], tasks: Iterable[_Task], *, at_most: int, name: str) -> None:
    """Run `work` on each task in a thread of its own, `at_most` alive at once; return when the last has ended.

    The next thread starts as soon as one ends. When a task raises, no further one starts; those that run are waited
    for, and the first error is raised here.
    """
    ended: queue.SimpleQueue[threading.Thread] = queue.SimpleQueue()
    errors: list[BaseException] = []
    alive = 0

    def run(task: _Task) -> None:
        try:
            work(task)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            errors.append(error)
        finally:
            ended.put(threading.current_thread())

    try:
        for number, task in enumerate(tasks, 1):
            if alive == at_most:
                ended.get().join()  # it has said that it ends; now it has
                alive -= 1
            if errors:
                break
            threading.Thread(target=run, args=(task,), name=f"{name}-{number}").start()
            alive += 1
    finally:
        for _ in range(alive):
            ended.get().join()
    if errors:
        raise errors[0]
