"""What a source reports: an event. The log turns it into a record."""

from __future__ import annotations

import enum
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from strands_robots.audit.json_values import JsonObject, bounded, text

LOG_SOURCE = "audit"
"""Source of the log's own records."""

LOG_KINDS = frozenset(
    {
        "segment_start",
        "checkpoint",
        "log_end",
        "poison",
        "sequence_gap",
        "sequence_conflict",
        "suppressed",
        "malformed",
        "pruned",
    }
)
"""Kinds that only the log itself writes; verification trusts them."""

DURABLE_KINDS = frozenset(
    {
        "stop",
        "stop_latched",
        "stop_request",
        "stop_malformed",
        "resume",
        "resume_accepted",
        "resume_refused",
        "approval",
        "latch",
        "poison",
        "log_end",
    }
)
"""Kinds that are synced to the disk at once, whatever their source asked for."""

MAX_KIND = 64
MAX_NAME = 255
"""Longest source, session, robot and actor [characters]."""

_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Durability(enum.IntEnum):
    """How soon an event must be on the disk; numbers as in msg/AuditEvent."""

    LATER = 0
    NOW = 1


@dataclass(frozen=True)
class AuditClock:
    """The writer's clocks; tests give their own.

    Attributes:
        wall_us: Returns the wall clock [us since 1970 UTC].
        monotonic_us: Returns the monotonic clock [us].
    """

    wall_us: Callable[[], int] = lambda: time.time_ns() // 1000
    monotonic_us: Callable[[], int] = lambda: time.monotonic_ns() // 1000


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: What, for example "stop".
        source: Who reports.
        session: Identity of that start of the source.
        sequence: 1, 2, 3, ... per source and session.
        wall_us: When, wall clock [us since 1970 UTC].
        monotonic_us: The same moment on the source's monotonic clock [us].
        robot: Robot concerned, or empty.
        actor: Who caused it, or empty.
        details: What the kind says more; JSON from `json_values.bounded`.
        durability: How soon it must be on the disk.
    """

    kind: str
    source: str
    session: str
    sequence: int
    wall_us: int
    monotonic_us: int
    robot: str = ""
    actor: str = ""
    details: JsonObject = field(default_factory=dict)
    durability: Durability = Durability.LATER

    @property
    def is_durable(self) -> bool:
        """True when it must be synced at once."""
        return self.durability is Durability.NOW or self.kind in DURABLE_KINDS


def checked(event: Event) -> Event:
    """Return an event from outside as it may be stored: names cut to their bounds, an invalid kind renamed."""
    names = {name: text(getattr(event, name))[:MAX_NAME] for name in ("source", "session", "robot", "actor")}
    if names["source"] == LOG_SOURCE:
        names["source"] = "/" + LOG_SOURCE
    event = replace(event, **names)  # type: ignore[arg-type]
    if event.kind in LOG_KINDS:
        return malformed(event, f"kind '{event.kind}' belongs to the log")
    if not _KIND.fullmatch(event.kind):
        return malformed(event, "kind must be lower-case words joined by '_', at most 64 characters")
    return event


def malformed(event: Event, reason: str) -> Event:
    """Return the event as one of kind `malformed` that says why."""
    details = bounded({"reason": reason, "kind": event.kind[:MAX_NAME], "details": event.details})
    return replace(event, kind="malformed", details=details)
