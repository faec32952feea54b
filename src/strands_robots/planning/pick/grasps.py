"""Grasps of an object by two fingers: pairs of points whose normals are opposite, and tool poses that have them between the jaws."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose, rotation_between, rotation_matrix
from strands_robots.planning.pick.jaws import Jaws
from strands_robots.planning.pick.surface import surface_of
from strands_robots.planning.planning_scene import Shape

FRICTION_ANGLE = 0.3
"""Largest angle between the line of the fingers and a surface's normal [rad]: a friction of 0.31 holds there."""

GAP = 0.006
"""Distance of the finger that does not move from the object before the other one closes [m]."""

SAMPLES = 200
"""Pairs of points that are tried."""

TILTS = (0.0, 0.35, -0.35, 0.7, -0.7)
"""Turns of the approach about the line of the fingers, from straight down [rad]."""

MOST = 60
"""Most grasps that are returned."""

MOST_OF_A_KIND = 16
"""Most grasps of one tilt and depth among them: where an arm cannot come from above, or so deep, there are others to try."""

SHALLOW = 0.5
"""A shallow grasp has the object this part of the fingers' reach nearer to their ends: for what lies low."""

_SAME_PLACE, _SAME_TURN = 0.006, 0.15  # [m], [rad]; grasps nearer than this are one


@dataclass(frozen=True, eq=False)
class Grasp:
    """One way to hold an object.

    Attributes:
        tool: Pose of the tool with the object between its jaws, in the base frame.
        width: Distance of the two points [m].
        cost: What the best one has least of: tilt from straight down [rad] and distance from the object's middle, weighted.
        tilt: Turn of the approach about the line of the fingers [rad], without its sign.
        depth: How much nearer to the ends of the fingers the object is than to the tool's frame [m].
    """

    tool: Pose
    width: float
    cost: float
    tilt: float = 0.0
    depth: float = 0.0

    def before(self, distance: float) -> Pose:
        """Return the tool's pose `distance` [m] before the grasp, against its approach."""
        return Pose(self.tool.position - distance * self.tool.axis, self.tool.rotation)


def antipodal_grasps(shapes: Sequence[Shape], jaws: Jaws, seed: int = 0, samples: int = SAMPLES) -> list[Grasp]:
    """Return grasps of an object, the best first; the same seed gives the same ones.

    Args:
        shapes: Its shapes in the base frame; each of them is held by itself.
        jaws: The gripper.
        seed: Seed of the samples.
        samples: Pairs of points that are tried.

    Raises:
        MotionError: "unreachable" if nothing of it fits between the jaws; the message says how wide it is where it is narrowest.
    """
    random = np.random.default_rng(seed)
    surfaces = [surface_of(shape) for shape in shapes]
    middle = np.mean([surface.corners.mean(axis=(0, 1)) for surface in surfaces], axis=0)
    found: list[Grasp] = []
    narrowest = math.inf
    weights = np.array([surface.areas.sum() for surface in surfaces])
    for surface, part in zip(surfaces, weights / weights.sum()):
        points, normals = surface.sample(max(int(samples * part), 8), random)
        for point, normal in zip(points, normals):
            out = surface.exit(point, -normal)
            if out is None or float(out[1] @ -normal) < math.cos(FRICTION_ANGLE):
                continue
            width = out[0]
            narrowest = min(narrowest, width)
            if width > jaws.opening:
                continue
            centre = point - 0.5 * width * normal
            found += _grasps_at(centre, -normal, width, jaws, float(np.linalg.norm(centre - middle)))
    if not found:
        words = (
            "has no two opposite faces"
            if math.isinf(narrowest)
            else f"is {1e3 * narrowest:.0f} mm wide where it is narrowest"
        )
        raise MotionError(
            "unreachable", f"'{shapes[0].name}' {words}; valid between the jaws: up to {1e3 * jaws.opening:.0f} mm"
        )
    return _distinct(sorted(found, key=lambda grasp: grasp.cost))


def _grasps_at(centre: FloatArray, line: FloatArray, width: float, jaws: Jaws, off_middle: float) -> list[Grasp]:
    """Return the grasps that have two points between the jaws, from several sides."""
    down = np.array([0.0, 0.0, -1.0])
    straight = down - (down @ line) * line
    if np.linalg.norm(straight) < 0.2:
        return []  # The fingers would be one over the other.
    straight /= np.linalg.norm(straight)
    made = []
    for sign in (1.0, -1.0):
        for tilt in TILTS:
            approach = rotation_matrix(tilt * line) @ straight
            rotation = _rotation(sign * line, approach, jaws.axis)
            beside = (0.5 * width + GAP) * sign * line if jaws.is_one_sided else np.zeros(3)
            angle = math.acos(float(np.clip(approach @ down, -1.0, 1.0)))
            for depth in (0.0, SHALLOW * jaws.reach) if jaws.reach > 2.0 * _SAME_PLACE else (0.0,):
                cost = angle + 20.0 * (off_middle + depth) + 5.0 * width
                tool = Pose(centre + beside - depth * approach, rotation)
                made.append(Grasp(tool, width, cost, abs(tilt), depth))
    return made


def _rotation(line: FloatArray, approach: FloatArray, axis: FloatArray) -> FloatArray:
    """Return the rotation (3, 3) that turns the tool's z axis to `approach` and `axis` of the tool to `line`."""
    world = np.stack([line, np.cross(approach, line), approach], axis=1)
    tool = np.stack([axis, np.cross([0.0, 0.0, 1.0], axis), [0.0, 0.0, 1.0]], axis=1)
    turn: FloatArray = world @ tool.T
    return turn


def _distinct(grasps: list[Grasp]) -> list[Grasp]:
    kept: list[Grasp] = []
    of_a_kind: Counter[tuple[float, float]] = Counter()
    for grasp in grasps:
        is_new = of_a_kind[grasp.tilt, grasp.depth] < MOST_OF_A_KIND and all(
            np.linalg.norm(grasp.tool.position - other.tool.position) > _SAME_PLACE
            or rotation_between(grasp.tool.rotation, other.tool.rotation) > _SAME_TURN
            for other in kept
        )
        if is_new:
            kept.append(grasp)
            of_a_kind[grasp.tilt, grasp.depth] += 1
        if len(kept) == MOST:
            break
    return kept
