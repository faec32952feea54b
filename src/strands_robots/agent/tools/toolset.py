"""The tools of a graph: generated ones for each interface, composed ones on top, at most 25 of them shown."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from strands_robots.agent.stop.stop_call import is_stop, stop_reason
from strands_robots.agent.stop.stop_way import StopWay
from strands_robots.agent.tools.arguments import check_arguments, nearest
from strands_robots.agent.tools.composed import composed_tools
from strands_robots.agent.tools.composing import what_is_missing
from strands_robots.agent.tools.endpoint import Endpoint, GraphPort, Tool, ToolFamily
from strands_robots.agent.tools.generated import generated_tool
from strands_robots.agent.tools.pages import Pages
from strands_robots.agent.tools.tool_answer import ToolAnswer, clean, data_answer, error_answer
from strands_robots.agent.tools.tool_search import ToolSearch
from strands_robots.agent.tools.tool_words import tool_words
from strands_robots.core.errors import StrandsRobotsError

MOST_SHOWN = 25
SHOWN_CHARACTERS = 18000
"""JSON of all shown tools [characters]; four to five make a token."""

MOST_FOUND = 3
"""Tools that find_tool answers."""

LONGEST_FOUND = 16000
"""JSON of what find_tool answers [characters]; whole schemas, so more than other answers."""


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
        self._missing: dict[str, str] = {}
        self._simpler: dict[str, str] = {}
        self._search: ToolSearch | None = None
        self._pages = Pages()
        self.refresh()

    def session(self, name: str) -> Toolset:
        """Return the same tools for another asker: its permits, goals and jobs are its own, as is its name in the audit log."""
        port = self._port.session(name)
        return Toolset(port, [family.session(port) for family in self._families])

    def refresh(self) -> None:
        """Look at what the graph offers now."""
        own = [*self._composed, self._find_tool(), self._call_tool(), self._pages.tool()]
        found = {tool.name: tool for tool in own}
        generated: list[tuple[Endpoint | None, Tool]] = []
        covered = {kind: tool.name for tool in own for kind in tool.covers}
        self._simpler = {}
        endpoints = sorted(self._port.endpoints(), key=_rank)
        for endpoint in endpoints:
            try:
                tool = generated_tool(self._port, endpoint, _hint(covered.get(endpoint.kind, "")))
            except StrandsRobotsError:
                continue  # Its interface is not installed here, so it could not be called.
            if tool.name not in found:
                found[tool.name] = tool
                generated.append((endpoint, tool))
                self._simpler |= {tool.name: covered[endpoint.kind]} if endpoint.kind in covered else {}
        for tool in (tool for family in self._families for tool in family.tools()):
            found[tool.name] = tool
            generated.append((None, tool))
        kinds = {endpoint.kind for endpoint in endpoints}
        if found.keys() != self._tools.keys():
            self._search = None
        self._tools = found
        lacking = {tool.name: [kind for kind in tool.needs if kind not in kinds] for tool in own}
        self._missing = {name: absent[0] for name, absent in lacking.items() if absent}
        self._shown = [tool.name for tool in own if tool.name not in self._missing]
        left = SHOWN_CHARACTERS - sum(_size(found[name]) for name in self._shown)
        for source, tool in generated:
            is_plumbing = source is not None and (source.kind in covered or tool_words().is_last(source.name))
            if not is_plumbing and len(self._shown) < MOST_SHOWN and _size(tool) <= left:
                self._shown.append(tool.name)
                left -= _size(tool)

    def shown(self) -> list[Tool]:
        """Return the tools that a model is given."""
        return [self._tools[name] for name in self._shown]

    def names(self) -> list[str]:
        """Return the names of all tools that the graph can serve now."""
        return sorted(self._tools.keys() - self._missing.keys())

    def run(self, name: str, arguments: Any) -> ToolAnswer:
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
            return self._pages.keep(tool.run(given))
        except StrandsRobotsError as error:
            return self._unmade(name, error_answer("invalid_arguments", str(error)), started)

    def _unmade(self, name: str, answer: ToolAnswer, started: float) -> ToolAnswer:
        """Record a call that never became a request, and return its answer."""
        self._port.called(Endpoint(clean(str(name), 80), "strands_robots/tool"), answer, started)
        return answer

    def cancel_goals(self) -> int:
        """Cancel every goal that was started through these tools; return how many have not ended within half a second."""
        for family in self._families:
            family.end_turn()
        return self._port.cancel_goals()

    def _find_tool(self) -> Tool:
        schema = {
            "type": "object",
            "properties": {
                "query": {"type": "string", "maxLength": 300, "description": "what you want to do, in words, or a name"}
            },
            "required": ["query"],
            "additionalProperties": False,
        }
        more = f" Also for {'; '.join(family.words for family in self._families)}." if self._families else ""
        words = f"Find more tools by words; answers names and schemas for call_tool.{more}"
        return Tool("find_tool", words, schema, self._find)

    def _find(self, given: Mapping[str, Any]) -> ToolAnswer:
        started = time.monotonic()
        query, may_come = str(given["query"]), True
        self.refresh()
        best = self._best(query)
        while may_come and (not best or self._missing.keys() & set(best[:MOST_FOUND])):
            may_come = self._port.look_again()  # Discovery may not have brought yet what fits.
            self.refresh()
            best = self._best(query)
        there = [name for name in best if name not in self._missing][:MOST_FOUND]
        absent = [
            f"{name}: {what_is_missing(self._missing[name])}" for name in best[:MOST_FOUND] if name in self._missing
        ]
        if not best:
            near = nearest(query, self.names())
            answer = error_answer("nothing_found", "no tool fits", nearest=near, all=self.names())
        elif not there:
            answer = error_answer("not_there", "; ".join(absent))
        else:
            answer = _described([self._tools[name] for name in there], absent)
        self._port.called(Endpoint("find_tool", "strands_robots/tool"), answer, started)
        return answer

    def _best(self, query: str) -> list[str]:
        """Return the names of the tools that fit a query, the best first; before one that has a simpler one, that."""
        tools = self._tools
        if self._search is None:
            self._search = ToolSearch(list(tools.values()), tool_words())
        exact = [name for name in (query, query.strip().strip("/").replace("/", "_")) if name in tools]
        ranked = self._search.find(query, MOST_FOUND + len(self._missing))
        simpler = [[self._simpler[name], name] if name in self._simpler else [name] for name in ranked]
        return [name for name in dict.fromkeys([*exact, *(name for each in simpler for name in each)]) if name in tools]

    def _call_tool(self) -> Tool:
        schema = {
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": 64}, "arguments": {"type": "object"}},
            "required": ["name"],
            "additionalProperties": False,
        }
        return Tool("call_tool", "Call a tool that find_tool found, under the same policy.", schema, self._call)

    def _call(self, given: Mapping[str, Any]) -> ToolAnswer:
        if given["name"] in ("call_tool", "find_tool"):
            return error_answer("invalid_arguments", f"'{given['name']}' cannot be called through call_tool")
        return self.run(given["name"], given.get("arguments", {}))


def _described(tools: list[Tool], absent: list[str]) -> ToolAnswer:
    """Return names, descriptions and whole schemas; these come from installed files, not from the graph.

    Args:
        tools: The tools.
        absent: Tools that fit as well, and what the graph lacks for them, in words.
    """
    more = {"next": f"cannot be used now: {'; '.join(absent)}"} if absent else {}
    entries = [{"name": tool.name, "description": tool.description, "input": tool.schema} for tool in tools]
    while (
        len(text := json.dumps({"tools": entries, **more}, separators=(",", ":"))) > LONGEST_FOUND and len(entries) > 1
    ):
        entries.pop()
    return ToolAnswer(False, text) if len(text) <= LONGEST_FOUND else data_answer({"tools": entries, **more})


def _hint(better: str) -> str:
    return f"{better} does the same and is simpler." if better else ""


def _rank(endpoint: Endpoint) -> tuple[int, int, str]:
    group = {"srv": 1, "action": 0, "msg": 2}[endpoint.kind.split("/")[1]]
    return tool_words().rank(endpoint.name), group, endpoint.name


def _size(tool: Tool) -> int:
    return len(json.dumps({"name": tool.name, "description": tool.description, "input": tool.schema}))
