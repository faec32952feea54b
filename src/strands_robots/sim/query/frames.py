"""Where the frames of the world are: links of robots and bodies of objects, each relative to its parent."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.sim.world.world import World


@dataclass(frozen=True)
class NamedFrame:
    """One frame; that of a robot carries the robot's name."""

    name: str
    parent: str


class FrameTree:
    """The frames of a world: every named body, relative to the next named body above it.

    Belongs to one generation of the world.

    Attributes:
        frames: The frames that can move against their parents, (N).
        fixed: The others; `fixed_poses` says where they are.
        positions: Origins of `frames` in the parent frames (N, 3) [m], as of the last `read`.
        quaternions: Rotations of `frames` in the parent frames (N, 4), xyzw, as of the last `read`.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        model = self._model = world.model
        bodies = [i for i in range(1, model.nbody) if model.body(i).name]
        parents = {body: _named_parent(model, body) for body in bodies}
        moving = [body for body in bodies if _is_moving(model, body, parents[body])]
        fixed = [body for body in bodies if body not in set(moving)]
        self._pairs = np.array([(body, parents[body]) for body in moving], dtype=int).reshape(-1, 2)
        self._fixed_pairs = np.array([(body, parents[body]) for body in fixed], dtype=int).reshape(-1, 2)
        self.frames = tuple(NamedFrame(model.body(i).name, model.body(parents[i]).name) for i in moving)
        self.fixed = tuple(NamedFrame(model.body(i).name, model.body(parents[i]).name) for i in fixed)
        self.positions: FloatArray = np.zeros((len(moving), 3))
        self.quaternions: FloatArray = np.zeros((len(moving), 4))

    def read(self) -> None:
        """Refresh positions and quaternions from the world, unless it was changed since."""
        with self._world.lock:
            if self._world.model is self._model:
                self.positions, self.quaternions = _relative(self._world.data, self._pairs)

    def fixed_poses(self) -> tuple[FloatArray, FloatArray]:
        """Return origins (M, 3) [m] and rotations (M, 4), xyzw, of `fixed` in their parent frames."""
        with self._world.lock:
            return _relative(self._world.data, self._fixed_pairs)


def _relative(
    data: mujoco.MjData, pairs: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> tuple[FloatArray, FloatArray]:
    """Return the poses of the first bodies (N, 2) in the frames of the second ones."""
    body, parent = data.xquat[pairs[:, 0]], data.xquat[pairs[:, 1]] * (1.0, -1.0, -1.0, -1.0)
    offset = data.xpos[pairs[:, 0]] - data.xpos[pairs[:, 1]]
    # v + 2 w (u x v) + 2 u x (u x v), u and w being the vector and scalar parts of the inverse rotation
    twice = 2.0 * np.cross(parent[:, 1:], offset)
    position: FloatArray = offset + parent[:, :1] * twice + np.cross(parent[:, 1:], twice)
    vector = parent[:, :1] * body[:, 1:] + body[:, :1] * parent[:, 1:] + np.cross(parent[:, 1:], body[:, 1:])
    scalar = parent[:, :1] * body[:, :1] - (parent[:, 1:] * body[:, 1:]).sum(axis=1, keepdims=True)
    return position, np.concatenate([vector, scalar], axis=1)


def _named_parent(model: mujoco.MjModel, body: int) -> int:
    parent = int(model.body_parentid[body])
    while parent and not model.body(parent).name:
        parent = int(model.body_parentid[parent])
    return parent


def _is_moving(model: mujoco.MjModel, body: int, parent: int) -> bool:
    """Return whether there is a joint, or a body that is moved from outside, between a body and a named one above it."""
    while body != parent:
        if model.body_jntnum[body] or model.body_mocapid[body] >= 0:
            return True
        body = int(model.body_parentid[body])
    return False
