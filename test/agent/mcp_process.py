"""An MCP server in a process of its own, over a graph that only listens: python -m agent.mcp_process FOLDER [PORT TOKEN]"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from strands_robots.agent.mcp import server as mcp_server
from strands_robots.agent.tools.toolset import Toolset

from .ports import GuardedPort


def main() -> None:
    tools = Toolset(GuardedPort(Path(sys.argv[1])))
    if len(sys.argv) == 2:
        asyncio.run(mcp_server.serve_stdio(tools))
        return
    import uvicorn

    port, token = int(sys.argv[2]), sys.argv[3]
    uvicorn.run(mcp_server.http_app(tools, port, token), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
