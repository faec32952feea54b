"""Stops through the bridges, behind 64 calls that wait: MCP over stdio and HTTP, and Strands."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph import wait_for

pytest.importorskip("mcp", reason="mcp is not installed")
import httpx
import uvicorn

from strands_robots.agent.mcp.server import http_app
from strands_robots.agent.tools.toolset import Toolset

from .test_mcp_clients import TOKEN, free_port
from .test_stop_call import ODD
from .waiting_port import WaitingPort

LONGEST = 1.0
"""A stop is made and answered within this, whatever waits [s]."""

INITIALIZE = {
    "jsonrpc": "2.0", "id": 0, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}  # fmt: skip


def call(number: Any, name: Any, arguments: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


class Stdio:
    """A raw client: lines go in as they are, answers are kept by their number."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent.waiting_port"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        self.answers: dict[Any, Any] = {}
        threading.Thread(target=self._read, daemon=True).start()
        self.send(INITIALIZE)
        wait_for(lambda: 0 in self.answers, 60.0, "the server")
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def send(self, message: Any) -> None:
        data = message if isinstance(message, bytes) else json.dumps(message).encode("ascii")
        assert self.process.stdin is not None
        self.process.stdin.write(data + b"\n")
        self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            self.answers[message.get("id")] = message


@pytest.fixture(scope="module")
def stdio() -> Iterator[Stdio]:
    client = Stdio()
    for number in range(64):
        client.send(call(1000 + number, "world_get_state", {}))
    yield client
    client.process.kill()
    client.process.wait()


@pytest.mark.guarantee(
    "Stop", "a stop of an agent waits for no other call", "agent/stop/stop_way.py; agent/stop/stop_wire.py"
)
@pytest.mark.parametrize("name", ["stop", "safety_stop"])
def test_stop_over_stdio_is_answered_while_64_calls_wait(stdio: Stdio, name: str) -> None:
    number = f"{name} behind others"
    started = time.monotonic()
    stdio.send(call(number, name, {"reason": "a hand"}))
    wait_for(lambda: number in stdio.answers, 20.0, "the answer")
    assert time.monotonic() - started < LONGEST
    assert "a hand" in json.dumps(stdio.answers[number]["result"])
    assert not any(waiting >= 1000 for waiting in stdio.answers if isinstance(waiting, int)), "the others wait on"


@pytest.mark.parametrize("arguments", ODD, ids=lambda value: ascii(value)[:30])
def test_stop_with_odd_arguments_over_stdio_stops(stdio: Stdio, arguments: Any) -> None:
    number = f"odd {ascii(arguments)[:40]}"
    stdio.send(call(number, "safety_stop", arguments))
    wait_for(lambda: number in stdio.answers, 20.0, "the answer")
    assert not stdio.answers[number]["result"]["isError"]


