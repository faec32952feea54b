"""A tool's call for an MCP client: in a thread of its own, with progress, and ended with its caller."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

from strands_robots.agent.tools.call import Call
from strands_robots.agent.tools.tool_answer import ToolAnswer, error_answer
from strands_robots.core.futures import resolve

PROGRESS_PERIOD = 5.0
"""Time between two notifications of progress [s]; clients that reset their time-out by them allow 10 s and more."""

Progress = Callable[[float], Awaitable[None]]


async def run_call(
    run: Callable[[], ToolAnswer], gone: asyncio.Event | None = None, progress: Progress | None = None
) -> ToolAnswer:
    """Return what a call answers. Cancelling this, or `gone`, ends every goal that the call began or waits for.

    Args:
        run: The call. It has a thread of its own, so that no number of waiting calls delays another.
        gone: Set when the client cannot receive the answer any more; None where the transport cancels instead.
        progress: Tells the caller how long it has run [s]; None when it did not ask for that.
    """
    call = Call()
    answer: Future[ToolAnswer] = Future()
    done = asyncio.wrap_future(answer)

    def work() -> ToolAnswer:
        with call.running():
            return run()

    threading.Thread(target=resolve, args=(answer, work), name="tool call", daemon=True).start()
    lost = asyncio.ensure_future(gone.wait()) if gone is not None else None
    started = time.monotonic()
    waited: set[asyncio.Future[Any]] = {done} if lost is None else {done, lost}
    try:
        while not done.done() and not (lost is not None and lost.done()):
            await asyncio.wait(waited, timeout=PROGRESS_PERIOD, return_when=asyncio.FIRST_COMPLETED)
            if progress is not None and not done.done():
                await progress(time.monotonic() - started)
    except asyncio.CancelledError:
        _end(call)
        raise
    finally:
        if lost is not None:
            lost.cancel()
    if not done.done():
        _end(call)
        return error_answer("client_gone", "the client is gone; what this call had begun was ended")
    return done.result()


def _end(call: Call) -> None:
    """End a call without waiting for it: sending a goal's cancelling takes a moment of the graph's executor."""
    threading.Thread(target=call.end, name="end of a call", daemon=True).start()
