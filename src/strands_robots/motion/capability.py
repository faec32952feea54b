"""What a robot can do, from its description and its model: how far its tool reaches. Needs MuJoCo; no ROS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.motion.arm import Arm

SAMPLES = 3000
"""Joint positions that are tried to find how far the tool reaches."""


@dataclass(frozen=True)
class Workspace:
    """Where the tool can be, found by trying; collisions are not looked at.

    Attributes:
        reach: Farthest distance of the tool from the base frame's origin [m].
        lowest, highest: Lowest and highest coordinates (3,) of the tool in the base frame [m].
    """

    reach: float
    lowest: FloatArray
    highest: FloatArray


def find_workspace(arm: Arm) -> Workspace | None:
    """Return where the tool can be; None without a tool. The same arm gives the same answer."""
    if arm.tool is None:
        return None
    rng = np.random.default_rng(0)
    low = np.maximum(arm.limits.lower, -np.pi)
    high = np.minimum(arm.limits.upper, np.pi)
    # Where a joint is at one of its ends or in its middle the arm is stretched out most often.
    picks = np.stack([low, np.clip(0.0, low, high), 0.5 * (low + high), high])
    samples = rng.uniform(low, high, (SAMPLES, len(low)))
    samples[::2] = picks[rng.integers(len(picks), size=(len(samples[::2]), len(low))), np.arange(len(low))]
    places = np.array([arm.tool_pose(sample).position for sample in samples])
    return Workspace(float(np.linalg.norm(places, axis=1).max()), places.min(axis=0), places.max(axis=0))


def joint_units(arm: Arm) -> list[str]:
    """Return "rad" or "m" for each joint of an arm, in its order."""
    from mujoco import mjtJoint

    joints = [arm.model.joint(name) for name in arm.config.joints]
    return ["m" if int(joint.type[0]) == int(mjtJoint.mjJNT_SLIDE) else "rad" for joint in joints]
