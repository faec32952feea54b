"""How often each action may be made: a place is reserved when it is asked for, and given back when it does not happen."""

from __future__ import annotations

from collections import Counter, deque

from strands_robots.approvals.approval_policy import Rate

_MOST_ACTIONS = 1024
_OTHERS = "others"


class RateLimits:
    """Sliding windows, one for each action. Beyond 1,024 actions the rest shares one."""

    def __init__(self) -> None:
        self._made: dict[str, deque[float]] = {}
        self._reserved: Counter[str] = Counter()

    def is_free(self, action: str, rate: Rate, now: float) -> bool:
        """Return whether one more of the action may be asked for, at steady time `now` [s]."""
        action = self._known(action)
        return len(self._window(action, rate, now)) + self._reserved[action] < rate.count

    def reserve(self, action: str) -> None:
        """Keep a place for an action that waits for a decision."""
        self._reserved[self._known(action)] += 1

    def give_back(self, action: str) -> None:
        """Free the place of an action that was declined or never made."""
        self._reserved[self._known(action)] -= 1

    def count(self, action: str, rate: Rate, now: float) -> None:
        """Count an action that is made at steady time `now` [s]."""
        self._window(self._known(action), rate, now).append(now)

    def _known(self, action: str) -> str:
        if action not in self._made and len(self._made) >= _MOST_ACTIONS:
            self._made = {name: made for name, made in self._made.items() if made or self._reserved[name] > 0}
            if len(self._made) >= _MOST_ACTIONS:
                action = _OTHERS
        self._made.setdefault(action, deque())
        return action

    def _window(self, action: str, rate: Rate, now: float) -> deque[float]:
        made = self._made[action]
        while made and made[0] <= now - rate.period:
            made.popleft()
        return made
