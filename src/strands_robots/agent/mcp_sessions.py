"""The tools of each MCP session over HTTP, and the end of what a session moves when its client is gone.

A client is there while it has a connection open: its stream of events, or a request that runs. One that opens no stream
is there for `SILENCE` after its last request.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from strands_robots.agent.toolset import Toolset

GRACE = 0.3
"""How long a client may be without any connection before its goals are cancelled [s]."""

SILENCE = 10.0
"""The same for a client that has opened no stream of events [s]."""

MOST_SESSIONS = 64
_TRIES = 20


@dataclass
class _Session:
    tools: Toolset
    open: int = 0
    has_stream: bool = False
    left: float = field(default_factory=time.monotonic)
    is_ended: bool = False


class McpSessions:
    """Used by the event loop only.

    Args:
        tools: The tools; each session gets its own with the same graph behind them.
    """

    def __init__(self, tools: Toolset) -> None:
        self._tools = tools
        self._sessions: dict[str, _Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def tools(self, session_id: str) -> Toolset:
        """Return the tools of a session; without an id those of the one client that there is."""
        return self._session(session_id).tools if session_id else self._tools

    def enter(self, session_id: str, is_stream: bool) -> None:
        """A connection of a session was opened."""
        session = self._session(session_id)
        session.open += 1
        session.has_stream = session.has_stream or is_stream

    def leave(self, session_id: str) -> None:
        """A connection of a session was closed."""
        session = self._sessions.get(session_id)
        if session is None:
            return
        session.open -= 1
        session.left = time.monotonic()
        if session.open <= 0:
            self._spawn(self._watch(session))

    def end(self, session_id: str) -> None:
        """A session is over."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            session.is_ended = True
            self._spawn(_end_goals(session.tools))

    def _session(self, session_id: str) -> _Session:
        found = self._sessions.get(session_id)
        if found is None:
            idle = [known for known, session in self._sessions.items() if session.open <= 0]
            for known in idle[: max(len(self._sessions) - MOST_SESSIONS + 1, 0)]:
                self.end(known)
            name = hashlib.sha256(session_id.encode("utf-8", "replace")).hexdigest()[:8]
            found = self._sessions[session_id] = _Session(self._tools.session(name))
        return found

    async def _watch(self, session: _Session) -> None:
        """End what a session moves when it stays without a connection."""
        left = session.left
        await asyncio.sleep(GRACE if session.has_stream else SILENCE)
        if session.open <= 0 and session.left == left and not session.is_ended:
            await _end_goals(session.tools)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _end_goals(tools: Toolset) -> None:
    for _ in range(_TRIES):
        if not await asyncio.to_thread(tools.cancel_goals):
            return
