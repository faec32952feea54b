"""A turn of an agent that is cancelled while one of its tools runs."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

pytest.importorskip("strands", reason="strands-agents is not installed")

from graph import wait_for

from strands_robots.agent.strands.strands_tools import GraphAgentTool
from strands_robots.agent.tools.endpoint import Tool
from strands_robots.agent.tools.tool_answer import data_answer


class SlowTools:
    """Tools of which one waits for its goal, which is accepted only after the turn is over."""

    def __init__(self) -> None:
        self.is_running = threading.Event()
        self.goal_ended = threading.Event()
        self.cancels = 0

    def run(self, name: str, arguments: Any) -> Any:
        self.is_running.set()
        self.goal_ended.wait(10.0)
        return data_answer({})

    def cancel_goals(self) -> int:
        self.cancels += 1
        if self.cancels == 3:  # Before that the goal is on its way.
            self.goal_ended.set()
        return 0


def test_cancelled_turn_cancels_goals_until_its_call_has_ended() -> None:
    tools = SlowTools()
    tool = GraphAgentTool(tools, Tool("move", "moves", {}, lambda given: data_answer({})))  # type: ignore[arg-type]

    async def turn() -> None:
        async for _ in tool.stream({"toolUseId": "1", "name": "move", "input": {}}, {}):
            raise AssertionError("the call cannot have an answer")

    async def cancelled() -> None:
        task = asyncio.ensure_future(turn())
        await asyncio.to_thread(tools.is_running.wait, 5.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    wait_for(tools.goal_ended.is_set, 5.0, "the end of the goal")
    assert tools.cancels >= 3
