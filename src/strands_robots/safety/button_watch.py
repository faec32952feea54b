"""Which configured stop button keeps the graph stopped: pressed, at fault, silent, or never heard. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class ButtonBeat:
    """The fields of msg/StopButtonState that matter; `problem` is empty when the button is ready."""

    name: str
    session: str
    sequence: int
    problem: str


@dataclass(frozen=True)
class ButtonStop:
    """A stop that a button asks for."""

    source: str
    reason: str


class ButtonWatch:
    """Judges the configured buttons by their heartbeats.

    Buttons that are not configured are not judged here: their presses come as stop requests like any other.

    Args:
        names: The buttons without which nothing may be armed.
        timeout: Silence that counts as a fault [s].
    """

    def __init__(self, names: Iterable[str], timeout: float) -> None:
        self._names = tuple(sorted(set(names)))
        self._timeout = timeout
        self._beats: dict[str, tuple[ButtonBeat, float]] = {}

    def on_beat(self, beat: ButtonBeat, now: float) -> None:
        """Take a heartbeat; a repeated or overtaken one keeps nothing alive.

        Args:
            beat: The heartbeat.
            now: When it came [s, steady time].
        """
        if beat.name not in self._names:
            return
        last = self._beats.get(beat.name)
        if last is None or beat.session != last[0].session or beat.sequence > last[0].sequence:
            self._beats[beat.name] = (beat, now)

    def problem(self, now: float) -> ButtonStop | None:
        """Return the stop that the first button in trouble asks for; None when all are heard and ready."""
        for name in self._names:
            reason = self._reason(name, now)
            if reason:
                return ButtonStop(f"button/{name}", reason)
        return None

    def _reason(self, name: str, now: float) -> str:
        if name not in self._beats:
            return f"stop button '{name}' has not been heard yet"
        beat, received = self._beats[name]
        if now - received > self._timeout:
            return f"stop button '{name}' is silent"
        return f"stop button '{name}': {beat.problem}" if beat.problem else ""
