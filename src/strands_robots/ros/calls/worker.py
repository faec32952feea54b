"""One thread for work that neither the executor nor the physics thread should do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from strands_robots.core.errors import StrandsRobotsError, WorldError

T = TypeVar("T")
U = TypeVar("U")


class Worker:
    """Runs functions one after the other in its thread.

    Args:
        name: Name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    def then(self, first: Future[T], work: Callable[[T], U]) -> Future[U]:
        """Return the future result of `work`, called with the result of `first`; an error of `first` is passed on."""
        answer: Future[U] = Future()

        def run(value: T) -> None:
            try:
                answer.set_result(work(value))
            except (StrandsRobotsError, OSError) as error:
                answer.set_exception(error)

        def start(done: Future[Any]) -> None:
            error = done.exception()
            if error is not None:
                answer.set_exception(error)
                return
            try:
                self._pool.submit(run, done.result())
            except RuntimeError:
                answer.set_exception(WorldError("the node is ending"))

        first.add_done_callback(start)
        return answer

    def stop(self) -> None:
        """Do no more work; what waits is not done."""
        self._pool.shutdown(wait=False, cancel_futures=True)
