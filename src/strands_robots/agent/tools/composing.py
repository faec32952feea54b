"""What composed tools share: names of interfaces, schemas of their fields, how to find a server, how long to wait."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from strands_robots.agent.tools.arguments import nearest
from strands_robots.agent.tools.endpoint import Endpoint, GraphPort
from strands_robots.agent.tools.schema import request_schema
from strands_robots.agent.tools.tool_answer import ToolAnswer, error_answer

MOVE = "strands_robots/action/MoveTo"
RUN = "strands_robots/action/RunPolicy"
OPEN = "strands_robots/srv/StartRecording"
EPISODE = "strands_robots/srv/RecordEpisode"
LOAD = "strands_robots/srv/LoadPolicy"
STOP = "strands_robots/srv/StopGraph"
EDIT = "strands_robots/srv/EditScene"
DESCRIBE = "strands_robots/srv/DescribeRobot"

STARTS: Mapping[str, str] = MappingProxyType(
    {OPEN: "--recorder", EPISODE: "--recorder", "strands_robots/action/Evaluate": "--evaluation"}
)
"""Options of strands-robots sim and real with which a graph has what it lacks."""

SERVICE_TIMEOUT = 30.0
"""How long a service may take to answer [s]."""

SLOW_TIMEOUT = 300.0
"""The same for services that load a model, import LeRobot or wait for encoders [s]."""

LOAD_TIME = 20.0
"""What a policy may take to load, on top of its duration [s]."""

TEXT = {"type": "string", "maxLength": 128}
WAIT = {"type": "number", "minimum": 0.0, "maximum": 300.0, "description": "longest wait [s]"}


def service_timeout(kind: str) -> float:
    """Return how long a service may take to answer [s]."""
    return SLOW_TIMEOUT if kind in (OPEN, EPISODE, LOAD) else SERVICE_TIMEOUT


def object_schema(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """Return the schema of an object with these properties and no others."""
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def request_fields(kind: str, *names: str) -> dict[str, Any]:
    """Return the schema of some fields of a request."""
    known = request_schema(kind)["properties"]
    return {name: known[name] for name in names}


def find_server(port: GraphPort, kind: str) -> Endpoint | ToolAnswer:
    """Return the graph's own server of a type, or the answer that there is none."""
    found = port.find(kind)
    if found is not None:
        return found
    near = nearest(kind, [entry.kind for entry in port.endpoints()])
    return error_answer("not_there", what_is_missing(kind), nearest=near)


def what_is_missing(kind: str) -> str:
    """Return words for an interface that the graph lacks, and what a person can do about it."""
    start = f"; a person starts it with: strands-robots sim {STARTS[kind]}" if kind in STARTS else ""
    return f"nothing of type {kind} is on the graph{start}"


def start_goal(
    port: GraphPort, kind: str, fields: Mapping[str, Any], given: Mapping[str, Any], wait: float = 60.0
) -> ToolAnswer:
    """Send a goal to the graph's own server and wait for its end.

    Args:
        port: The way to the graph.
        kind: Type of the action.
        fields: Fields of the goal.
        given: Arguments of the tool; its `wait` wins over the one below.
        wait: Longest wait [s].
    """
    found = find_server(port, kind)
    return found if isinstance(found, ToolAnswer) else port.start(found, fields, float(given.get("wait", wait)))
