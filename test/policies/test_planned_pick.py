"""The policy "scripted" picks among walls in a world that is known: nothing but the object is touched, and what cannot be had is said."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.core.errors import MotionError, NotAchievedError, PolicyError
from strands_robots.core.pose import Pose
from strands_robots.core.types import Observation
from strands_robots.description.robot_config import load_robot
from strands_robots.evaluation.episode import EpisodeResult, EpisodeRunner, PolicyChoice
from strands_robots.evaluation.task import load_task
from strands_robots.motion.arm import Arm
from strands_robots.planning.pick.pick_planner import PickPlanner, PickRequest
from strands_robots.planning.planning_scene import PlanningScene, Shape
from strands_robots.planning.scene_checker import SceneChecker
from strands_robots.planning.surroundings import Surroundings
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.registry import create_policy

pytestmark = pytest.mark.timeout(600)  # seconds of computing, which take minutes on a machine that many share

TASK = """
name: over_the_wall
robot: so101
objects:
  cube: {{shape: box, size: [0.0125, 0.0125, 0.0125], mass: 0.02, x: 0.21, y: 0.08, z: 0.0125, yaw: 0.3}}
  wall: {{shape: box, size: [0.05, 0.003, 0.03], is_free: false, x: 0.21, y: 0.0, z: 0.03}}
{more}
success:
  holds:
    all:
      - {{body: cube, at: [0.2, -0.09, 0.0125], within: 0.025}}
      - {{not: {{contact: [cube, gripper_link]}}}}
      - {{not: {{contact: [cube, moving_jaw_so101_v1_link]}}}}
  for: 1.0
duration: 25.0
"""
PICK = "{model: so101, speed: 0.5, pick: {object: {body: cube}, place: [0.2, -0.09, 0.0125]}}"
PLACE = [0.2, -0.09, 0.0125]
PIT = "\n".join(
    f"  {name}: {{shape: box, size: [{size}], is_free: false, x: {x}, y: {y}, z: 0.04}}"
    for name, size, x, y in (
        ("north", "0.003, 0.03, 0.04", 0.235, 0.08),
        ("south", "0.003, 0.03, 0.04", 0.185, 0.08),
        ("east", "0.03, 0.003, 0.04", 0.21, 0.105),
    )
)


def play(more: str = "") -> tuple[EpisodeResult, set[str]]:
    """Return what became of an episode, and what the robot touched besides the cube."""
    runner = EpisodeRunner(load_task(TASK.format(more=more)), PolicyChoice("scripted", PICK))
    model, data = runner.world.world.model, runner.world.world.data
    touched: set[str] = set()

    def look() -> None:
        for row in data.contact.geom[: data.ncon].tolist():
            names = {model.body(model.geom_bodyid[geom]).name for geom in row}
            others = {name for name in names if not name.startswith("so101/")}
            if len(names) > len(others) and not names & {"so101/base_link"}:
                touched.update(others - {"cube"})

    def begin() -> None:
        runner.world.on_period = look

    try:
        return runner.run(3, on_begin=begin), touched
    finally:
        runner.close()


def test_a_cube_is_carried_over_a_wall_and_only_the_cube_is_touched() -> None:
    result, touched = play()
    assert result.success, result.message
    assert touched == set()


def test_a_cube_between_walls_is_left_where_it_is_and_the_message_says_why() -> None:
    result, touched = play(PIT)
    assert (result.success, touched) == (False, set())
    assert result.reason == "policy_failed"
    assert "'cube' cannot be picked: none of" in result.message


@pytest.mark.parametrize("name", ["bowl"])
def test_an_object_that_is_not_there_is_named(name: str) -> None:
    choice = PolicyChoice("scripted", PICK.replace("cube", name))
    runner = EpisodeRunner(load_task(TASK.format(more="")), choice)
    try:
        result = runner.run(0)
    finally:
        runner.close()
    assert not result.success and f"'{name}'" in result.message and "cube" in result.message


def test_on_a_graph_the_same_pick_is_planned_among_what_the_world_tells_of() -> None:
    limits = load_robot("so101").limits()
    cube = Shape("cube", "box", (0.0125, 0.0125, 0.0125), Pose(np.array([0.21, 0.08, 0.0125]), np.eye(3)))
    wall = Shape("wall", "box", (0.05, 0.003, 0.03), Pose(np.array([0.21, 0.0, 0.03]), np.eye(3)))
    asked = []

    def look(base_frame: str, ground: float | None) -> Surroundings:
        asked.append((base_frame, ground))
        return Surroundings((cube, wall))

    def pose(name: str) -> Pose:
        return {"cube": cube, "wall": wall}[name].pose

    context = PolicyContext("so101", limits.names, limits, bodies=pose, surroundings=look)
    settings = {"model": "so101", "speed": 0.5, "pick": {"object": {"body": "cube"}, "place": [0.2, -0.09, 0.0125]}}
    policy = create_policy("scripted", settings, context)
    policy.reset(0)
    arm = Arm(load_robot("so101"))
    checker = SceneChecker(arm, PlanningScene((wall,), clearance=0.0))
    home = load_robot("so101").home
    position, stamp, stages = np.array([home[name] for name in limits.names]), 1.0, []
    while "close" not in stages and stamp < 30.0:
        seen = Observation(stamp, limits.names, position, np.zeros(len(position)), np.zeros(len(position)))
        action = policy.infer(seen)
        assert [checker.problem(row) for row in action.values if checker.problem(row)] == []
        position, stamp = action.values[1], stamp + action.control_period
        stages += [policy.stage] if policy.stage not in stages else []
    assert stages == ["open", "approach", "descend", "close"]
    assert asked and asked[0][0] == "base_link" and asked[0][1] is not None
    assert arm.tool_pose(position).position == pytest.approx([0.21, 0.08, 0.0125], abs=0.02)


def test_on_a_graph_what_the_world_cannot_tell_ends_the_pick() -> None:
    def look(base_frame: str, ground: float | None) -> Surroundings:
        raise MotionError("invalid_goal", "the world has terrain ('hills'), which planners do not know")

    limits = load_robot("so101").limits()
    context = PolicyContext(
        "so101", limits.names, limits, bodies=lambda name: Pose(np.zeros(3), np.eye(3)), surroundings=look
    )
    policy = create_policy("scripted", {"model": "so101", "pick": {"object": {"body": "cube"}}}, context)
    policy.reset(0)
    zeros = np.zeros(len(limits.names))
    with pytest.raises(PolicyError, match="the world has terrain"):
        for k in range(200):
            policy.infer(Observation(1.0 + k * 0.1, limits.names, zeros, zeros, zeros))


def held_cube() -> tuple[Arm, np.ndarray, Pose]:
    """Return an arm, joint positions with a cube lifted in its gripper, and the cube's pose in the tool's frame."""
    arm = Arm(load_robot("so101"))
    cube = Shape("cube", "box", (0.0125, 0.0125, 0.0125), Pose(np.array([0.21, 0.08, 0.0125]), np.eye(3)))
    home = np.array([arm.config.home[name] for name in arm.limits.names])
    plan = PickPlanner(arm).plan(PickRequest(("cube",), home), PlanningScene((cube,)))
    lift = next(stage.plan for stage in plan.stages if stage.name == "lift")
    assert lift is not None
    lifted = lift.start.copy()
    lifted[[arm.limits.index[name] for name in lift.joint_names]] = lift.way_points[-1]
    return arm, lifted, plan.grasp.tool.inverse().at(cube.pose)


def placing(settings: dict[str, object]) -> tuple[list[str], list[np.ndarray], np.ndarray, bool]:
    """Play a place whose arm follows exactly; return its stages, set-points, the cube's last place, and whether it said that it is done."""
    arm, position, in_tool = held_cube()
    limits, gripper = arm.limits, arm.limits.index["gripper"]
    opened = position[gripper]
    cube = [Pose(np.zeros(3), np.eye(3))]

    def look(base_frame: str, ground: float | None) -> Surroundings:
        return Surroundings((Shape("cube", "box", (0.0125, 0.0125, 0.0125), cube[0]),))

    context = PolicyContext("so101", limits.names, limits, bodies=lambda name: cube[0], surroundings=look)
    policy = create_policy("scripted", {"model": "so101", "speed": 0.5, "end_run": True, **settings}, context)
    policy.reset(0)
    stamp, stages, rows = 1.0, [], []
    for _ in range(3000):
        if not stages or stages[-1] not in ("release", "retreat", "done"):
            cube[0] = arm.tool_pose(position).at(in_tool)
            position[gripper] = opened  # what is between the jaws keeps them apart
        zeros = np.zeros(len(position))
        action = policy.infer(Observation(stamp, limits.names, position.copy(), zeros, zeros))
        rows.append(action.values[0])
        stages += [policy.stage] if policy.stage not in stages else []
        if action.is_last:
            return stages, rows, cube[0].position, True
        position, stamp = action.values[1].copy(), stamp + action.control_period
    return stages, rows, cube[0].position, False


