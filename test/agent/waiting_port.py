"""A graph on which every call waits and only a stop is answered; as an MCP server over stdio: python -m agent.waiting_port"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from strands_robots.agent.tools.endpoint import Endpoint
from strands_robots.agent.tools.tool_answer import ToolAnswer, data_answer
from strands_robots.agent.tools.toolset import Toolset

from .ports import ENDPOINTS, FakePort


class WaitingPort(FakePort):
    """Its calls hold a lock and wait until `free` is set, as behind an approval_node that hangs."""

    def __init__(self) -> None:
        super().__init__(ENDPOINTS)
        self.free = threading.Event()
        self.waiting = 0
        self.stops: list[Any] = []

    def call(self, endpoint: Endpoint, fields: Mapping[str, Any], timeout: float) -> ToolAnswer:
        self.waiting += 1
        self.free.wait(60.0)
        return data_answer({"success": True})

    start = call

    def stop(self, reason: Any) -> ToolAnswer:
        self.stops.append(reason)
        return data_answer({"stopped": reason})


def main() -> None:
    from strands_robots.agent.mcp import server as mcp_server

    asyncio.run(mcp_server.serve_stdio(Toolset(WaitingPort())))


if __name__ == "__main__":
    main()
