"""What people declined: the same interface is not asked for again at once by the same asker, however the request is varied. No I/O.

Each further declining doubles the pause; an approval ends it. A session of an asker ("agent/mcp/3f2a81c0") counts as the
asker, so that a new session is no way around it.
"""

from __future__ import annotations

from typing import NamedTuple

LONGEST_PAUSE = 900.0
"""No pause is longer [s]."""

_MOST = 1024


class _Pause(NamedTuple):
    until: float
    length: float


class DeclineMemory:
    """Pauses after declined requests.

    Args:
        first: Length of the first pause [s].
    """

    def __init__(self, first: float) -> None:
        self._first = first
        self._pauses: dict[tuple[str, str], _Pause] = {}

    def declined(self, source: str, name: str, now: float) -> None:
        """Remember that a person declined a request of an asker for an interface, at steady time `now` [s]."""
        key = _key(source, name)
        before = self._pauses.pop(key, None)
        length = self._first if before is None else min(2.0 * before.length, max(LONGEST_PAUSE, self._first))
        self._pauses[key] = _Pause(now + length, length)
        if len(self._pauses) > _MOST:
            del self._pauses[next(iter(self._pauses))]

    def approved(self, source: str, name: str) -> None:
        """Forget what was declined: a person wants this after all."""
        self._pauses.pop(_key(source, name), None)

    def left(self, source: str, name: str, now: float) -> float:
        """Return how long an asker has to wait before it may ask for an interface [s]; 0 for not at all."""
        pause = self._pauses.get(_key(source, name))
        return max(pause.until - now, 0.0) if pause is not None else 0.0

    def forget(self, now: float) -> None:
        """Forget pauses that are over for as long again as the longest."""
        self._pauses = {key: pause for key, pause in self._pauses.items() if pause.until + LONGEST_PAUSE > now}


def _key(source: str, name: str) -> tuple[str, str]:
    return "/".join(source.split("/")[:2]), name
