"""Episodes in processes of this machine, each with a world and a policy of its own."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from strands_robots.evaluation.collect.unit import OnResult, Unit, UnitRunner, died
from strands_robots.evaluation.episode_result import EpisodeResult

_POLL = 0.1  # [s]
_END_WAIT = 5.0  # [s]


class _Worker:
    """One process and the pipe to it. A pipe for each: a shared queue stays locked when a process is killed inside it."""

    def __init__(self, context: Any) -> None:
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,), daemon=False)
        self.process.start()
        theirs.close()
        self.unit: Unit | None = None

    def give(self, unit: Unit) -> None:
        """Send the next episode; that the process is gone is noticed when its answer is awaited."""
        self.unit = unit
        try:
            self.pipe.send(unit)
        except OSError:
            pass

    def take(self) -> EpisodeResult:
        """Return the result of the present episode; call when the pipe has something."""
        unit, self.unit = self.unit, None
        assert unit is not None
        try:
            result: EpisodeResult = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(_END_WAIT)
            return died(unit, self.process.exitcode)
        return result

    def end(self) -> None:
        """End the process and what it started."""
        self.pipe.close()
        self.process.terminate()

    def join(self) -> None:
        """Wait until it has ended, by force where needed."""
        self.process.join(_END_WAIT)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class ProcessCollector:
    """Runs episodes in spawned processes; a dead one is replaced.

    Args:
        workers: Processes at once.
    """

    def __init__(self, workers: int) -> None:
        self._count = workers
        self._context = multiprocessing.get_context("spawn")

    def collect(self, units: Sequence[Unit], on_result: OnResult, is_cancelled: Callable[[], bool]) -> None:
        """Run every unit, see `Collector`."""
        waiting = deque(units)
        workers = [_Worker(self._context) for _ in range(min(self._count, len(waiting)))]
        try:
            for worker in workers:
                worker.give(waiting.popleft())
            while any(worker.unit is not None for worker in workers) and not is_cancelled():
                busy = {worker.pipe: worker for worker in workers if worker.unit is not None}
                for pipe in wait(list(busy), _POLL):
                    worker = busy[pipe]
                    on_result(worker.take())
                    if waiting:
                        self._ready(workers, worker).give(waiting.popleft())
        finally:
            for worker in workers:
                worker.end()
            for worker in workers:
                worker.join()

    def _ready(self, workers: list[_Worker], worker: _Worker) -> _Worker:
        """Return the worker, or the one that takes its place when it has ended."""
        if worker.process.is_alive():
            return worker
        worker.end()
        place = workers.index(worker)
        workers[place] = _Worker(self._context)
        return workers[place]


def _work(pipe: Connection) -> None:
    """Body of a worker: runs what it is given until the pipe ends, also because the collector was killed."""
    runner = UnitRunner()
    try:
        while True:
            pipe.send(runner.run(pipe.recv()))
    except (EOFError, OSError):
        return
    finally:
        runner.close()
