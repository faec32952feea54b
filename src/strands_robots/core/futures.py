"""How the result of work in one thread reaches the thread that waits for it.

Every hand-over between threads ends here: a future is resolved whatever the work raises, so that no caller waits for ever and
no thread that serves others ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from strands_robots.core.errors import StrandsRobotsError

T = TypeVar("T")
U = TypeVar("U")

_LOG = logging.getLogger("strands_robots")


def resolve(answer: Future[T], work: Callable[[], T]) -> None:
    """Give a future what the work returns, or whatever it raises.

    An error that is no StrandsRobotsError and no OSError is a mistake of ours: it is logged with its traceback as well.
    Work whose future was cancelled is not begun.
    """
    if not answer.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - the waiting caller must hear of it, and the thread has others to serve
        log_mistake(error)
        answer.set_exception(error)
    else:
        answer.set_result(result)


def log_mistake(error: BaseException) -> None:
    """Log an unexpected error with its traceback, once however often it is passed on."""
    if isinstance(error, (StrandsRobotsError, OSError)) or getattr(error, "is_logged", False):
        return
    error.is_logged = True  # type: ignore[attr-defined]
    _LOG.error("internal error", exc_info=error)


def done(value: Any) -> Future[Any]:
    """Return a future that is done."""
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def map_future(first: Future[T], function: Callable[[T], U]) -> Future[U]:
    """Return the future of what the function makes of the first one's result."""
    return then(first, lambda value: done(function(value)))


def then(first: Future[T], go_on: Callable[[T], Future[U]]) -> Future[U]:
    """Return the future that the function begins with the first one's result.

    The function is called by the thread that finishes the first one. An error of either is passed on.
    """
    last: Future[U] = Future()

    def on_first(finished: Future[T]) -> None:
        error = finished.exception()
        if error is not None:
            last.set_exception(error)
            return
        second: Future[Future[U]] = Future()
        resolve(second, lambda: go_on(finished.result()))
        error = second.exception()
        if error is not None:
            last.set_exception(error)
        else:
            second.result().add_done_callback(on_second)

    def on_second(finished: Future[U]) -> None:
        error = finished.exception()
        if error is not None:
            last.set_exception(error)
        else:
            last.set_result(finished.result())

    first.add_done_callback(on_first)
    return last
