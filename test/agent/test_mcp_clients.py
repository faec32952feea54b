"""MCP clients over streamable HTTP and stdio: the official SDK's, and others where they are installed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from graph import wait_for

pytest.importorskip("mcp", reason="mcp is not installed")

import uvicorn
from mcp import ClientSession

from strands_robots.agent.mcp.server import http_app
from strands_robots.agent.tools.toolset import Toolset

from .ports import GRIP, GuardedPort

TOKEN = "a-token-of-sixteen-characters"
SELF_APPROVAL: list[tuple[str, dict[str, Any]]] = [
    ("approvals_decide", {"request_id": "ID", "approved": True}),
    ("call_tool", {"name": "approvals_decide", "arguments": {"request_id": "ID", "approved": True}}),
    ("call_tool", {"name": "approvals_consume", "arguments": {"permit_id": "ID"}}),
    ("call_tool", {"name": "safety_resume", "arguments": {}}),
    ("call_tool", {"name": "approval_node_set_parameters", "arguments": {}}),
    ("start_set_gripper", {**GRIP, "approved": True}),
    ("start_set_gripper", {"goal": {**GRIP["goal"], "source": "operator/anna"}}),
    ("start_set_gripper", {"goal": GRIP["goal"], "_meta": {"request_id": "ID", "state": "approved"}}),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """The server in a thread of this process, so that the test can be the person."""

    def __init__(self, folder: Path) -> None:
        self.port = GuardedPort(folder)
        self.number = free_port()
        self.url = f"http://127.0.0.1:{self.number}/mcp"
        app: Any = http_app(Toolset(self.port), self.number, TOKEN)
        self.server = uvicorn.Server(uvicorn.Config(app, port=self.number, log_level="error", lifespan="on"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        wait_for(lambda: self.server.started, 20.0, "the server")

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(10.0)
        self.port.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.close()


@contextlib.asynccontextmanager
async def session(url: str, token: str) -> AsyncIterator[ClientSession]:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=20.0) as client,
        streamable_http_client(url, http_client=client) as streams,
        ClientSession(streams[0], streams[1]) as opened,
    ):
        await opened.initialize()
        yield opened


def error_of(result: Any) -> str:
    return str(json.loads(result.content[0].text).get("error", ""))


def test_official_client_over_http_lists_calls_is_asked_declined_and_approved(served: Served) -> None:
    async def talk() -> None:
        async with session(served.url, TOKEN) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert {"look", "stop", "find_tool", "call_tool", "start_set_gripper"} <= names
            assert not [name for name in names if "approv" in name or "resume" in name]
            assert not (await client.call_tool("world_get_state", {})).is_error
            asked = await client.call_tool("start_set_gripper", GRIP)
            assert (error_of(asked), asked.is_error) == ("approval_required", True)
            request_id = json.loads(asked.content[0].text)["request_id"]
            assert error_of(await client.call_tool("start_set_gripper", GRIP)) == "approval_required"
            await asyncio.to_thread(served.port.decide, request_id)
            assert error_of(await client.call_tool("start_set_gripper", GRIP)) == ""
            again = await client.call_tool("start_set_gripper", GRIP)
            assert error_of(again) == "approval_required", "a permit is used once"
            second = json.loads(again.content[0].text)["request_id"]
            await asyncio.to_thread(served.port.decide, second, False)
            refused = await client.call_tool("start_set_gripper", GRIP)
            assert error_of(refused) == "declined"
            assert "words of a person" not in refused.content[0].text

    asyncio.run(asyncio.wait_for(talk(), 60.0))
    assert [name for name, _ in served.port.calls] == ["world/get_state", "set_gripper"]


def test_client_that_tries_to_approve_itself_is_refused(served: Served) -> None:
    async def talk() -> None:
        async with session(served.url, TOKEN) as client:
            asked = await client.call_tool("start_set_gripper", GRIP)
            request_id = json.loads(asked.content[0].text)["request_id"]
            for name, arguments in SELF_APPROVAL:
                text = json.dumps(arguments).replace("ID", request_id)
                assert error_of(await client.call_tool(name, json.loads(text))) in ("unknown_tool", "invalid_arguments")
            assert error_of(await client.call_tool("start_set_gripper", GRIP)) == "approval_required"

    asyncio.run(asyncio.wait_for(talk(), 60.0))
    assert not served.port.calls
    assert len(served.port.person.desk.tickets()) == 1
    assert ("approvals_decide", "unknown_tool") in served.port.heard, "the attempt is recorded"


def test_two_sessions_have_permits_of_their_own(served: Served) -> None:
    async def talk() -> None:
        async with session(served.url, TOKEN) as first, session(served.url, TOKEN) as second:
            asked = json.loads((await first.call_tool("start_set_gripper", GRIP)).content[0].text)
            await asyncio.to_thread(served.port.decide, asked["request_id"])
            other = json.loads((await second.call_tool("start_set_gripper", GRIP)).content[0].text)
            assert other["error"] == "approval_required", "the permit is the first client's"
            assert other["request_id"] != asked["request_id"]
            assert error_of(await first.call_tool("start_set_gripper", GRIP)) == ""

    asyncio.run(asyncio.wait_for(talk(), 60.0))
    askers = {ticket.asker.source for ticket in served.port.person.desk.tickets()}
    assert len(askers) == 2 and all(asker.startswith("agent/tester/") for asker in askers)


def test_client_without_the_token_gets_nothing(served: Served) -> None:
    async def talk() -> None:
        async with session(served.url, "another-token-of-some-length") as client:
            await client.list_tools()

    with pytest.raises(BaseException):  # noqa: B017 (a group whose type depends on the SDK)
        asyncio.run(asyncio.wait_for(talk(), 30.0))
    assert served.port.heard == []


# --- Other clients ------------------------------------------------------------------------------------------------------


@pytest.fixture
def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
    }


@pytest.mark.long
def test_fastmcp_client_over_stdio_lists_calls_and_is_asked(tmp_path: Path, environment: dict[str, str]) -> None:
    fastmcp = pytest.importorskip("fastmcp", reason="the client fastmcp is not installed (pip install fastmcp)")
    from fastmcp.client.transports import StdioTransport

    async def talk() -> None:
        words = ["-m", "agent.mcp_process", str(tmp_path)]
        async with fastmcp.Client(StdioTransport(sys.executable, words, env=environment)) as client:
            assert "start_set_gripper" in {tool.name for tool in await client.list_tools()}
            state = await client.call_tool("world_get_state", {}, raise_on_error=False)
            assert json.loads(state.content[0].text)["data"]["success"]
            asked = await client.call_tool("start_set_gripper", GRIP, raise_on_error=False)
            assert error_of(asked) == "approval_required"

    asyncio.run(asyncio.wait_for(talk(), 60.0))


@pytest.mark.long
def test_mcp_inspector_over_stdio_lists_calls_and_is_asked(tmp_path: Path, environment: dict[str, str]) -> None:
    program = shutil.which("mcp-inspector")
    if program is None:
        pytest.skip("mcp-inspector is not on the PATH (npm install @modelcontextprotocol/inspector)")

    def ask(*words: str) -> Any:
        server = [sys.executable, "-m", "agent.mcp_process", str(tmp_path)]
        done = subprocess.run(
            [program, "--cli", *server, *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-1000:]
        return json.loads(done.stdout)

    assert "start_set_gripper" in {tool["name"] for tool in ask("--method", "tools/list")["tools"]}
    called = ask("--method", "tools/call", "--tool-name", "world_get_state")
    assert json.loads(called["content"][0]["text"])["data"]["success"]
    goal = json.dumps(GRIP["goal"])
    asked = ask("--method", "tools/call", "--tool-name", "start_set_gripper", "--tool-arg", f"goal={goal}")
    assert json.loads(asked["content"][0]["text"])["error"] == "approval_required"
