"""How old a request is, without trusting any clock but the robot's own steady one. No I/O.

A request echoes the robot's newest beacon. The robot knows when it sent that beacon. So a request that was held back, by
an attacker or by a network, shows its age, and neither side needs to know what time it is.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from strands_robots.fleet.bodies import BeaconEcho
from strands_robots.fleet.refusal import FleetRefusal, FleetRefusedError

LONGEST_AGE = 2.0
"""A request whose beacon is older is refused [s]."""


class SentBeacons:
    """The beacons that a robot has sent lately.

    Args:
        session: This start of the robot's process.
        now: Steady clock [s].
        longest_age: See LONGEST_AGE.
    """

    def __init__(
        self, session: str, now: Callable[[], float] = time.monotonic, longest_age: float = LONGEST_AGE
    ) -> None:
        self.session, self.longest_age = session, longest_age
        self._now = now
        self._sent: deque[tuple[int, float]] = deque(maxlen=256)

    def add(self, sequence: int) -> None:
        """Remember a beacon that is sent now."""
        self._sent.append((sequence, self._now()))

    def check(self, echo: BeaconEcho, sender: str) -> None:
        """Return if the request is fresh.

        Args:
            echo: What it echoes.
            sender: Who sent it.

        Raises:
            FleetRefusedError: If it echoes no beacon of this session, or one that is too old.
        """
        valid = f"valid: a beacon of this session, at most {self.longest_age:g} s old"
        if echo.session != self.session:
            text = f"the request echoes a beacon of session {echo.session}; {valid} ({self.session})"
            raise FleetRefusedError(FleetRefusal.STALE_BEACON, text, sender)
        sent = next((at for sequence, at in reversed(self._sent) if sequence == echo.sequence), None)
        if sent is None:
            raise FleetRefusedError(FleetRefusal.STALE_BEACON, f"the request echoes an unknown beacon; {valid}", sender)
        age = self._now() - sent
        if age > self.longest_age:
            text = f"the request echoes a beacon of {age:.1f} s ago; {valid}"
            raise FleetRefusedError(FleetRefusal.STALE_BEACON, text, sender)
