"""What was asked of the graph's agents from the console's pages, and every step of their answers. No ROS."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strands_robots.agent.conversation.turn import Step, StepKind

MOST_TURNS = 30
MOST_STEPS = 400
LONGEST_TEXT = 65536


class Conversation:
    """The last turns, kept in the console: a reload, or a page that is closed, loses none. Safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: deque[dict[str, Any]] = deque(maxlen=MOST_TURNS)
        self._revision = 0

    def begin(self, agent: str, prompt: str) -> None:
        """Begin a turn."""
        with self._lock:
            self._turns.append(
                {
                    "agent": agent, "prompt": prompt, "began": time.time(), "is_over": False, "reason": "", "message": "",
                    "steps": [], "left_out": 0,
                }
            )  # fmt: skip
            self._revision += 1

    def take(self, step: Step) -> None:
        """Take a step of the newest turn; pieces of one text become one."""
        with self._lock:
            steps = self._turns[-1]["steps"]
            if step.kind is StepKind.TEXT and steps and steps[-1]["kind"] == "TEXT":
                steps[-1]["text"] = (steps[-1]["text"] + step.text)[:LONGEST_TEXT]
            elif step.kind not in (StepKind.BEGIN, StepKind.END):
                steps.append({**asdict(step), "kind": step.kind.name})
            if len(steps) > MOST_STEPS:  # The newest are what a person acts on.
                del steps[0]
                self._turns[-1]["left_out"] += 1
            self._revision += 1

    def end(self, reason: str, message: str) -> None:
        """End the newest turn."""
        with self._lock:
            self._turns[-1].update(is_over=True, reason=reason, message=message[:LONGEST_TEXT])
            self._revision += 1

    def words(self) -> dict[str, Any]:
        """Return what each state of a page says of it; what was said is read when the revision changes."""
        with self._lock:
            return {"revision": self._revision, "is_running": bool(self._turns) and not self._turns[-1]["is_over"]}

    def routes(self) -> tuple[Route, ...]:
        """Return the route that reads it, in a worker thread: a long conversation does not hold the pages' server."""
        return (Route("/chat", self._read),)

    def _read(self, request: Request) -> Response:
        with self._lock:
            return JSONResponse({"revision": self._revision, "turns": list(self._turns)})
