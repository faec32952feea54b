"""What stands around robots, as pages draw it: shapes that were made, changed or taken away. No I/O; no ROS."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_SHAPES = 4000
MOST_CORNERS = 600_000
"""Corners of the triangles of all meshes, and cubes of all clouds; more are counted, not drawn."""


@dataclass(frozen=True)
class WorldShape:
    """One shape.

    Attributes:
        kind: "box", "ellipsoid", "cylinder", "triangles" or "cubes", which are of one size.
        size: Full lengths along its axes [m]; of one cube; 1 for triangles.
        xyz, quaternion: Pose in the scene's frame [m]; x, y, z, w.
        rgba: Colour, 0 to 1.
        points: Corners of triangles or centres of cubes, x, y, z of each [m].
        link: The robot's link that it moves with, in whose frame the pose is; empty for the scene's frame.
    """

    kind: str
    size: Sequence[float]
    xyz: Sequence[float]
    quaternion: Sequence[float]
    rgba: Sequence[float]
    points: Sequence[float] = ()
    link: str = ""


@dataclass
class _Kept:
    shape: WorldShape
    made: int
    moved: int


@dataclass
class WorldScene:
    """The shapes of a world, or around one robot. One thread changes it; any reads it.

    Attributes:
        left_out: Shapes that are more than a page can draw.
    """

    left_out: int = 0
    _number: int = 1
    _cleared: int = 1
    _corners: int = 0
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        """Take every shape away: the world was changed, or is not heard any more."""
        with self._lock:
            self._number += 1
            self._cleared, self.left_out, self._corners = self._number, 0, 0
            self._kept.clear()

    def put(self, name: str, shape: WorldShape) -> None:
        """Take a shape as it is now."""
        with self._lock:
            self._number += 1
            kept = self._kept.get(name)
            if kept is not None:
                kept.shape, kept.moved = shape, self._number
            elif len(self._kept) >= MOST_SHAPES or self._corners + len(shape.points) // 3 > MOST_CORNERS:
                self.left_out += 1
            else:
                self._corners += len(shape.points) // 3
                self._kept[name] = _Kept(shape, self._number, self._number)

    def since(self, number: int) -> dict[str, Any]:
        """Return what has changed since an answer of this number; everything for one before the last clearing, or of another console."""
        with self._lock:
            is_whole = not self._cleared <= number <= self._number
            shapes = {
                name: _words(kept, is_whole or kept.made > number)
                for name, kept in self._kept.items()
                if is_whole or kept.moved > number
            }
            return {"number": self._number, "is_whole": is_whole, "shapes": shapes, "left_out": self.left_out}


def _words(kept: _Kept, is_new: bool) -> dict[str, Any]:
    shape = kept.shape
    pose = {"xyz": _short(shape.xyz), "quaternion": _short(shape.quaternion)}
    if not is_new:
        return pose
    made = {"kind": shape.kind, "size": _short(shape.size), "rgba": _short(shape.rgba), "link": shape.link}
    return {**pose, **made, "points": _short(shape.points)}


def _short(values: Sequence[float]) -> list[float]:
    return [round(float(value), 5) for value in values]
