"""Where the frames of the world are: links of robots and optical frames of cameras, each relative to its parent."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.sim.world import World
from strands_robots.types import FloatArray


@dataclass(frozen=True)
class Frame:
    """One frame; its name carries the robot's."""

    name: str
    parent: str


class FrameTree:
    """The moving frames of a world: every named body, relative to the next named body above it.

    Attributes:
        frames: The frames, (N).
        positions: Origins in the parent frames (N, 3) [m], as of the last `read`.
        quaternions: Rotations in the parent frames (N, 4), xyzw, as of the last `read`.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        model = world.model
        prefixes = tuple(f"{name}/" for name in world.robots)
        self._bodies = [i for i in range(1, model.nbody) if model.body(i).name.startswith(prefixes)]
        self._parents = [_named_parent(model, i) for i in self._bodies]
        self.frames = tuple(
            Frame(model.body(i).name, model.body(parent).name) for i, parent in zip(self._bodies, self._parents)
        )
        self.positions: FloatArray = np.zeros((len(self.frames), 3))
        self.quaternions: FloatArray = np.zeros((len(self.frames), 4))

    def read(self) -> None:
        """Refresh positions and quaternions from the world."""
        inverse, rotation, offset = np.empty(4), np.empty(4), np.empty(3)
        with self._world.lock:
            data = self._world.data
            for row, (body, parent) in enumerate(zip(self._bodies, self._parents)):
                mujoco.mju_negQuat(inverse, data.xquat[parent])
                mujoco.mju_mulQuat(rotation, inverse, data.xquat[body])
                np.subtract(data.xpos[body], data.xpos[parent], out=offset)
                mujoco.mju_rotVecQuat(self.positions[row], offset, inverse)
                self.quaternions[row] = rotation[[1, 2, 3, 0]]


def _named_parent(model: mujoco.MjModel, body: int) -> int:
    parent = int(model.body_parentid[body])
    while parent and not model.body(parent).name:
        parent = int(model.body_parentid[parent])
    return parent