class Http:
    """The server in a thread of this process."""

    def __init__(self) -> None:
        self.port = WaitingPort()
        number = free_port()
        self.url = f"http://127.0.0.1:{number}/mcp"
        app: Any = http_app(Toolset(self.port), number, TOKEN)
        self.server = uvicorn.Server(uvicorn.Config(app, port=number, log_level="error", lifespan="on"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        wait_for(lambda: self.server.started, 20.0, "the server")

    async def open(self, client: httpx.AsyncClient) -> dict[str, str]:
        """Begin a session and return the headers of its requests."""
        headers = {"authorization": f"Bearer {TOKEN}", "accept": "application/json, text/event-stream"}
        began = await client.post(self.url, json=INITIALIZE, headers=headers)
        headers["mcp-session-id"] = began.headers.get("mcp-session-id", "")
        headers["content-type"] = "application/json"
        await client.post(self.url, json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=headers)
        return headers

    def close(self) -> None:
        self.port.free.set()
        self.server.should_exit = True
        self.thread.join(10.0)


@pytest.fixture
def http() -> Iterator[Http]:
    served = Http()
    yield served
    served.close()


@pytest.mark.guarantee(
    "Stop", "a stop of an agent waits for no other call", "agent/stop/stop_way.py; agent/stop/stop_wire.py"
)
def test_stop_over_http_is_answered_while_64_calls_wait(http: Http) -> None:
    async def talk() -> None:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(timeout=60.0, limits=limits) as client:
            headers = await http.open(client)
            waiting = [
                asyncio.create_task(client.post(http.url, json=call(n + 10, "world_get_state", {}), headers=headers))
                for n in range(64)
            ]
            while not http.port.waiting:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            started = time.monotonic()
            answer = await client.post(http.url, json=call(1, "stop", {"reason": "a hand"}), headers=headers)
            assert time.monotonic() - started < LONGEST
            assert "a hand" in answer.text and http.port.stops == ["a hand"], "one stop, made once"
            http.port.free.set()
            await asyncio.gather(*waiting)

    asyncio.run(asyncio.wait_for(talk(), 60.0))


def test_stop_with_odd_arguments_over_http_stops(http: Http) -> None:
    async def talk() -> None:
        async with httpx.AsyncClient(timeout=20.0) as client:
            headers = await http.open(client)
            for number, arguments in enumerate(ODD):
                body = json.dumps(call(number + 1, "safety_stop", arguments)).encode("ascii")
                answer = await client.post(http.url, content=body, headers=headers)
                assert answer.status_code == 200 and '"isError":false' in answer.text.replace(" ", ""), answer.text[
                    :300
                ]
                assert len(http.port.stops) == number + 1

    asyncio.run(asyncio.wait_for(talk(), 60.0))


def test_stop_of_a_session_that_is_over_stops_and_needs_the_token(http: Http) -> None:
    body = json.dumps(call(1, "stop", {"reason": "a hand"}))
    accept = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    assert httpx.post(http.url, content=body, headers=accept).status_code == 401
    assert not http.port.stops
    httpx.post(http.url, content=body, headers={**accept, "authorization": f"Bearer {TOKEN}", "mcp-session-id": "gone"})
    wait_for(lambda: http.port.stops == ["a hand"], 2.0, "the stop")


@pytest.mark.guarantee(
    "Stop",
    "a stop of an agent comes before the other calls of its message",
    "agent/strands/strands_tools.py StopsFirst",
)
def test_stop_of_a_strands_agent_comes_before_the_calls_of_the_same_message() -> None:
    pytest.importorskip("strands", reason="strands is not installed")
    from strands import Agent
    from strands.tools.executors import SequentialToolExecutor

    from strands_robots.agent.strands.scripted_model import ScriptedModel
    from strands_robots.agent.strands.strands_tools import StopsFirst, agent_tools

    class TwoCalls(ScriptedModel):
        """Asks for a call that waits and for a stop in one message, then says that it is done."""

        async def stream(self, messages: Any, tool_specs: Any = None, *args: Any, **kwargs: Any) -> Any:
            if any("toolResult" in block for block in messages[-1]["content"]):
                async for event in super().stream(messages, tool_specs):
                    yield event
                return
            yield {"messageStart": {"role": "assistant"}}
            for number, (name, given) in enumerate([("world_get_state", {}), ("stop", {"reason": 5})]):
                yield {"contentBlockStart": {"start": {"toolUse": {"name": name, "toolUseId": f"call{number}"}}}}
                yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(given)}}}}
                yield {"contentBlockStop": {}}
            yield {"messageStop": {"stopReason": "tool_use"}}

    port = WaitingPort()
    tools = Toolset(port)
    agent = Agent(
        model=TwoCalls([]), tools=agent_tools(tools), tool_executor=SequentialToolExecutor(),
        hooks=[StopsFirst(tools)], callback_handler=None,
    )  # fmt: skip
    turn = threading.Thread(target=agent, args=("go",), daemon=True)
    turn.start()
    wait_for(lambda: port.stops, 20.0, "the stop, while the call before it waits")
    assert port.stops == ["5"]
    port.free.set()
    turn.join(20.0)
