"""Whether anything moves in an episode, and whether its pictures show it. The recorder and `verify` judge by the same rules."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FROZEN = 10
"""Equal rows or pictures one after the other, while the robot moves, that are reported."""

STILL_START = 0.5
"""How long an episode may begin without motion before that is reported [s]."""

STILL = 2e-3
"""Part of the way that a joint covers in the episode, below which it stands still."""

LEAST = 1e-3
"""A joint that covers less than this in an episode does not move, whatever its unit."""

MOVED = 0.02
"""Part of its way in the episode that a joint covers while a picture stands still, from which that is reported."""


def still_start(state: NDArray[np.float64], action: NDArray[np.float64]) -> int:
    """Return the number of frames (N) at the start in which neither state nor action (N, D) moves; N where they never do."""
    moving = np.zeros(len(state), dtype=bool)
    for values in (state, action):
        way = np.ptp(values, axis=0)
        moved = np.abs(values - values[0]) > np.maximum(STILL * way, 1e-9)
        moving |= (moved & (way > LEAST)).any(axis=1)
    return int(moving.argmax()) if moving.any() else len(state)


def start_problem(state: NDArray[np.float64], action: NDArray[np.float64], fps: int) -> str:
    """Return that an episode begins without motion, or has none; empty where it moves at once."""
    start = still_start(state, action)
    if start <= max(STILL_START * fps, 2):
        return ""
    if start == len(state):
        return f"nothing moves in the whole episode of {start} frames"
    return f"nothing moves in the first {start} frames ({start / fps:.1f} s): a policy would learn to wait"


class PictureRun:
    """The longest run of equal pictures of one camera.

    Attributes:
        start, end: Its first and last frame.
    """

    def __init__(self) -> None:
        self.start = self.end = 0
        self._before: NDArray[np.uint8] | None = None
        self._number = -1
        self._begin = 0

    @property
    def length(self) -> int:
        """Frames of the run."""
        return self.end - self.start + 1

    def see(self, picture: NDArray[np.uint8]) -> None:
        """Take the picture (H, W, 3) of the next frame; every eighth pixel is compared."""
        self._number += 1
        small = picture[::8, ::8]
        if self._before is None or not np.array_equal(small, self._before):
            self._before, self._begin = small.copy(), self._number
        if self._number - self._begin > self.end - self.start:
            self.start, self.end = self._begin, self._number

    def problem(self, name: str, state: NDArray[np.float64]) -> str:
        """Return that the camera `name` stood still while the robot moved; empty where it did not.

        Args:
            name: For the message.
            state: Measured joints (N, D) of the episode.
        """
        if self.length < FROZEN:
            return ""
        moved, way = np.ptp(state[self.start : self.end + 1], axis=0), np.ptp(state, axis=0)
        if not ((moved > MOVED * way) & (moved > LEAST)).any():
            return ""
        return f"{name} shows the same picture in frames {self.start} to {self.end} while the robot moves"


class EpisodeWatch:
    """What the recorder notes of an episode while it is recorded, to say it when the episode is saved.

    Args:
        fps: Frames a second.

    Attributes:
        uncommanded: First and last frame of each stretch in which no source commanded any robot.
    """

    def __init__(self, fps: int) -> None:
        self.uncommanded: list[list[int]] = []
        self._fps = fps
        self._states: list[NDArray[Any]] = []
        self._actions: list[NDArray[Any]] = []
        self._pictures: dict[str, PictureRun] = {}

    def see(
        self, state: NDArray[Any], action: NDArray[Any], pictures: dict[str, NDArray[np.uint8]], is_commanded: bool
    ) -> None:
        """Take the next frame.

        Args:
            state, action: As they are written (D,).
            pictures: By topic (H, W, 3).
            is_commanded: Whether a source commanded at least one robot.
        """
        index = len(self._states)
        self._states.append(state)
        self._actions.append(action)
        for topic, picture in pictures.items():
            self._pictures.setdefault(topic, PictureRun()).see(picture)
        if is_commanded:
            return
        if self.uncommanded and self.uncommanded[-1][1] == index - 1:
            self.uncommanded[-1][1] = index
        else:
            self.uncommanded.append([index, index])

    def notes(self) -> list[str]:
        """Return what a person should know of the episode before the next one is recorded."""
        if not self._states:
            return []
        state, action = (np.stack(values).astype(np.float64) for values in (self._states, self._actions))
        found = [start_problem(state, action, self._fps)]
        found += [run.problem(topic, state) for topic, run in self._pictures.items()]
        held = sum(last - first + 1 for first, last in self.uncommanded)
        if held == len(state):
            found.append("no source commanded: every action is the robot holding its position")
        elif held >= self._fps:
            found.append(f"no source commanded in {held} of {len(state)} frames")
        return [note for note in found if note]
