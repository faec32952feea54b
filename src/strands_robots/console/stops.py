"""The console's stops: each in a thread of its own, and what became of the last one. No ROS."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from strands_robots.core.priority import hurry
from strands_robots.safety.stop_report import StopReport, verdict
from strands_robots.safety.stop_words import REASON_LENGTH, clipped

REASON = "stop button of the console"
WAIT = 5.0
"""How long a stop asks on and waits for evidence of rest [s]."""

_MOST_READ = 4096
_MOST_NUMBERS = 256

StopGraph = Callable[[str, str, float], StopReport]
"""Stops every robot: source, reason and longest wait for rest [s]."""


class Stops:
    """Makes stops. May be used by several threads; nothing here waits, refuses or is ever full.

    A page sends one press over every way it has, with one number: it is made once. A press without a number is always made.

    Args:
        stop: Stops the graph.
        source: Who asks.
    """

    def __init__(self, stop: StopGraph, source: str) -> None:
        self._stop, self._source = stop, source
        self._lock = threading.Lock()
        self._numbers: deque[str] = deque(maxlen=_MOST_NUMBERS)
        self._last: dict[str, Any] = {}

    @property
    def last(self) -> dict[str, Any]:
        """What became of the last press, for the pages; empty before the first."""
        return self._last

    def take(self, data: bytes | str) -> str:
        """Stop because a message came, whatever is in it; return the press's number."""
        number, reason = _words(data)
        return self.press(number, reason)

    def press(self, number: str, reason: str) -> str:
        """Stop, unless the press with this number was made already; return the number."""
        with self._lock:
            if number and number in self._numbers:
                return number
            number = number or secrets.token_hex(8)
            self._numbers.append(number)
        threading.Thread(target=self._make, args=(number, reason), name="stop", daemon=True).start()
        return number

    def _make(self, number: str, reason: str) -> None:
        hurry()
        self._last = {"number": number, "asked": time.time(), "verdict": "", "robots": []}
        try:
            report = self._stop(self._source, reason, WAIT)
        except Exception as error:  # noqa: BLE001
            # The person must hear that there is no evidence, whatever went wrong.
            self._last = {
                **self._last,
                "verdict": f"NOT STOPPED ({type(error).__name__}: {error})",
                "is_latched": False,
            }
            return
        self._last = {
            "number": number,
            "asked": self._last["asked"],
            "verdict": verdict(report),
            "is_latched": report.is_latched,
            "is_at_rest": report.is_at_rest,
            "stop_id": report.stop_id,
            "is_audited": report.is_audited,
            "problem": report.problem,
            "robots": [
                {"name": robot.name, "is_heard": robot.is_heard, "is_latched": robot.is_latched, "is_at_rest": robot.is_at_rest}
                for robot in report.robots
            ],
        }  # fmt: skip


def _words(data: bytes | str) -> tuple[str, str]:
    """Return the number and the reason in a message; nothing and the usual reason where it cannot be read."""
    try:
        given = json.loads(data[:_MOST_READ])
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        return "", REASON
    number, reason = given.get("number", ""), given.get("reason", "")
    is_number = isinstance(number, str) and 0 < len(number) <= 64
    return number if is_number else "", clipped(reason, REASON_LENGTH) if isinstance(reason, str) and reason else REASON
