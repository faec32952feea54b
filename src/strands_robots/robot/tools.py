"""The tools of a Robot() for Agent(tools=[robot]). Imports strands."""

from __future__ import annotations

from collections.abc import Iterator

from strands_robots.agent.strands.strands_tools import GraphAgentTool
from strands_robots.agent.tools.toolset import Toolset
from strands_robots.robot.connection import is_only_connection


class RobotTool(GraphAgentTool):
    """A tool that several robots of one graph bring along: Agent(tools=[left, right]) has it once."""

    @property
    def supports_hot_reload(self) -> bool:
        """Whether an Agent may take it again under its name. Two graphs have different tools of one name: refused."""
        return is_only_connection()


def robot_tools(tools: Toolset) -> Iterator[RobotTool]:
    """Yield the tools that a model is shown, as they are now."""
    tools.refresh()
    yield from (RobotTool(tools, tool) for tool in tools.shown())
