"""The way of a stop through a bridge: a thread for each, and nothing that another call could hold, fill or refuse."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from typing import Protocol

from strands_robots.agent.tools.tool_answer import ToolAnswer, error_answer
from strands_robots.core.priority import hurry

JOIN_TIME = 2.0
"""A call that comes this soon after the same stop was seen on its way is answered with what became of that one [s]."""


class Stops(Protocol):
    """What stops the graph."""

    def stop(self, reason: str) -> ToolAnswer:
        """Stop every robot."""
        ...


class StopWay:
    """Makes stops, each in a thread of its own. May be used by several threads, and before a message is even read whole.

    Args:
        port: What stops the graph.
    """

    def __init__(self, port: Stops) -> None:
        self._port = port
        self._begun: tuple[str, float, Future[ToolAnswer]] | None = None

    def begin(self, reason: str) -> Future[ToolAnswer]:
        """Stop now, because a call was seen on its way; the call itself joins when it arrives. Returns the future answer."""
        answer = self._start(reason)
        self._begun = (reason, time.monotonic(), answer)
        return answer

    async def ask(self, reason: str) -> ToolAnswer:
        """Stop, or join the same stop that was seen on its way here, and return what became of it."""
        return await asyncio.wrap_future(self._joined(reason) or self._start(reason))

    def _start(self, reason: str) -> Future[ToolAnswer]:
        answer: Future[ToolAnswer] = Future()
        threading.Thread(target=self._make, args=(reason, answer), name="stop", daemon=True).start()
        return answer

    def _joined(self, reason: str) -> Future[ToolAnswer] | None:
        """Return the stop that was begun when this call was seen, once; the next equal call is a stop of its own."""
        begun, self._begun = self._begun, None
        if begun is None or begun[0] != reason or time.monotonic() - begun[1] > JOIN_TIME:
            return None
        return begun[2]

    def _make(self, reason: str, answer: Future[ToolAnswer]) -> None:
        hurry()
        try:
            answer.set_result(self._port.stop(reason))
        except Exception as error:  # noqa: BLE001
            # The caller must hear that there is no evidence, whatever went wrong.
            text = f"no evidence of the stop ({type(error).__name__}: {error}); use the stop button"
            answer.set_result(error_answer("no_answer", text))
