"""Every reason for which a fleet message is refused, by name. A refusal is counted and audited, never silent."""

from __future__ import annotations

import enum

from strands_robots.core.errors import StrandsRobotsError


class FleetRefusal(enum.Enum):
    """Why a message was refused; the values are what is counted, answered and audited."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    UNKNOWN_VERSION = "unknown_version"
    WRONG_FLEET = "wrong_fleet"
    NOT_ON_ROSTER = "not_on_roster"
    WRONG_SIGNATURE = "wrong_signature"
    NOT_ALLOWED = "not_allowed"
    NOT_ADDRESSED = "not_addressed"
    REPEATED = "repeated"
    TOO_MANY = "too_many"
    STALE_BEACON = "stale_beacon"
    OTHER_KIND_OF_ROBOT = "other_kind_of_robot"
    OLD_ROSTER = "old_roster"


class FleetRefusedError(StrandsRobotsError):
    """A message was refused.

    Attributes:
        refusal: Why.
        sender: Who it says sent it; empty where that could not be read. Proven only when the signature was checked.
    """

    def __init__(self, refusal: FleetRefusal, message: str, sender: str = "") -> None:
        super().__init__(message)
        self.refusal = refusal
        self.sender = sender
