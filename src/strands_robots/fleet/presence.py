"""Who was heard lately: each member's newest beacon and its age by the receiver's steady clock. No I/O.

A transport's own liveliness says that a process's link is open, which a process that hangs keeps. A beacon says what the
gates said a moment ago.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from strands_robots.fleet.bodies import Beacon, BeaconEcho

PRESENT = 3.0
"""A member that was not heard for longer is shown as not heard [s]; beacons come every second."""


@dataclass(frozen=True)
class Heard:
    """A member's newest beacon.

    Attributes:
        beacon: What it said.
        sequence: Its number.
        at: When it arrived, steady clock [s].
    """

    beacon: Beacon
    sequence: int
    at: float

    @property
    def echo(self) -> BeaconEcho:
        """What a request to this member echoes."""
        return BeaconEcho(session=self.beacon.session, sequence=self.sequence)


class Presence:
    """The newest beacon of each member. May be read while another thread adds.

    Args:
        now: Steady clock [s].
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._heard: dict[str, Heard] = {}

    def add(self, member: str, sequence: int, beacon: Beacon) -> None:
        """Take a beacon that arrives now."""
        self._heard[member] = Heard(beacon, sequence, self._now())

    def find(self, member: str) -> Heard | None:
        """Return a member's newest beacon; None when none was heard since this process began."""
        return self._heard.get(member)

    def age(self, member: str) -> float | None:
        """Return how long ago a member was heard [s]; None for never."""
        heard = self._heard.get(member)
        return None if heard is None else self._now() - heard.at

    def is_present(self, member: str) -> bool:
        """Return whether a member was heard lately."""
        age = self.age(member)
        return age is not None and age <= PRESENT
