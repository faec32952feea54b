"""What MCP clients are told of the tools: hints, titles, structured answers, and when tools come and go."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="mcp is not installed")

from mcp import Client

from strands_robots.agent.mcp import server as module
from strands_robots.agent.mcp.server import mcp_server
from strands_robots.agent.mcp.text import whole_characters
from strands_robots.agent.tools.endpoint import Endpoint
from strands_robots.agent.tools.toolset import Toolset

from .ports import FakePort, GuardedPort


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_tools_have_titles_hints_and_structured_answers_equal_to_the_text(tmp_path: Path, mode: Any) -> None:
    async def talk() -> None:
        async with Client(mcp_server(Toolset(GuardedPort(tmp_path))), mode=mode) as client:
            assert client.server_capabilities.tools is not None and client.server_capabilities.tools.list_changed
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            for tool in tools.values():
                assert tool.title and tool.annotations is not None and tool.output_schema is not None
                assert tool.annotations.read_only_hint is not None and tool.annotations.idempotent_hint is not None
            assert tools["world_get_state"].annotations.read_only_hint
            assert tools["look"].annotations.read_only_hint
            assert tools["move_to"].annotations.destructive_hint and not tools["move_to"].annotations.read_only_hint
            assert not tools["stop"].annotations.destructive_hint and tools["stop"].annotations.idempotent_hint
            assert tools["start_set_gripper"].annotations.destructive_hint
            for name, arguments in (("world_get_state", {}), ("nothing", {}), ("start_set_gripper", {"goal": {}})):
                answer = await client.call_tool(name, arguments)
                assert answer.structured_content == json.loads(answer.content[0].text), name

    asyncio.run(asyncio.wait_for(talk(), 30.0))


def test_client_is_told_when_tools_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_PERIOD", 0.05)
    port, heard = FakePort([]), list[str]()

    async def on_message(message: Any) -> None:
        heard.append(getattr(message, "method", ""))

    async def await_told(count: int) -> None:
        end = time.monotonic() + 10.0
        while heard.count("notifications/tools/list_changed") < count and time.monotonic() < end:
            await asyncio.sleep(0.01)
        assert heard.count("notifications/tools/list_changed") == count

    async def talk() -> None:
        async with Client(mcp_server(Toolset(port)), mode="legacy", message_handler=on_message) as client:
            await client.list_tools()
            port.given = [Endpoint("world/get_state", "strands_robots/srv/GetWorldState")]
            await await_told(1)
            assert "world_get_state" in {tool.name for tool in (await client.list_tools()).tools}
            port.given = []
            await await_told(2)

    asyncio.run(asyncio.wait_for(talk(), 30.0))


def test_lone_surrogate_gets_an_answer_and_a_record(tmp_path: Path) -> None:
    port = GuardedPort(tmp_path)
    tools = Toolset(port)
    half = json.loads('"\\ud800"')
    for name, arguments in (
        ("start_set_gripper", {"goal": {"robot": half}}),
        ("move_to", {"robot": "so101", "joints": {half: 1.0}}),
        ("find_tool", {"query": half}),
        ("call_tool", {"name": "start_set_gripper", "arguments": {"goal": {"robot": [half]}}}),
        (half, {}),
    ):
        answer = tools.run(name, arguments)
        assert answer.is_error and answer.text.isascii() and json.loads(answer.text)["error"]
    assert len(port.heard) == 5 and not port.requests


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (r'{"a": "\ud800"}', {"a": "\ufffd"}),
        (r'{"\udfff": ["x\ud83dy"]}', {"\ufffd": ["x\ufffdy"]}),
        (r'{"a": "\ud83d\ude00"}', {"a": "\U0001f600"}),
        (r'{"a": "\\ud800"}', {"a": "\\ud800"}),
    ],
)
def test_half_a_character_is_replaced_and_whole_ones_stay(given: str, right: Any) -> None:
    assert json.loads(whole_characters(given)) == right
    assert whole_characters("no json \\ud800") == "no json \\ud800"


def test_stdio_client_gets_an_answer_to_half_a_character(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
    }
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    call = (
        r'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"find_tool","arguments":{"query":"\ud800"}}}'
    )
    server = subprocess.Popen(
        [sys.executable, "-m", "agent.mcp_process", str(tmp_path)], env=environment, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with server:
        assert server.stdin is not None and server.stdout is not None
        for line in (
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}),
            json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            call,
        ):
            server.stdin.write(line + "\n")
            server.stdin.flush()
        answers = [json.loads(server.stdout.readline()) for _ in range(2)]
        assert answers[1]["id"] == 2 and answers[1]["result"]["structuredContent"]["error"] == "nothing_found"
        server.stdin.close()
