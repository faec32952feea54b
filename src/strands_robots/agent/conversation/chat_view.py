"""Shows an agent's turns in a terminal with colours, or as plain lines. No ROS."""

from __future__ import annotations

import queue
import threading
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from strands_robots.agent.conversation.turn import Step, StepKind
from strands_robots.agent.tools.tool_answer import DATA_NOTE

if TYPE_CHECKING:
    from rich.console import Console

LONGEST_SHOWN = 160
"""Longest arguments and answers of tools in a line [characters]."""

Say = Callable[[str, str], None]
"""Takes a piece of text and what it is: "answer", "tool", "result", "ask", "error", "event" or "quiet"."""

_STYLES = {"tool": "cyan", "result": "dim", "ask": "bold yellow", "error": "red", "event": "magenta", "quiet": "dim"}


def printable(text: str, encoding: str = "utf-8") -> str:
    """Return a text that can do nothing to a terminal: no control, invisible or unencodable characters; lines are kept."""
    kept = "".join(sign for sign in text.replace("\t", "    ") if sign == "\n" or unicodedata.category(sign)[0] != "C")
    return kept.encode(encoding, "backslashreplace").decode(encoding)


class TurnLines:
    """Makes lines of steps. What the model says is streamed; everything else is a line of its own.

    Args:
        say: Takes each piece.
        own: Returns the id of the turn that was prompted from here, empty for none; another turn's prompt is shown too.
        prompt: What a person who types stands behind: shown again after a turn that was not the person's.
    """

    def __init__(self, say: Say, own: Callable[[], str], prompt: str = "") -> None:
        self._say = say
        self._own = own
        self._prompt = prompt
        self._is_open = False

    def show(self, turn_id: str, step: Step) -> None:
        """Show one step."""
        if step.kind is StepKind.TEXT:
            self._is_open = True
            self._say(step.text, "answer")
            return
        self._close()
        is_between = bool(self._prompt) and not self._own()
        if step.kind is StepKind.BEGIN and turn_id != self._own():
            first = step.text.split("\n", 1)[0]
            self._line(f"{chr(10) * is_between}[{step.name}] {_short(first)}", "event")
        elif step.kind is StepKind.TOOL_CALL:
            self._line(f"[tool] {step.name} {_short(step.text)}", "tool")
        elif step.kind is StepKind.TOOL_RESULT:
            self._line(
                f"  {'failed' if step.is_error else 'ok'}: {_short(step.text)}", "error" if step.is_error else "result"
            )
        elif step.kind is StepKind.APPROVAL_WAITING:
            self._line(f"[approval {step.request_id}] {step.name} {step.text}", "ask")
            self._line(f"  a person decides:  strands-robots approvals approve {step.request_id}", "ask")
            self._line(f"                     strands-robots approvals decline {step.request_id}", "ask")
        elif step.kind is StepKind.APPROVAL_DECIDED:
            self._line(f"[approval {step.request_id}] {step.text}", "error" if step.is_error else "ask")
        elif step.kind is StepKind.END and step.is_error:
            self._line(f"[{step.name}] {step.text}", "error")
        if step.kind is StepKind.END and is_between:
            self._say(self._prompt, "quiet")

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._say("\n", "answer")

    def _line(self, text: str, kind: str) -> None:
        self._say(f"{text}\n", kind)


def _short(text: str) -> str:
    """Return the beginning of a text, without the note that is for the model."""
    text = text.replace(f',"note":"{DATA_NOTE}"', "")
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 4]} ..."


def plain_say(answers: Any, rest: Any) -> Say:
    """Return a Say for programs: what the model says goes to one file, everything else to another."""

    def say(text: str, kind: str) -> None:
        file = answers if kind == "answer" else rest
        file.write(printable(text, file.encoding or "ascii"))
        file.flush()

    return say


def rich_say(console: Console) -> Say:
    """Return a Say for a terminal."""
    from rich.text import Text

    def say(text: str, kind: str) -> None:
        shown = Text(printable(text, console.encoding), style=_STYLES.get(kind, ""))
        console.print(shown, end="", soft_wrap=True, highlight=False)

    return say


class Printer:
    """Shows steps in a thread of its own: a terminal that is held (Ctrl-S) must not hold the client's heartbeat.

    Args:
        lines: Shows them.
    """

    def __init__(self, lines: TurnLines) -> None:
        self._lines = lines
        self._queue: queue.Queue[tuple[str, Step] | None] = queue.Queue()
        self._ended: set[str] = set()
        self._has_ended = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="printer", daemon=True)
        self._thread.start()

    def put(self, turn_id: str, step: Step) -> None:
        """Take a step."""
        self._queue.put((turn_id, step))

    def wait_for_end(self, turn_id: str, timeout: float) -> bool:
        """Wait until the end of a turn is shown, and return whether it is within the timeout [s]."""
        with self._has_ended:
            return self._has_ended.wait_for(lambda: turn_id in self._ended, timeout)

    def close(self) -> None:
        """Show what is there and end."""
        self._queue.put(None)
        self._thread.join(2.0)

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            turn_id, step = entry
            try:
                self._lines.show(turn_id, step)
            except BrokenPipeError:
                return  # The reader of the output is gone.
            if step.kind is StepKind.END:
                with self._has_ended:
                    self._ended.add(turn_id)
                    self._has_ended.notify_all()
