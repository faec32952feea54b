"""When an incident is written: at a stop, once, with some time after it. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Incident:
    """A stop that is to be written.

    Attributes:
        reason: Why, in words.
        source: Who asked; empty when the stop was not asked for.
        stop_id: Number of the stop; 0 when not known.
    """

    reason: str
    source: str = ""
    stop_id: int = 0


class Trigger:
    """Turns what is seen of stops into one incident for each.

    Args:
        after: Time after a stop that still belongs to it [s].
        spacing: Shortest time between two incidents [s]; stops in between belong to the one before.
    """

    def __init__(self, after: float, spacing: float) -> None:
        self._after = after
        self._spacing = spacing
        self._is_armed = False
        self._waiting: Incident | None = None
        self._due = 0.0
        self._last = -spacing

    def on_state(self, is_armed: bool, incident: Incident, now: float) -> None:
        """Take the state of the graph's latch: the step from armed to anything else is a stop. Times are steady [s]."""
        if self._is_armed and not is_armed:
            self._begin(incident, now)
            if self._waiting is not None and self._waiting.stop_id == 0:
                self._waiting = incident  # Of the same stop as the request that came before; says more.
        elif not is_armed and self._waiting is not None and self._waiting.stop_id == 0:
            # A request while the graph was stopped already: it belongs to the stop that is latched.
            self._waiting = replace(self._waiting, stop_id=incident.stop_id)
        self._is_armed = is_armed

    def on_request(self, incident: Incident, now: float) -> None:
        """Take a stop request, which counts also when no safety_node supervises."""
        self._begin(incident, now)

    def take_due(self, now: float) -> Incident | None:
        """Return the incident whose time after the stop is over, once."""
        if self._waiting is None or now < self._due:
            return None
        incident, self._waiting = self._waiting, None
        return incident

    def _begin(self, incident: Incident, now: float) -> None:
        if self._waiting is None and now - self._last >= self._spacing:
            self._waiting, self._due, self._last = incident, now + self._after, now
