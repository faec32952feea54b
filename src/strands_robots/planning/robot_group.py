"""Several robots of one world as one: their joints one after the other, their models side by side. Needs MuJoCo; no ROS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.core.errors import ConfigurationError, ModelError, MotionError
from strands_robots.core.pose import Pose, quaternion_of
from strands_robots.motion.arm import GROUND, Arm
from strands_robots.planning.plan import joined_limits
from strands_robots.planning.scene_spec import leave_out_what_touches_nothing

MOST_ROBOTS = 8
"""Most robots of one plan."""


@dataclass(frozen=True, eq=False)
class PlacedRobot:
    """A robot and where it stands.

    Attributes:
        arm: The robot.
        base: Pose of its base frame in the group's frame.
    """

    arm: Arm
    base: Pose


class RobotGroup:
    """What a planning scene needs of several robots, under the names that `Arm` has for one.

    Names of links, joints and frames begin with "<robot>/". The group's frame is the base frame of the first robot.

    Args:
        robots: The robots, each name once.

    Attributes:
        robots: The robots.
        name: Their names.
        limits: Limits of all joints, robot by robot.
        spec: What they are compiled from; not to be changed, but copied.
        path: File of the first robot, for messages.
        prefixes: How the names of each robot's links begin.

    Raises:
        ConfigurationError: If there are not two to `MOST_ROBOTS` robots, or one is named twice.
        ModelError: If the models cannot be put into one.
    """

    def __init__(self, robots: Sequence[PlacedRobot]) -> None:
        names = checked_names([robot.arm.name for robot in robots])
        self.robots = tuple(robots)
        self.name = " and ".join(names)
        self.prefixes = tuple(f"{name}/" for name in names)
        self.limits = joined_limits({robot.arm.name: robot.arm.limits for robot in robots})
        self.path = robots[0].arm.path
        self.spec = mujoco.MjSpec()
        for robot in robots:
            self._attach(robot)

    @property
    def base_pose(self) -> Pose:
        """Pose of the group's frame in the frame of its model: the same."""
        return Pose(np.zeros(3), np.eye(3))

    @property
    def tools(self) -> tuple[tuple[str, Pose], ...]:
        """The tool frame of each robot, empty for none, and its base frame's pose in the group's frame."""
        frames = [(robot.arm.config.tool_frame, robot) for robot in self.robots]
        return tuple((f"{robot.arm.name}/{frame}" if frame else "", robot.base) for frame, robot in frames)

    @property
    def apart(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a robot's ground and other robots' links, which do not count: each robot has the ground that it stands on."""
        pairs = []
        for robot in self.robots:
            if robot.arm.ground is not None:
                others = [other.arm for other in self.robots if other is not robot]
                pairs += [(f"{robot.arm.name}/{GROUND}", f"{arm.name}/{link}") for arm in others for link in arm.links]
        return tuple(pairs)

    def columns(self, number: int) -> slice:
        """Return the columns of a robot's joints in arrays of all joints (D,)."""
        widths = [len(robot.arm.limits) for robot in self.robots]
        first = sum(widths[:number])
        return slice(first, first + widths[number])

    def _attach(self, robot: PlacedRobot) -> None:
        arm = robot.arm
        child = arm.spec.copy()
        leave_out_what_touches_nothing(child)
        place = robot.base.at(arm.base_pose.inverse())
        x, y, z, w = quaternion_of(place.rotation).tolist()
        frame = self.spec.worldbody.add_frame(pos=place.position.tolist(), quat=[w, x, y, z])
        try:
            self.spec.attach(child, prefix=f"{arm.name}/", frame=frame)
        except ValueError as error:
            raise ModelError(f"robot '{arm.name}' cannot be planned with others; MuJoCo says: {error}") from error


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the robots of one plan.

    Raises:
        ConfigurationError: If there are not two to `MOST_ROBOTS`, or one is given twice.
    """
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise ConfigurationError(f"robot '{twice[0]}' is given twice in one plan; valid: each robot once")
    if not 2 <= len(names) <= MOST_ROBOTS:
        raise ConfigurationError(f"a plan for several robots has {len(names)}; valid: 2 to {MOST_ROBOTS}")
    return tuple(names)


def single_arm(arm: Arm | RobotGroup, planner: str) -> Arm:
    """Return the robot of a planner that plans for one.

    Raises:
        MotionError: "invalid_goal" for several robots.
    """
    if isinstance(arm, RobotGroup):
        raise MotionError(
            "invalid_goal",
            f"planner '{planner}' plans for one robot, not for {arm.name} together; valid: rrt_connect, ompl_rrt_connect, ompl_bit_star",
        )
    return arm
