"""Samples of one topic with their stamps: which one was the newest at an instant, and what became of each. No I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

SECOND = 1_000_000_000
"""Nanoseconds in a second; instants are whole nanoseconds of ROS time."""

CAMERA_RATE = 30
"""Cameras up to this rate, or the dataset's where it is higher, keep every picture of the seconds before an episode [Hz]."""

GAP = 1.5
"""Stamps further apart than this many periods have a gap between them."""

_PERIODS = 31


def picture_rate(fps: int) -> int:
    """Return the rate of a camera whose pictures are all kept between episodes [Hz]: cameras may be faster than the dataset."""
    return max(fps, CAMERA_RATE)


class Sample(NamedTuple):
    """One message.

    Attributes:
        stamp: When it was measured [ns, ROS time].
        payload: What it says.
    """

    stamp: int
    payload: Any


@dataclass
class StreamCount:
    """What became of a stream's samples; the fields of msg/StreamCount."""

    received: int = 0
    used: int = 0
    repeated: int = 0
    stale: int = 0
    lost: int = 0
    gaps: int = 0
    late: int = 0

    def __add__(self, other: StreamCount) -> StreamCount:
        return StreamCount(**{name: value + getattr(other, name) for name, value in asdict(self).items()})


class Stream:
    """The latest samples of a topic.

    Args:
        topic: Its name.
        max_age: Oldest sample that may be used [ns].
        capacity: Samples kept; the oldest of more are dropped and are then `late`.

    Attributes:
        topic, max_age, capacity: As given.
        count: What became of the samples since `begin`.
        watermark: Stamp of the newest sample [ns]; None before the first.
        heard: When `hear` last saw a new sample [ns, ROS time].
        silence: How long nothing has come [ns].
        went_back: True once stamps have jumped back since `begin`.
    """

    def __init__(self, topic: str, max_age: int, capacity: int = 1024) -> None:
        self.topic = topic
        self.max_age = max_age
        self.count = StreamCount()
        self.watermark: int | None = None
        self.went_back = False
        self.heard = self.silence = 0
        self._seen = 0
        self._samples: deque[Sample] = deque(maxlen=capacity)
        self.capacity = capacity
        self._sequence = 0
        self._last_used: int | None = None
        self._done = -(1 << 62)
        self._periods: deque[int] = deque(maxlen=_PERIODS)

    def begin(self, keep_count: bool = False) -> None:
        """Start counting; the samples stay, for the newest of them may be the first to be used."""
        if not keep_count:
            self.count = StreamCount()
        self.went_back = False
        self._last_used = None
        self._done = -(1 << 62)

    @property
    def rate(self) -> float:
        """Samples a second, by the median of the last intervals [Hz]; 0 before there are any."""
        periods = sorted(self._periods)
        return SECOND / periods[len(periods) // 2] if periods else 0.0

    @property
    def oldest(self) -> int:
        """Stamp of the oldest sample that is kept [ns].

        Raises:
            IndexError: If there is none.
        """
        return self._samples[0].stamp

    def clear(self) -> None:
        """Forget every sample."""
        self._samples.clear()
        self._periods.clear()
        self.watermark = None

    def push(self, stamp: int, payload: Any, sequence: int = 0) -> None:
        """Take a sample.

        Args:
            stamp: When it was measured [ns, ROS time].
            payload: What it says; must not change afterwards.
            sequence: The publisher's number of the message; 0 when the middleware gives none.
        """
        self.count.received += 1
        if sequence and self._sequence and sequence > self._sequence + 1:
            self.count.lost += sequence - self._sequence - 1
        self._sequence = sequence
        if self.watermark is not None:
            if stamp < self.watermark:
                self._on_backward(stamp)
            elif stamp > self.watermark:
                self._on_interval(stamp - self.watermark)
        if stamp <= self._done:
            self.count.late += 1
            return
        if len(self._samples) == self.capacity:
            self.count.late += 1
        self.watermark = stamp
        self._samples.append(Sample(stamp, payload))

    def hear(self, now: int, elapsed: int = 0) -> None:
        """Note at `now` [ns, ROS time] whether samples came since the last call.

        Args:
            now: Present.
            elapsed: Time since the last call that counts as silence [ns].
        """
        if self.count.received != self._seen:
            self._seen, self.heard, self.silence = self.count.received, now, 0
        else:
            self.silence += elapsed

    def newest(self, at: int) -> Sample | None:
        """Return the newest sample not after an instant [ns]; None when there is none."""
        found = None
        for sample in self._samples:
            if sample.stamp > at:
                break
            found = sample
        return found

    def take(self, at: int) -> tuple[Sample | None, bool]:
        """Return the newest sample not after an instant, and whether it is stale; counts it and forgets the older ones.

        Args:
            at: The instant [ns]; never before that of the last call.
        """
        found = self.newest(at)
        self._done = at
        if found is None:
            return None, True
        while self._samples[0] is not found:
            self._samples.popleft()
        if found.stamp == self._last_used:
            self.count.repeated += 1
        else:
            self.count.used += 1
            self._last_used = found.stamp
        is_stale = at - found.stamp > self.max_age
        self.count.stale += is_stale
        return found, is_stale

    def forget_before(self, at: int) -> None:
        """Drop what is older than the newest sample not after an instant [ns]; for the time between episodes."""
        found = self.newest(at)
        while found is not None and self._samples[0] is not found:
            self._samples.popleft()

    def _on_backward(self, stamp: int) -> None:
        """ROS time went back: what was buffered is of another time."""
        self.went_back = True
        self.clear()
        self._done = -(1 << 62)

    def _on_interval(self, interval: int) -> None:
        if len(self._periods) >= 3:
            period = sorted(self._periods)[len(self._periods) // 2]
            if interval > GAP * period:
                self.count.gaps += round(interval / period) - 1
        self._periods.append(interval)
