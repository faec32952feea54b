"""The rest of answers that were cut: the last few are kept whole, and a tool reads any part of them. No ROS."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from strands_robots.agent.tools.endpoint import Tool
from strands_robots.agent.tools.tool_answer import LONGEST_ANSWER, MORE_ROOM, ToolAnswer, data_answer, error_answer

MOST_KEPT = 8
"""Answers that can still be read."""

PAGE_TEXT = 3000
"""Characters of a text in one page."""

_STEP = re.compile(r"[^.\[\]]+")

SCHEMA = {
    "type": "object",
    "properties": {
        "answer": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1 << 53,
            "description": "number that the cut answer gave",
        },
        "path": {"type": "string", "maxLength": 256, "description": 'which part, as "bodies" or "objects[3].pose"'},
        "start": {
            "type": "integer",
            "minimum": 0,
            "maximum": 1 << 53,
            "description": "first item, or character of a text",
        },
    },
    "required": ["answer", "path"],
    "additionalProperties": False,
}


class Pages:
    """Keeps answers that were cut. May be used by several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Mapping[str, Any]] = OrderedDict()
        self._last = 0
        self._lock = threading.Lock()

    def tool(self) -> Tool:
        """Return the tool that reads the rest."""
        return Tool(
            "read_more",
            "Read the rest of an answer that was cut: a list or text in it, page by page.",
            SCHEMA,
            self._read,
        )

    def keep(self, answer: ToolAnswer) -> ToolAnswer:
        """Return the answer; one that was cut is kept, and says how the rest is read."""
        if answer.whole is None:
            return answer
        with self._lock:
            self._last += 1
            self._kept[self._last] = answer.whole
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            number = self._last
        words = f"parts are left out; read_more with answer {number}, path (name of the part) and start (first item) has them"
        text = json.dumps({**json.loads(answer.text), "cut": words}, separators=(",", ":"))
        return replace(answer, text=text, whole=None)

    def _read(self, given: Mapping[str, Any]) -> ToolAnswer:
        with self._lock:
            values, kept = self._kept.get(given["answer"]), list(self._kept)
        if values is None:
            return error_answer("unknown_answer", f"answer {given['answer']} is not kept", valid=kept)
        part: Any = values
        for step in _STEP.findall(given["path"]):
            valid = _steps(part)
            if step not in valid:
                return error_answer("unknown_part", f"the answer has no '{step}' there", valid=list(valid)[:30])
            part = valid[step]
        return _page(part, given["path"], int(given.get("start", 0)))


def _steps(part: Any) -> dict[str, Any]:
    if isinstance(part, Mapping):
        return {str(name): value for name, value in part.items()}
    if isinstance(part, Sequence) and not isinstance(part, (str, bytes)):
        return {str(index): value for index, value in enumerate(part)}
    return {}


def _page(part: Any, path: str, start: int) -> ToolAnswer:
    """Return as much of a part as one answer holds, whole items only."""
    if isinstance(part, str) and len(part.splitlines()) > 1:
        part = part.splitlines()
    if not isinstance(part, (str, list, tuple)):
        return replace(data_answer({path: part}), whole=None)
    count = min(PAGE_TEXT if isinstance(part, str) else 40, max(len(part) - start, 0))
    while True:
        end = start + count
        page: dict[str, Any] = {"part": part[start:end], "start": start, "in_all": len(part)}
        if end < len(part):
            page["next_start"] = end
        answer = data_answer(page)
        if answer.whole is None or count <= 1:
            assert len(answer.text) <= LONGEST_ANSWER - MORE_ROOM
            return replace(answer, whole=None)
        count = (count + 1) // 2
