"""A tool for each service, action server and topic of the graph, made from its interface file. No ROS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strands_robots.agent.tools.composing import service_timeout
from strands_robots.agent.tools.definition import load_definition
from strands_robots.agent.tools.endpoint import Endpoint, GraphPort, Tool
from strands_robots.agent.tools.schema import request_schema
from strands_robots.agent.tools.tool_answer import ToolAnswer
from strands_robots.agent.tools.tool_words import tool_words

LONGEST_WAIT = 300.0
READ_TIMEOUT = 30.0

_WAIT = {"type": "number", "minimum": 0.0, "maximum": LONGEST_WAIT}


def generated_tool(port: GraphPort, endpoint: Endpoint, hint: str = "") -> Tool:
    """Return the tool of an endpoint.

    Args:
        port: The way to the graph.
        endpoint: What it calls.
        hint: Says when another tool is the better one.

    Raises:
        StrandsRobotsError: If its interface is not installed here.
    """
    group = endpoint.kind.split("/")[1]
    words = tool_words().say(endpoint.name) or load_definition(endpoint.kind).comment or endpoint.kind
    words = " ".join(filter(None, (hint, words)))
    if group == "msg":
        schema: dict[str, Any] = {"type": "object", "properties": {"timeout": _WAIT}, "additionalProperties": False}
        description = f"Read the latest message of topic {endpoint.name} ({endpoint.kind}). {words}"
        return Tool(
            endpoint.tool_name,
            description[:400],
            schema,
            lambda given: _read(port, endpoint, given),
            kind=endpoint.kind,
        )
    schema = request_schema(endpoint.kind)
    if group == "srv":
        return Tool(
            endpoint.tool_name, f"{words} (service {endpoint.name})"[:600], schema,
            lambda given: port.call(endpoint, given, service_timeout(endpoint.kind)), kind=endpoint.kind,
        )  # fmt: skip
    wrapped = {
        "type": "object",
        "properties": {"goal": schema, "wait": {**_WAIT, "description": "wait for the end at most this long [s]"}},
        "additionalProperties": False,
    }
    description = f"{words} (starts action {endpoint.name}; answers a goal_id for goal_status)"
    return Tool(
        endpoint.tool_name, description[:700], wrapped,
        lambda given: port.start(endpoint, given.get("goal", {}), float(given.get("wait", 0.0))), kind=endpoint.kind,
    )  # fmt: skip


def _read(port: GraphPort, endpoint: Endpoint, given: Mapping[str, Any]) -> ToolAnswer:
    return port.read(endpoint, min(float(given.get("timeout", 2.0)), READ_TIMEOUT))
