"""Sees stops on the wires of MCP, before a library has read, queued or checked them. Standard library only."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, BinaryIO

from strands_robots.agent.stop.stop_call import seen_stop
from strands_robots.agent.stop.stop_way import StopWay
from strands_robots.core.priority import hurry

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

LARGEST_BODY = 1 << 22
"""Bodies up to this are read whole before they are passed on [bytes]."""


class StopLines:
    """Lines of a stream for an async reader; each is looked at by the thread that reads the stream, before it waits in any queue.

    Args:
        stream: Binary stream of lines.
        stops: Takes the stops.
    """

    def __init__(self, stream: BinaryIO, stops: StopWay) -> None:
        self._stream, self._stops = stream, stops
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, name="stop lines", daemon=True).start()

    async def __aiter__(self) -> AsyncIterator[str]:
        """Yield the lines as text; a stop among them in plain words."""
        while (line := await self._lines.get()) is not None:
            yield line

    def _read(self) -> None:
        hurry()
        try:
            for line in self._stream:
                self._hand_over(self._looked_at(line).decode("utf-8", "replace"))
        finally:
            self._hand_over(None)

    def _looked_at(self, line: bytes) -> bytes:
        seen = seen_stop(line)
        if seen is None:
            return line
        self._stops.begin(seen.reason)
        return line if seen.message is None else seen.message + b"\n"

    def _hand_over(self, line: str | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
        except RuntimeError:
            return  # The loop has ended; there is no reader any more.


def own_stdin() -> BinaryIO:
    """Return standard input for this reader alone: programs that are started here read nothing from it."""
    wire = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return os.fdopen(wire, "rb")


def stop_first(app: Asgi, stops: StopWay) -> Asgi:
    """Return the ASGI application, before which stops in the bodies of requests are made."""

    async def looking(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await app(scope, receive, send)
            return
        messages, body, is_whole = [], b"", False
        while not is_whole and len(body) <= LARGEST_BODY:
            message = await receive()
            messages.append(message)
            body += message.get("body", b"")
            is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        seen = seen_stop(body)
        if seen is not None:
            stops.begin(seen.reason)
        if seen is not None and seen.message is not None and is_whole:
            scope = {**scope, "headers": _with_length(scope["headers"], len(seen.message))}
            messages = [{"type": "http.request", "body": seen.message, "more_body": False}]

        async def replayed() -> Any:
            return messages.pop(0) if messages else await receive()

        await app(scope, replayed, send)

    return looking


def _with_length(headers: Any, length: int) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    return [*kept, (b"content-length", str(length).encode("ascii"))]
