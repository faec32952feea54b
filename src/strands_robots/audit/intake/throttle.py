"""Keeps a flood from drowning the log: what exceeds a source's rate is counted instead of stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

OTHERS = "others"
"""Name under which sources are counted together once there are too many."""


@dataclass(frozen=True)
class ThrottleConfig:
    """Options of the throttle.

    Attributes:
        rate: Events that a source may store for long [1/s].
        burst: Events that it may store at once.
        sources: Sources that are told apart; the rest shares one rate.
    """

    rate: float = 200.0
    burst: int = 1000
    sources: int = 256


@dataclass
class _Bucket:
    tokens: float
    filled_us: int


class Throttle:
    """Token bucket for each source.

    Args:
        config: Options.
    """

    def __init__(self, config: ThrottleConfig) -> None:
        self.config = config
        self._buckets: dict[tuple[str, ...], _Bucket] = {}
        self._suppressed: Counter[str] = Counter()

    def admit(self, source: str, key: tuple[str, ...], now_us: int) -> bool:
        """Return whether an event may be stored; if not, it is counted.

        Args:
            source: Who is named in the count.
            key: What has a rate of its own, beginning with the source.
            now_us: Monotonic clock [us].
        """
        if key not in self._buckets and len(self._buckets) >= self.config.sources:
            self._forget_idle(now_us)
            if len(self._buckets) >= self.config.sources:
                source, key = OTHERS, (OTHERS,)
        bucket = self._buckets.setdefault(key, _Bucket(self.config.burst, now_us))
        bucket.tokens = min(self.config.burst, bucket.tokens + (now_us - bucket.filled_us) * 1e-6 * self.config.rate)
        bucket.filled_us = now_us
        if bucket.tokens < 1.0:
            self._suppressed[source] += 1
            return False
        bucket.tokens -= 1.0
        return True

    def take_suppressed(self) -> dict[str, int]:
        """Return how many events of each source were counted since the last call."""
        counts, self._suppressed = dict(self._suppressed), Counter()
        return counts

    def _forget_idle(self, now_us: int) -> None:
        full_after_us = self.config.burst / self.config.rate * 1e6
        idle = [key for key, bucket in self._buckets.items() if now_us - bucket.filled_us >= full_after_us]
        for key in idle:
            del self._buckets[key]
