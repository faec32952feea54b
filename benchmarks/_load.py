"""Other work on the machine, while something is measured."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

_CYCLE = 0.02
"""A process that is busy for a part of the time works for that part of every cycle [s]."""


@contextmanager
def busy(cores: float) -> Iterator[None]:
    """Keep this many of the machine's cores busy with processes of normal priority, for example 1.5.

    Args:
        cores: How many; a fraction is one process that works for that part of the time.
    """
    context = multiprocessing.get_context("spawn")
    shares = [1.0] * int(cores) + ([cores % 1.0] if cores % 1.0 else [])
    processes = [context.Process(target=_work, args=(share, os.getpid()), daemon=True) for share in shares]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def left(cores: float) -> float:
    """Return how many cores to keep busy so that this many of the machine's are left."""
    return max(len(os.sched_getaffinity(0)) - cores, 0.0)


def _work(share: float, parent: int) -> None:
    while os.getppid() == parent:
        begin = time.monotonic()
        while time.monotonic() - begin < share * _CYCLE:
            pass
        time.sleep((1.0 - share) * _CYCLE)
