"""Whether the start of a graph is over: what arms by itself waits until every robot was heard for a while without a gap."""

from __future__ import annotations

LONGEST_SILENCE = 30.0
"""A robot that is silent for this long before it was ever armed stops the graph [s]; until then that is a slow start."""


class Settling:
    """Robots that wait for their first arming. A start on a cold disk or a busy machine has gaps, and an armed robot stops at one.

    Args:
        settle_time: How long a robot must be heard without a gap [s]; 0 arms it when it is first heard.
        longest_gap: Silence of a robot, or between two calls of `tick`, that begins the time anew [s].

    Half of the time has to pass after the last of the other nodes has come up: what it still loads makes gaps too.
    """

    def __init__(self, settle_time: float, longest_gap: float) -> None:
        self._settle_time = settle_time
        self._longest_gap = longest_gap
        self._waiting_for = ""
        self._waited: float | None = None
        self._ticked: float | None = None
        self._since: dict[str, float] = {}
        self._heard: dict[str, tuple[str, float]] = {}

    def hold(self, waiting_for: str) -> None:
        """Let nothing settle while something else is missing; empty when nothing is."""
        self._waiting_for = waiting_for

    def tick(self, now: float) -> None:
        """Take the next turn of the heartbeat's publisher."""
        if self._ticked is not None and now - self._ticked > self._longest_gap:
            self._since = dict.fromkeys(self._since, now)
        self._ticked = now
        if self._waiting_for:
            self._waited = now

    def hear(self, robot: str, session: str, now: float) -> bool:
        """Take a report of a robot; returns True when it has settled, and forgets it then."""
        before, received = self._heard.get(robot, ("", now))
        if robot not in self._since or before != session or now - received > self._longest_gap:
            self._since[robot] = now
        self._heard[robot] = (session, now)
        if self._waiting_for:
            self._waited = now
        is_calm = self._waited is None or now - self._waited >= self._settle_time / 2.0
        has_settled = not self._waiting_for and is_calm and now - self._since[robot] >= self._settle_time
        if has_settled:
            self.forget(robot)
        return has_settled

    def forget(self, robot: str) -> None:
        """Wait for a robot no longer."""
        self._since.pop(robot, None)
        self._heard.pop(robot, None)

    def words(self, robots: list[str]) -> str:
        """Return what robots that are not armed yet wait for."""
        if not robots:
            return ""
        reason = f", and that for {self._waiting_for}" if self._waiting_for else ""
        return f"; waiting for {', '.join(robots)}{reason}"
