"""What the graph offers to an agent, and the way to it, as the tools need them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from strands_robots.agent.tools.tool_answer import ToolAnswer
from strands_robots.approvals.approval_request import CanonicalRequest

OWN_SERVERS: Mapping[str, str] = MappingProxyType(
    {
        "strands_robots/action/MoveTo": "move_to",
        "strands_robots/action/SetGripper": "set_gripper",
        "strands_robots/action/PlanMotion": "plan_motion",
        "strands_robots/action/ExecutePlan": "execute_plan",
        "strands_robots/action/RunPolicy": "run_policy",
        "strands_robots/action/ReplayEpisode": "replay_episode",
        "strands_robots/action/Evaluate": "evaluate",
        "strands_robots/srv/StartRecording": "recorder/start",
        "strands_robots/srv/RecordEpisode": "recorder/episode",
        "strands_robots/srv/LoadPolicy": "policies/load",
    }
)
"""Names in the graph's namespace of what its own nodes serve, by type: a tool never takes another server for them."""


@dataclass(frozen=True)
class Endpoint:
    """A service, an action server or a topic.

    Attributes:
        name: Full name on the graph, without the leading "/".
        kind: Full type; its middle says which of the three it is.
        local: The name as seen from the graph's namespace; empty where it is the same.
    """

    name: str
    kind: str
    local: str = ""

    @property
    def tool_name(self) -> str:
        """Name of its tool: letters, digits and _, at most 64."""
        plain = re.sub(r"[^A-Za-z0-9_]", "_", self.local or self.name)
        prefix = {"srv": "", "action": "start_", "msg": "read_"}[self.kind.split("/")[1]]
        return (prefix + plain)[:64]


class GraphPort(Protocol):
    """The graph, for tools. Everything that goes out passes the guard behind it; answers are errors instead of raising."""

    def session(self, name: str) -> GraphPort:
        """Return the same graph for another asker, with permits, goals and a name in the audit log of its own."""
        ...

    def endpoints(self) -> list[Endpoint]:
        """Return what may be a tool, sorted by name."""
        ...

    def look_again(self) -> bool:
        """Let `endpoints` look anew; returns whether discovery may still bring more, after a moment, because this joined just now."""
        ...

    def find(self, kind: str) -> Endpoint | None:
        """Return the graph's own server of a type; waits a little for discovery. Other graphs' servers are never found."""
        ...

    def call(self, endpoint: Endpoint, fields: Mapping[str, Any], timeout: float) -> ToolAnswer:
        """Call a service."""
        ...

    def start(self, endpoint: Endpoint, fields: Mapping[str, Any], wait: float) -> ToolAnswer:
        """Send a goal and wait for its end, at most so long [s]; answers its id and state."""
        ...

    def goal(self, goal_id: str, wait: float, cancel: bool) -> ToolAnswer:
        """Return a goal's state, after a wait [s] at most; cancels it first when asked."""
        ...

    def cancel_goals(self) -> int:
        """Cancel every goal that was started here; return how many have not ended within half a second."""
        ...

    def stop(self, reason: str) -> ToolAnswer:
        """Stop every robot, by safety_node and past it. Needs no permission."""
        ...

    def read(self, endpoint: Endpoint, timeout: float) -> ToolAnswer:
        """Return the latest message of a topic."""
        ...

    def is_shown(self, name: str, kind: str) -> bool:
        """Return whether the policy lets something be a tool at all."""
        ...

    def admit(self, request: CanonicalRequest) -> ToolAnswer | None:
        """Return None when exactly this request may be made now, else what the model is told; refusals are recorded."""
        ...

    def called(self, endpoint: Endpoint, answer: ToolAnswer, started: float) -> None:
        """Record a call that began at a steady time [s] and what became of it."""
        ...

    def record(self, kind: str, details: Mapping[str, Any]) -> None:
        """Record something else in the audit log, as this agent's."""
        ...

    def picture(self, camera: str, width: int) -> ToolAnswer:
        """Return a picture of a camera."""
        ...

    def describe(self) -> ToolAnswer:
        """Return the robots, their joints and cameras."""
        ...


@dataclass(frozen=True)
class Tool:
    """A tool as a model sees it.

    Attributes:
        name: Its name.
        description: What it does.
        schema: JSON schema of its arguments.
        run: Does it.
        needs: Kinds of interfaces without which it can do nothing: where one is missing it is not shown.
        covers: Kinds of interfaces whose own tools it makes needless: these are found, not shown, and say so.
        kind: Full type of the interface behind it; empty for a composed tool.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    run: Callable[[Mapping[str, Any]], ToolAnswer]
    needs: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    kind: str = ""


class ToolFamily(Protocol):
    """Tools beside those of the graph, under the same policy."""

    words: str
    """What they are for, in a few words: the model is told that they can be found."""

    def tools(self) -> list[Tool]:
        """Return the tools."""
        ...

    def session(self, port: GraphPort) -> ToolFamily:
        """Return the same tools for another asker on the same graph."""
        ...

    def end_turn(self) -> None:
        """End whatever may move something: the agent's turn was cancelled."""
        ...
