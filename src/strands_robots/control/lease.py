"""One source at a time: who may command a robot, decided by class and silence."""

from __future__ import annotations

import re
from functools import lru_cache

from strands_robots.control.refusal import Refusal, Refused
from strands_robots.core.text import printable
from strands_robots.core.types import SourceClass

_SOURCE = re.compile(r"[a-z]+/[\x21-\x7e]{1,120}")


@lru_cache(maxsize=256)
def source_class(source: str) -> SourceClass:
    """Return the class of "class/name".

    Raises:
        Refused: If the source is not of that form; the message lists the classes.
    """
    head = source.partition("/")[0]
    if _SOURCE.fullmatch(source) is None or head.upper() not in SourceClass.__members__:
        classes = ", ".join(member.name.lower() for member in sorted(SourceClass, reverse=True))
        raise Refused(
            Refusal.MALFORMED_SOURCE,
            f"source '{printable(source[:128])}' is not 'class/name' with a class of {classes}",
        )
    return SourceClass[head.upper()]


class Lease:
    """The right to command one robot.

    A higher class takes it over at once. An equal one waits until the holder has been silent for `timeout` after its chunk ended, a
    lower one as well. Times are on the one clock that the gate chooses (ROS time in simulation, steady time on hardware).

    Attributes:
        holder: Source that holds it; empty when free.
    """

    def __init__(self, timeout: float) -> None:
        self.holder = ""
        self._timeout = timeout
        self._priority = 0
        self._busy_until = 0.0

    def expire(self, now: float) -> None:
        """Free the lease when the holder has been silent for the timeout after its chunk ended."""
        if self.holder and now > self._busy_until + self._timeout:
            self.clear()

    def check(self, source: str, now: float) -> None:
        """Raise Refused unless `source` may take or keep the lease now."""
        wanted = source_class(source)
        self.expire(now)
        if self.holder and self.holder != source and wanted.priority <= self._priority:
            wait = max(self._busy_until + self._timeout - now, 0.0)
            raise Refused(
                Refusal.LEASE,
                f"'{self.holder}' holds the robot for at least {wait:.2f} s more; '{source}' may take it after that, or a source of "
                "a higher class (operator > teleop > policy = external > agent) at once",
            )

    def take(self, source: str, now: float, busy_until: float) -> None:
        """Give the lease to `source`, whose chunk ends at `busy_until`. Call `check` first."""
        self.holder = source
        self._priority = source_class(source).priority
        self._busy_until = max(now, busy_until)

    def extend(self, busy_until: float) -> None:
        """Keep the holder busy until at least `busy_until`, because its motion is not over."""
        self._busy_until = max(self._busy_until, busy_until)

    def clear(self) -> None:
        """Free the lease."""
        self.holder = ""
        self._priority = 0
