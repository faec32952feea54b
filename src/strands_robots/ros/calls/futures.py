"""Futures of other threads, one after the other. Errors are passed on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from strands_robots.core.errors import StrandsRobotsError


def done(value: Any) -> Future[Any]:
    """Return a future that is done."""
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def map_future(first: Future[Any], function: Callable[[Any], Any]) -> Future[Any]:
    """Return the future of what the function makes of the first one's result."""
    return then(first, lambda value: done(function(value)))


def then(first: Future[Any], go_on: Callable[[Any], Future[Any]]) -> Future[Any]:
    """Return the future that the function begins with the first one's result; called by the thread that finishes the first."""
    last: Future[Any] = Future()

    def on_first(finished: Future[Any]) -> None:
        error = finished.exception()
        if error is not None:
            last.set_exception(error)
            return
        try:
            second = go_on(finished.result())
        except StrandsRobotsError as wrong:
            last.set_exception(wrong)
        else:
            second.add_done_callback(on_second)

    def on_second(finished: Future[Any]) -> None:
        error = finished.exception()
        if error is not None:
            last.set_exception(error)
        else:
            last.set_result(finished.result())

    first.add_done_callback(on_first)
    return last
