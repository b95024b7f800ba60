"""Several processes that do the same at the same moment."""

from multiprocessing import get_context

fork = get_context("fork")


def in_processes(count, work, *args):
    """Return what `work(number, *args)` returned in `count` processes that begin at the same moment."""
    barrier, queue = fork.Barrier(count), fork.SimpleQueue()

    def run(number):
        barrier.wait()
        queue.put(work(number, *args))

    processes = [fork.Process(target=run, args=(number,)) for number in range(count)]
    for process in processes:
        process.start()
    answers = [queue.get() for _ in processes]
    for process in processes:
        process.join()
    return answers
