"""MoveTo plans against what the world allows: the base that its first link turns in, the ground, and poses out of reach."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose
from strands_robots.description.robot_config import load_robot
from strands_robots.description.robot_model import describe_model
from strands_robots.description.robot_spec import RobotSpec
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import Orientation, PoseTarget
from strands_robots.motion.move_to import joint_target
from strands_robots.motion.planner import MovePlanner
from strands_robots.motion.task import checked_speed
from strands_robots.sim.world.world import World
from strands_robots.sim.world.world_config import WorldConfig

MODELS = Path(__file__).resolve().parents[1] / "data" / "planning"


def plan(file: str, joint: str, position: float) -> None:
    arm = Arm(describe_model(MODELS / file))
    start = np.zeros(len(arm.limits))
    MovePlanner(arm).plan(joint_target(arm.limits, [joint], [position], 0.0), start)


@pytest.mark.parametrize(
    ("file", "joint", "position"),
    [("base_hull.urdf", "pan", 1.5), ("unnamed_base.xml", "j", 0.05), ("turned_sphere_base.urdf", "dip", 0.4)],
)
def test_what_the_world_allows_is_planned(file: str, joint: str, position: float) -> None:
    plan(file, joint, position)


@pytest.mark.parametrize("file", ["base_without_collision.xml", "turned_sphere_base.urdf"])
def test_motion_into_the_ground_is_refused(file: str) -> None:
    with pytest.raises(MotionError, match="ground"):
        plan(file, "dip", 0.65)


@pytest.mark.parametrize("file", ["base_hull.urdf", "unnamed_base.xml"])
def test_planner_excludes_the_contacts_that_the_world_excludes(file: str) -> None:
    config = describe_model(MODELS / file)
    world = World(WorldConfig(robots=(RobotSpec("arm", config),))).model
    arm = Arm(config).model

    def excluded(model: object, prefix: str) -> set[frozenset[str]]:
        pairs = [int(signature) for signature in model.exclude_signature]  # type: ignore[attr-defined]
        return {
            frozenset(model.body(number).name.removeprefix(prefix) for number in (pair >> 16, pair & 0xFFFF))  # type: ignore[attr-defined]
            for pair in pairs
        }

    assert excluded(arm, "") == excluded(world, "arm/") != set()


def test_base_without_a_name_has_the_one_that_the_world_gives_it() -> None:
    config = describe_model(MODELS / "unnamed_base.xml")
    world = World(WorldConfig(robots=(RobotSpec("arm", config),))).model
    assert config.base_frame and world.body(f"arm/{config.base_frame}").id > 0


@pytest.mark.parametrize("straight", [False, True])
@pytest.mark.parametrize("x", [1e8, 3.0, 1e300, float("inf")])
def test_pose_out_of_reach_is_unreachable_with_both_distances(x: float, straight: bool) -> None:
    arm = Arm(load_robot("so101"))
    pose = PoseTarget(Pose(np.array([x, 0.0, 0.1]), np.eye(3)), Orientation.FREE)
    with pytest.raises(
        MotionError, match=r"m from the base, and the tool reaches no further than \d\.\d\d m"
    ) as caught:
        MovePlanner(arm).plan(pose, np.zeros(len(arm.limits)), straight=straight)
    assert caught.value.reason == "unreachable"


def test_reach_is_further_than_the_tool_ever_gets() -> None:
    for name in ("so101", "panda"):
        arm = Arm(load_robot(name))
        rng = np.random.default_rng(0)
        positions = rng.uniform(arm.limits.lower, arm.limits.upper, (200, len(arm.limits)))
        furthest = max(float(np.linalg.norm(arm.tool_pose(position).position)) for position in positions)
        assert furthest < arm.reach < 2.5 * furthest


@pytest.mark.parametrize("given", [1e-9, 0.009, -0.1, 1.01, float("nan"), float("inf")])
def test_speed_out_of_bounds_is_refused_with_the_bounds(given: float) -> None:
    with pytest.raises(MotionError, match=r"valid: 0\.01 to 1, or 0 for 0\.5"):
        checked_speed(given)


def test_speed_at_its_bounds_is_taken() -> None:
    assert [checked_speed(given) for given in (0.0, 0.01, 1.0)] == [0.5, 0.01, 1.0]
