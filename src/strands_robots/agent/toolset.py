"""The tools of a graph: generated ones for each interface, composed ones on top, at most 25 of them shown."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from strands_robots.agent.answer import Answer, clean, data_answer, error_answer
from strands_robots.agent.arguments import check_arguments, nearest
from strands_robots.agent.composed import composed_tools, service_timeout
from strands_robots.agent.definition import load_definition
from strands_robots.agent.endpoint import Endpoint, GraphPort, Tool, ToolFamily
from strands_robots.agent.schema import request_schema
from strands_robots.agent.stop_call import is_stop, stop_reason
from strands_robots.agent.stop_way import StopWay
from strands_robots.errors import StrandsRobotsError

MOST_SHOWN = 25
SHOWN_CHARACTERS = 16000
"""JSON of all shown tools [characters]; four to five make a token."""

LONGEST_WAIT = 300.0

FIRST = ("world/get_state", "world/query", "world/describe", "world/reset", "set_gripper", "world/checkpoint")
"""Interfaces shown before others, by the end of their names."""

_WAIT = {"type": "number", "minimum": 0.0, "maximum": LONGEST_WAIT}


class Toolset:
    """Finds, shows and runs tools. What the graph has is looked at again with each `refresh`.

    Args:
        port: The way to the graph.
        families: Tools beside those of the graph.

    Attributes:
        stops: The way of stops, which shares nothing with other calls.
    """

    def __init__(self, port: GraphPort, families: Sequence[ToolFamily] = ()) -> None:
        self._port = port
        self.stops = StopWay(port)
        self._families = tuple(families)
        self._composed = composed_tools(port)
        self._tools: dict[str, Tool] = {}
        self._shown: list[str] = []
        self.refresh()

    def refresh(self) -> None:
        """Look at what the graph offers now."""
        own = [*self._composed, self._find_tool(), self._call_tool()]
        found = {tool.name: tool for tool in own}
        generated = []
        for endpoint in sorted(self._port.endpoints(), key=_rank):
            try:
                tool = self._generated(endpoint)
            except StrandsRobotsError:
                continue  # Its interface is not installed here, so nobody could call it.
            if tool.name not in found:
                found[tool.name] = tool
                generated.append(tool)
        for tool in (tool for family in self._families for tool in family.tools()):
            found[tool.name] = tool
            generated.append(tool)
        self._tools = found
        self._shown = [tool.name for tool in own]
        left = SHOWN_CHARACTERS - sum(map(_size, own))
        for tool in generated:
            if len(self._shown) < MOST_SHOWN and _size(tool) <= left:
                self._shown.append(tool.name)
                left -= _size(tool)

    def shown(self) -> list[Tool]:
        """Return the tools that a model is given."""
        return [self._tools[name] for name in self._shown]

    def names(self) -> list[str]:
        """Return the names of all tools."""
        return sorted(self._tools)

    def run(self, name: str, arguments: Any) -> Answer:
        """Run a tool; whatever is wrong is in the answer. A stop comes before anything is looked up or checked."""
        if is_stop(name, arguments):
            return self._port.stop(stop_reason(name, arguments))
        started = time.monotonic()
        may_come = True
        while name not in self._tools and may_come:
            may_come = self._port.look_again()
            self.refresh()
        tool = self._tools.get(name)
        if tool is None:
            near = nearest(str(name)[:80], self.names())
            return self._unmade(
                name, error_answer("unknown_tool", f"no tool has the name '{str(name)[:80]}'", nearest=near), started
            )
        try:
            given = check_arguments(arguments, tool.schema)
        except StrandsRobotsError as error:
            return self._unmade(name, error_answer("invalid_arguments", str(error)), started)
        try:
            return tool.run(given)
        except StrandsRobotsError as error:
            return self._unmade(name, error_answer("invalid_arguments", str(error)), started)

    def _unmade(self, name: str, answer: Answer, started: float) -> Answer:
        """Record a call that never became a request, and return its answer."""
        self._port.called(Endpoint(clean(str(name), 80), "strands_robots/tool"), answer, started)
        return answer

    def cancel_goals(self) -> int:
        """Cancel every goal that was started through these tools; return how many have not ended within half a second."""
        for family in self._families:
            family.end_turn()
        return self._port.cancel_goals()

    def _generated(self, endpoint: Endpoint) -> Tool:
        group = endpoint.kind.split("/")[1]
        words = load_definition(endpoint.kind).comment
        if group == "msg":
            schema: dict[str, Any] = {"type": "object", "properties": {"timeout": _WAIT}, "additionalProperties": False}
            description = f"Read the latest message of topic {endpoint.name} ({endpoint.kind}). {words}"
            return Tool(endpoint.tool_name, description[:400], schema, lambda given: self._read(endpoint, given))
        schema = request_schema(endpoint.kind)
        if group == "srv":
            return Tool(
                endpoint.tool_name, f"{words or endpoint.kind} (service {endpoint.name})"[:600], schema,
                lambda given: self._port.call(endpoint, given, service_timeout(endpoint.kind)),
            )  # fmt: skip
        wrapped = {
            "type": "object",
            "properties": {"goal": schema, "wait": {**_WAIT, "description": "wait for the end at most this long [s]"}},
            "additionalProperties": False,
        }
        description = f"{words or endpoint.kind} (starts action {endpoint.name}; answers a goal_id for goal_status)"
        return Tool(
            endpoint.tool_name, description[:700], wrapped,
            lambda given: self._port.start(endpoint, given.get("goal", {}), float(given.get("wait", 0.0))),
        )  # fmt: skip

    def _read(self, endpoint: Endpoint, given: Mapping[str, Any]) -> Answer:
        return self._port.read(endpoint, min(float(given.get("timeout", 2.0)), 30.0))

    def _find_tool(self) -> Tool:
        schema = {
            "type": "object",
            "properties": {"query": {"type": "string", "maxLength": 100, "description": "words or part of a name"}},
            "required": ["query"],
            "additionalProperties": False,
        }
        more = f" Also for {'; '.join(family.words for family in self._families)}." if self._families else ""
        words = f"Find more tools by words; answers names and schemas for call_tool.{more}"
        return Tool("find_tool", words, schema, self._find)

    def _find(self, given: Mapping[str, Any]) -> Answer:
        started = time.monotonic()
        words = str(given["query"]).lower().replace("/", "_").split()
        scores = {
            name: sum((word in name.lower()) * 2 + (word in tool.description.lower()) for word in words)
            for name, tool in self._tools.items()
        }
        best = [name for name in sorted(scores, key=lambda name: -scores[name]) if scores[name]][:3]
        if not best:
            near = nearest(str(given["query"]), self.names())
            answer = error_answer("nothing_found", "no tool fits", nearest=near, all=self.names())
        else:
            answer = _described([self._tools[name] for name in best])
        self._port.called(Endpoint("find_tool", "strands_robots/tool"), answer, started)
        return answer

    def _call_tool(self) -> Tool:
        schema = {
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": 64}, "arguments": {"type": "object"}},
            "required": ["name"],
            "additionalProperties": False,
        }
        return Tool("call_tool", "Call a tool that find_tool found, under the same policy.", schema, self._call)

    def _call(self, given: Mapping[str, Any]) -> Answer:
        if given["name"] in ("call_tool", "find_tool"):
            return error_answer("invalid_arguments", f"'{given['name']}' cannot be called through call_tool")
        return self.run(given["name"], given.get("arguments", {}))


def _described(tools: list[Tool]) -> Answer:
    """Return names, descriptions and whole schemas; these come from installed files, not from the graph."""
    entries = [{"name": tool.name, "description": tool.description, "input": tool.schema} for tool in tools]
    while len(text := json.dumps({"tools": entries}, separators=(",", ":"))) > 14000 and len(entries) > 1:
        entries.pop()
    return Answer(False, text) if len(text) <= 14000 else data_answer({"tools": entries})


def _rank(endpoint: Endpoint) -> tuple[int, int, str]:
    group = {"srv": 1, "action": 0, "msg": 2}[endpoint.kind.split("/")[1]]
    first = next((index for index, end in enumerate(FIRST) if endpoint.name.endswith(end)), len(FIRST))
    return first, group, endpoint.name


def _size(tool: Tool) -> int:
    return len(json.dumps({"name": tool.name, "description": tool.description, "input": tool.schema}))
