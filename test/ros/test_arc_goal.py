"""PlanMotion's goal of an arc becomes the core's, or is refused with what is valid."""

from __future__ import annotations

import pytest
from geometry_msgs.msg import Point, Pose, PoseStamped
from strands_robots.action import PlanMotion
from strands_robots.msg import PlanningOptions

from strands_robots.core.errors import MotionError
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.task import RobotKinematics
from strands_robots.planning.goals import LineGoal
from strands_robots.ros.goals.motion_goals import scene_goal


@pytest.fixture(scope="module")
def robot() -> RobotKinematics:
    return RobotKinematics("so101", load_robot("so101"), avoid_ground=True)


def goal(**fields) -> PlanMotion.Goal:
    pose = PoseStamped(pose=Pose(position=Point(x=0.2, y=0.1, z=0.1)))
    planning = PlanningOptions(planner="rrt_connect")
    given = {"target": PlanMotion.Goal.TARGET_POSE, "pose": pose, "straight": True, "planning": planning, **fields}
    return PlanMotion.Goal(robot="so101", source="operator/test", **given)


def test_a_point_makes_a_line_an_arc(robot: RobotKinematics) -> None:
    line, arc = (scene_goal(goal(through=points), robot).goal for points in ([], [Point(x=0.2, y=0.0, z=0.2)]))
    assert isinstance(line, LineGoal) and line.through is None
    assert isinstance(arc, LineGoal) and arc.through == (0.2, 0.0, 0.2)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"straight": False, "through": [Point()]}, "through is given without straight; valid: straight true"),
        ({"through": [Point(x=float("nan"))]}, "valid: finite numbers"),
    ],
)
def test_a_point_that_is_not_valid_is_refused(robot: RobotKinematics, fields, words: str) -> None:
    with pytest.raises(MotionError, match=words):
        scene_goal(goal(**fields), robot)
