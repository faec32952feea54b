"""Frames that do not move against a robot's base, whatever its joints do. No I/O."""

from __future__ import annotations

import mujoco
import numpy as np

from strands_robots.core.pose import Pose
from strands_robots.motion.arm import Arm


def static_frames(arm: Arm) -> dict[str, Pose]:
    """Return the poses in the base frame of the base and the links that are fixed to it, each also as "<robot>/<link>" [m].

    The empty name is the base frame as well.
    """
    base, model = arm.config.base_frame, arm.model
    data = mujoco.MjData(model)  # not the arm's own, which belongs to a goal's thread
    mujoco.mj_kinematics(model, data)

    def pose(link: str) -> Pose:
        body = model.body(link).id
        return Pose(data.xpos[body].copy(), data.xmat[body].reshape(3, 3).copy())

    to_base = pose(base).inverse()
    known = {name: Pose(np.zeros(3), np.eye(3)) for name in ("", base)}
    for link in arm.links:
        if link and link != base and model.body_weldid[model.body(link).id] == 0:
            known[link] = to_base.at(pose(link))
    return {**known, **{f"{arm.name}/{name}": place for name, place in known.items() if name}}
