"""The texts of a turn's steps: pieces of speech put together, arguments and answers of tools cut short. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from strands_robots.agent.tools.tool_answer import clean

TEXT_PERIOD = 0.1
"""Shortest time between two pieces of what the model says [s]; a model may say a hundred words a second."""

LONGEST_PIECE = 4000
LONGEST_ARGUMENTS = 2000
LONGEST_RESULT = 600


class TextBuffer:
    """Puts pieces together and gives them out a few times a second. No character is lost.

    Args:
        give: Takes the next piece, at most LONGEST_PIECE characters.
    """

    def __init__(self, give: Callable[[str], None]) -> None:
        self._give = give
        self._text = ""
        self._given = float("-inf")

    def add(self, piece: str, now: float) -> None:
        """Take what was said at steady time `now` [s]."""
        self._text += piece
        if now - self._given >= TEXT_PERIOD or len(self._text) >= LONGEST_PIECE:
            self._given = now
            self.flush()

    def flush(self) -> None:
        """Give out what is there."""
        text, self._text = self._text, ""
        for start in range(0, len(text), LONGEST_PIECE):
            self._give(text[start : start + LONGEST_PIECE])


def arguments_text(arguments: Any) -> str:
    """Return a call's arguments as JSON in ASCII, cut where they are long."""
    return clean(json.dumps(arguments, sort_keys=True, default=str), LONGEST_ARGUMENTS)


def result_text(result: Any) -> tuple[str, bool]:
    """Return the beginning of a tool's answer and whether it is an error."""
    if not isinstance(result, Mapping):
        return clean(f"{type(result).__name__}: {result}", LONGEST_RESULT), True
    parts = [
        str(part["text"]) if "text" in part else f"[{next(iter(part), 'nothing')}]"
        for part in result.get("content", [])
    ]
    return clean(" ".join(parts), LONGEST_RESULT), result.get("status") == "error"
