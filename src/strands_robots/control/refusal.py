"""Why the gate refuses, by name, and its answer to one command."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Refusal(enum.Enum):
    """Reasons for which the gate refuses a command; the value is the name on the graph."""

    LATCHED = "latched"
    NOT_FINITE = "not_finite"
    WRONG_LENGTH = "wrong_length"
    TOO_LARGE = "too_large"
    UNKNOWN_JOINT = "unknown_joint"
    UNSUPPORTED_MODE = "unsupported_mode"
    MALFORMED_SOURCE = "malformed_source"
    INVALID_TIME = "invalid_time"
    EXPIRED = "expired"
    FUTURE = "future"
    BEFORE_ARMING = "before_arming"
    SEQUENCE = "sequence"
    TOO_MANY_SOURCES = "too_many_sources"
    LEASE = "lease"
    LIMIT = "limit"
    WORKSPACE = "workspace"
    MODE_OF_WORLD = "mode_of_world"


class Refused(Exception):
    """Raised inside the gate by the check that refuses; never leaves the gate."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(f"{refusal.value}: {message}")
        self.refusal = refusal


@dataclass(frozen=True)
class Verdict:
    """The gate's answer to one command.

    Attributes:
        accepted: True when it will be played.
        refusal: The reason when it was refused.
        message: What was wrong, what was given and what is valid; for an accepted command that was clamped, what was clamped.
        clamped: True when at least one value was clamped to a limit.
    """

    accepted: bool
    refusal: Refusal | None = None
    message: str = ""
    clamped: bool = False


ACCEPTED = Verdict(True)
"""The verdict on a command that is played as it is."""
