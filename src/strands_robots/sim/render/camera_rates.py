"""At what rate cameras really run, against what they were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strands_robots.sim.render.camera_feed import CameraTally

SLOW = 0.9
"""A watched camera below this part of its rate is slow."""


@dataclass(frozen=True)
class CameraRate:
    """One camera since the last look.

    Attributes:
        name: The camera.
        is_slow: Whether it makes fewer pictures than it should, while it has a viewer.
        message: The same in words.
        values: What was measured.
    """

    name: str
    is_slow: bool
    message: str
    values: dict[str, object]


class CameraRates:
    """Compares the camera thread's counts with those of the last look. Rates are per simulated second, as cameras' are."""

    def __init__(self) -> None:
        self._time = 0.0
        self._last: dict[str, tuple[int, int, float, bool]] = {}

    def read(self, now: float, tallies: Mapping[str, CameraTally], is_paced: bool) -> list[CameraRate]:
        """Return what every camera did since the last call.

        Args:
            now: Simulated time [s].
            tallies: The camera thread's counts, by camera.
            is_paced: False when pictures are made on request of who steps the world, so that no rate is owed.
        """
        elapsed, self._time = now - self._time, now
        counts = {name: (each.drawn, each.lost, each.seconds, each.is_watched) for name, each in tallies.items()}
        last, self._last = self._last, counts
        return [
            _rate(name, tallies[name].wanted_rate, count, last.get(name, (0, 0, 0.0, False)), elapsed, is_paced)
            for name, count in counts.items()
        ]


def _rate(
    name: str, wanted: float, count: tuple[int, int, float, bool], last: tuple[int, int, float, bool], elapsed: float,
    is_paced: bool,
) -> CameraRate:  # fmt: skip
    drawn, lost = count[0] - last[0], count[1] - last[1]
    rate = drawn / elapsed if elapsed > 0.0 else 0.0
    is_watched = count[3] and last[3]
    is_slow = is_paced and is_watched and lost > 0 and rate < SLOW * wanted
    message = "watched" if count[3] else "no viewer"
    if is_slow:
        message = f"{rate:.1f} pictures a second instead of {wanted:g}; {lost} lost"
    values: dict[str, object] = {
        "rate": rate,
        "wanted_rate": wanted,
        "lost_frames": count[1],
        "picture_ms": 1e3 * (count[2] - last[2]) / drawn if drawn else 0.0,
    }
    return CameraRate(name, is_slow, message, values)
