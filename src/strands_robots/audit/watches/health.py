"""Whether the graph is recorded: judged by what audit_node says of itself, and by its silence. No I/O."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass


class OnAuditLoss(enum.Enum):
    """What safety_node does while nothing is recorded; it is said in every case but the last."""

    ALARM = "alarm"
    STOP = "stop"
    IGNORE = "ignore"


@dataclass(frozen=True)
class AuditHealthConfig:
    """Options.

    Attributes:
        grace: Time that audit_node has to be heard first [s].
        silence: Longest time without a word of it [s]; it speaks once a second.
    """

    grace: float = 10.0
    silence: float = 3.0


class AuditHealth:
    """Remembers the newest state of the log. Times are steady [s].

    Args:
        config: Options.
        now: The present.
    """

    def __init__(self, config: AuditHealthConfig, now: float) -> None:
        self._config = config
        self._since = now
        self._heard = -math.inf
        self._alarm = ""

    def see(self, alarm: str, now: float) -> None:
        """Take audit_node's newest word; `alarm` is empty while all is well."""
        self._heard, self._alarm = now, alarm

    def is_recorded(self, now: float) -> bool:
        """Return whether audit_node is heard and can write."""
        return now - self._heard <= self._config.silence and not self._alarm

    def problem(self, now: float) -> str:
        """Return why nothing is recorded; empty while it is, and while audit_node may still be starting."""
        if self.is_recorded(now):
            return ""
        if now - self._heard <= self._config.silence:
            return f"NOT RECORDED: {self._alarm}"
        if self._heard > -math.inf:
            return f"NOT RECORDED: audit_node is silent for {now - self._heard:.0f} s"
        if now - self._since <= self._config.grace:
            return ""
        return f"NOT RECORDED: no audit_node was heard for {now - self._since:.0f} s"