def test_what_an_earlier_run_picked_up_is_put_down_and_the_run_says_when_it_is_done() -> None:
    stages, rows, place, is_done = placing({"pick": {"object": {"body": "cube"}, "place": PLACE, "held": True}})
    assert stages == ["hold", "move", "align", "lower", "release", "retreat", "done"] and is_done
    assert place == pytest.approx(PLACE, abs=0.008)
    arm = Arm(load_robot("so101"))
    closed = arm.limits.lower[arm.limits.index["gripper"]]
    until_release = [row[arm.limits.index["gripper"]] for row in rows[: len(rows) // 2]]
    assert max(until_release[:200]) == pytest.approx(closed, abs=0.05), "its set-point squeezes from the first row on"


def test_an_empty_gripper_puts_nothing_down() -> None:
    arm, position, _ = held_cube()
    assert arm.config.gripper is not None
    position[arm.limits.index["gripper"]] = arm.config.gripper.closed
    cube = Shape("cube", "box", (0.0125, 0.0125, 0.0125), Pose(np.array([0.21, 0.08, 0.0125]), np.eye(3)))
    context = PolicyContext(
        "so101", arm.limits.names, arm.limits, bodies=lambda _: cube.pose, surroundings=lambda *_: Surroundings((cube,))
    )
    pick = {"object": {"body": "cube"}, "place": PLACE, "held": True}
    policy = create_policy("scripted", {"model": "so101", "pick": pick}, context)
    policy.reset(0)
    zeros = np.zeros(len(position))
    with pytest.raises(NotAchievedError, match="the gripper holds nothing, so 'cube' cannot be put down"):
        for k in range(200):
            policy.infer(Observation(1.0 + 0.02 * k, arm.limits.names, position, zeros, zeros))
