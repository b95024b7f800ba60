"""Several processes that do the same at the same moment."""

import traceback
from multiprocessing import get_context

fork = get_context("fork")


def in_processes(count, work, *args):
    """Return what `work(number, *args)` returned in `count` processes that begin at the same moment."""
    barrier, queue = fork.Barrier(count), fork.SimpleQueue()

    def run(number):
        try:
            barrier.wait()
            queue.put((work(number, *args), None))
        except BaseException:  # noqa: BLE001 - shown by the assertion
            queue.put((None, traceback.format_exc()))

    processes = [fork.Process(target=run, args=(number,)) for number in range(count)]
    for process in processes:
        process.start()
    answers = [queue.get() for _ in processes]
    for process in processes:
        process.join()
    assert [error for _, error in answers if error] == []
    return [answer for answer, _ in answers]
