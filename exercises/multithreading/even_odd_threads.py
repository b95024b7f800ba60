"""Two threads: one prints the even numbers, one the odd ones."""

import threading
from collections.abc import Iterable

FIRST, LAST = 1, 200
INTERVAL_S = 0.5


def print_even_and_odd(*, interval_s: float = INTERVAL_S) -> None:
    """Print the numbers of 1 to 200, each thread one every `interval_s`; Ctrl-C ends both at once.

    Raises:
        OSError: they cannot be printed; neither thread goes on.
    """
    stopping = threading.Event()
    errors: list[Exception] = []
    threads = [
        threading.Thread(target=_print_each, args=(name, numbers, interval_s, stopping, errors), name=name)
        for name, numbers in (("even", range(FIRST + 1, LAST + 1, 2)), ("odd", range(FIRST, LAST + 1, 2)))
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        stopping.set()
        for thread in threads:
            if thread.ident is not None:  # an interrupt may come before it has started
                thread.join()
    if errors:
        raise errors[0]


def _print_each(
    name: str, numbers: Iterable[int], interval_s: float, stopping: threading.Event, errors: list[Exception]
) -> None:
    try:
        for number in numbers:
            print(f"{name}: {number}\n", end="", flush=True)  # one write a line: two threads share the stream
            if stopping.wait(interval_s):
                return
    except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
        errors.append(error)
        stopping.set()
