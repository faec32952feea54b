"""Where the robot's own links are, from its measured joints: what an environment state may ask of a real robot. Needs MuJoCo."""

from __future__ import annotations

from collections.abc import Sequence

from strands_robots.core.errors import AdapterError, UnknownNameError
from strands_robots.core.pose import Pose
from strands_robots.core.types import Observation
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.policies.adapt.adapter import BodyAdapter


class OwnLinks:
    """Forward kinematics for the entries of an environment state that name the robot's model.

    Args:
        entries: The environment state.
        joint_names: The robot's joints.

    Raises:
        AdapterError: If entries name several models, or the robot lacks a joint of the model.
        UnknownNameError: If the model has no such link.
    """

    def __init__(self, entries: Sequence[BodyAdapter], joint_names: Sequence[str]) -> None:
        self._bodies = tuple(dict.fromkeys(entry.body for entry in entries if entry.model))
        models = {entry.model for entry in entries if entry.model}
        self._arm: Arm | None = None
        if not models:
            return
        if len(models) > 1:
            raise AdapterError(f"environment names the models {', '.join(sorted(models))}; valid: one robot's")
        (model,) = models
        self._arm = Arm(load_robot(model), avoid_ground=False)
        self._names = self._arm.limits.names
        if any(name not in joint_names for name in self._names):
            raise AdapterError(
                f"environment.model '{model}' has joints [{', '.join(self._names)}], the robot [{', '.join(joint_names)}]"
            )
        for body in self._bodies:
            if body not in self._arm.links:
                raise UnknownNameError(f"link of '{model}'", body, self._arm.links)

    def poses(self, frame: Observation) -> dict[str, Pose]:
        """Return the pose of each link in the robot's base frame."""
        if self._arm is None:
            return {}
        position = frame.position[[frame.joint_names.index(name) for name in self._names]]
        return {body: self._arm.link_pose(position, body) for body in self._bodies}


def own_links(model: str) -> tuple[str, ...]:
    """Return the names of a robot's links."""
    return tuple(Arm(load_robot(model), avoid_ground=False).links)
