"""What a check finds."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Status(enum.Enum):
    """OK: works. ABSENT: not there and not needed. WARNING: works, but not well. FAILED: something that is needed does not."""

    OK = "ok"
    ABSENT = "absent"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Result:
    """One finding.

    Attributes:
        name: Name of the check.
        status: How it went.
        found: What was found, in one line.
        remedy: Two lines that repair it: what to do, and what else helps or how to see that it did. Empty when all is well.
    """

    name: str
    status: Status
    found: str
    remedy: tuple[str, str] | tuple[()] = ()

    def __post_init__(self) -> None:
        if self.status in (Status.FAILED, Status.WARNING) and len(self.remedy) != 2:
            raise ValueError(f"check '{self.name}' names no remedy in two lines")


def ok(name: str, found: str) -> Result:
    """Return that it works."""
    return Result(name, Status.OK, found)


def absent(name: str, found: str) -> Result:
    """Return that it is not there, which is no problem."""
    return Result(name, Status.ABSENT, found)


def warning(name: str, found: str, first: str, second: str) -> Result:
    """Return that it does not work well, and the remedy."""
    return Result(name, Status.WARNING, found, (first, second))


def failed(name: str, found: str, first: str, second: str) -> Result:
    """Return that it does not work, and the remedy."""
    return Result(name, Status.FAILED, found, (first, second))
