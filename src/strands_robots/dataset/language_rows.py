"""Rows of LeRobot's language columns, before they are written: who says what in which style. No LeRobot, no I/O.

Source: lerobot/datasets/language.py, lerobot 0.6.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

STYLES = ("subtask", "plan", "memory", "motion", "interjection", "")
"""Styles that are taken while recording; empty is the tool call `say`. LeRobot's others need pictures, or are made afterwards."""

ROLES = ("user", "assistant")
SAY = "say"


def plain_row(role: str, style: str, content: str) -> dict[str, Any]:
    """Return a row without its time.

    Raises:
        ConfigurationError: If role or style is not known, or there are no words.
    """
    if style not in STYLES:
        raise ConfigurationError(
            f"style is '{printable(style)}'; valid: {', '.join(STYLES[:-1])}, or empty for what is said"
        )
    if role not in ROLES:
        raise ConfigurationError(f"role is '{printable(role)}'; valid: {', '.join(ROLES)}")
    if not content.strip():
        raise ConfigurationError("content is empty; valid: the words")
    if not style:
        return {"role": "assistant", "style": None, "content": None, "tool_calls": [tool_call(SAY, {"text": content})]}
    return {"role": role, "style": style, "content": content, "tool_calls": None}


def agent_row(tool: str, arguments: str) -> dict[str, Any]:
    """Return the row of an agent's tool call: what it does from now on, with its arguments as JSON text."""
    return {"role": "assistant", "style": "plan", "content": f"{tool} {arguments}".strip(), "tool_calls": None}


def tool_call(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tool call as LeRobot stores it."""
    return {"type": "function", "function": {"name": name, "arguments": dict(arguments)}}


def said(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what `say` rows say, in order; other rows say nothing."""
    texts: list[str] = []
    for row in rows:
        for call in row.get("tool_calls") or ():
            function = call.get("function", {})
            if function.get("name") == SAY:
                texts.append(str(function.get("arguments", {}).get("text", "")))
    return texts
