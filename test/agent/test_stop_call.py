"""A stop of an agent: no argument refuses it, and nothing that another call holds delays it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest

from strands_robots.agent.stop.stop_call import is_stop, seen_stop, stop_reason
from strands_robots.agent.stop.stop_way import StopWay
from strands_robots.agent.tools.toolset import Toolset
from strands_robots.safety.stop_words import REASON_LENGTH

from .waiting_port import WaitingPort

ODD: list[Any] = [
    None,
    {},
    {"reason": "x" * 201},
    {"reason": "x" * 1_000_000},
    {"reason": None},
    {"reason": 5},
    {"reason": ["a", {"b": 1}]},
    {"reason": "\ud800"},
    {"why": "it burns"},
    {"reason": "a hand", "\ud800": float("nan")},
    "it burns",
    [1, 2],
    5,
]
STOPS = ["stop", "safety_stop", "cell_left_safety_stop", " STOP ", "safety/stop"]


@pytest.mark.guarantee("Stop", "no argument refuses a stop", "agent/stop/stop_call.py; safety/stop_words.py")
@pytest.mark.parametrize("arguments", ODD, ids=lambda value: ascii(value)[:30])
@pytest.mark.parametrize("name", STOPS)
def test_any_arguments_stop(name: str, arguments: Any) -> None:
    port = WaitingPort()
    assert not Toolset(port).run(name, arguments).is_error
    (reason,) = port.stops
    assert reason and len(reason) <= REASON_LENGTH and reason.isascii() and reason.isprintable()


@pytest.mark.parametrize("arguments", ODD, ids=lambda value: ascii(value)[:30])
def test_any_arguments_stop_through_call_tool(arguments: Any) -> None:
    port = WaitingPort()
    assert not Toolset(port).run("call_tool", {"name": "safety_stop", "arguments": arguments, "odd": 1}).is_error
    assert len(port.stops) == 1


def test_words_of_the_reason_arrive() -> None:
    assert stop_reason("stop", {"reason": "a hand"}) == "a hand"
    assert "it burns" in stop_reason("stop", {"why": "it burns"})


@pytest.mark.parametrize("name", ["move_to", "safety_resume", "stopwatch", "read_safety_stop_request", None, 5, ""])
def test_other_calls_are_no_stops(name: Any) -> None:
    assert not is_stop(name, {"reason": "stop"})
    assert not is_stop("call_tool", {"name": name})


def message(**params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()


@pytest.mark.parametrize("arguments", ODD, ids=lambda value: ascii(value)[:30])
def test_stop_on_the_wire_is_seen_and_put_into_plain_words(arguments: Any) -> None:
    seen = seen_stop(message(name="safety_stop", arguments=arguments))
    assert seen is not None and seen.message is not None
    plain = json.loads(seen.message)
    assert plain["id"] == 1 and plain["params"] == {"name": "stop", "arguments": {"reason": seen.reason}}


@pytest.mark.parametrize(
    "data",
    [
        message(name="stop")[:-1],
        b'{"method": "tools/call", "params": {"name": "safety_stop", "arguments": {"reason": "\xff\xfe',
        b'{"method": "tools\\/call", "params": {"name":"stop", ' + b"[" * 200_000,
        message(name="stop", arguments={"reason": "x" * 5_000_000}),
    ],
    ids=["cut", "bytes", "deep", "huge"],
)
def test_stop_that_cannot_be_read_is_seen(data: bytes) -> None:
    seen = seen_stop(data)
    assert seen is not None and seen.reason


def test_stop_in_a_batch_is_seen() -> None:
    batch = [json.loads(message(name="look", arguments={})), json.loads(message(name="stop", arguments=7))]
    seen = seen_stop(json.dumps(batch).encode())
    assert seen is not None and seen.message is not None and json.loads(seen.message)[0] == batch[0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        message(name="move_to", arguments={"name": "stop"}),
        b'{"method": "tools/list", "params": {"name": "stop"}}',
        b'{"method": "tools/call", "params": "stop"}',
    ],
)
def test_other_messages_are_no_stops(data: bytes) -> None:
    assert seen_stop(data) is None


def test_stop_waits_for_no_pool_and_no_call() -> None:
    port = WaitingPort()
    tools = Toolset(port)

    async def talk() -> float:
        calls = [asyncio.create_task(asyncio.to_thread(tools.run, "world_get_state", {})) for _ in range(64)]
        await asyncio.sleep(0)
        while not port.waiting:
            await asyncio.sleep(0.01)
        started = time.monotonic()
        await tools.stops.ask("a hand")
        elapsed = time.monotonic() - started
        port.free.set()
        await asyncio.gather(*calls)
        return elapsed

    assert asyncio.run(talk()) < 1.0 and port.stops == ["a hand"]


class SlowStops:
    """Stops that are under way until they are let go."""

    def __init__(self) -> None:
        self.made = 0
        self.go = threading.Event()

    def stop(self, reason: str) -> Any:
        self.made += 1
        self.go.wait(10.0)
        if reason == "broken":
            raise RuntimeError("no wire")
        return reason


def test_call_joins_the_stop_that_was_seen_before_it() -> None:
    stops = SlowStops()
    way = StopWay(stops)
    stops.go.set()

    async def talk() -> None:
        way.begin("a hand")
        await way.ask("a hand")
        assert stops.made == 1
        await way.ask("a hand")
        await way.ask("a hand")
        await way.ask("a hand")
        assert stops.made == 4, "each next equal call is a stop of its own"

    asyncio.run(talk())


def test_stop_that_fails_is_answered_as_no_evidence() -> None:
    stops = SlowStops()
    stops.go.set()
    answer = asyncio.run(StopWay(stops).ask("broken"))
    assert answer.is_error and "no evidence" in answer.text and "no wire" in answer.text
