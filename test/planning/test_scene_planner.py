"""From a request in a scene to a curve that touches nothing, or the reason why there is none."""

from __future__ import annotations

import dataclasses

import mujoco
import numpy as np
import pytest

from strands_robots.core.errors import MotionError, UnknownNameError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import Orientation, PoseTarget
from strands_robots.motion.move_to import JointTarget
from strands_robots.planning.goals import LineGoal, PoseGoals, named_state
from strands_robots.planning.planner import PLANNERS, PlannerEntry
from strands_robots.planning.planning_scene import AttachedShape, PlanningScene, Shape, cloud_shapes
from strands_robots.planning.scene_checker import SceneChecker
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner

from .scenes import box, wall

SIDE = 0.9  # [rad] of the shoulder, on either side of the wall
REACHING = (0.0, 0.3, 0.0, 0.4, 0.0, 0.2)  # the arm stretched out low


@pytest.fixture(scope="module")
def arm() -> Arm:
    return Arm(load_robot("so101"))


@pytest.fixture(scope="module")
def planner(arm: Arm) -> ScenePlanner:
    return ScenePlanner(arm)


def reaching(pan: float) -> np.ndarray:
    position = np.array(REACHING)
    position[0] = pan
    return position


def across(**changes) -> PlanRequest:
    """The shoulder alone, from one side to the other."""
    goal = JointTarget((0,), np.array([-SIDE]))
    return PlanRequest(goal, reaching(SIDE), "rrt_connect", **{"time_law": "quintic", **changes})


def all_joints(arm: Arm, pan: float = -SIDE) -> JointTarget:
    return JointTarget(tuple(range(len(arm.limits.names))), reaching(pan))


def rechecked(arm: Arm, plan, scene: PlanningScene, start: np.ndarray) -> float:
    """Return the deepest contact along the played curve at 2 ms, by a MuJoCo model of our own making [m]; 0 for none."""
    checker = ScenePlanner(arm).checker(scene)
    model, data = checker.model, mujoco.MjData(checker.model)
    model.geom_margin[:] = 0.0
    law = plan.move(arm.limits).timed
    rows = law.at(np.arange(0.0, plan.duration + 2e-3, 2e-3))
    columns = [arm.limits.index[name] for name in plan.joint_names]
    deepest = 0.0
    for row in rows:
        position = start.copy()
        position[columns] = row
        data.qpos[arm.qpos_address] = position
        mujoco.mj_kinematics(model, data)
        mujoco.mj_collision(model, data)
        deepest = min(deepest, float(data.contact.dist.min(initial=0.0)))
    return deepest


def test_an_obstacle_in_the_direct_way_is_gone_around(arm: Arm, planner: ScenePlanner) -> None:
    scene = PlanningScene((wall(),))
    request = dataclasses.replace(across(), goal=all_joints(arm))
    direct = planner.plan(request, PlanningScene())
    plan = planner.plan(request, scene)
    assert direct.length == pytest.approx(direct.direct_length) and plan.length > direct.length + 0.05
    assert rechecked(arm, direct, scene, request.start) < -0.002, "the wall is in the direct way"
    assert rechecked(arm, plan, scene, request.start) == 0.0
    assert np.allclose(plan.way_points[-1], reaching(-SIDE)) and plan.clearance == 0.002 and plan.check_step == 0.004


def test_the_same_request_in_the_same_scene_gives_the_same_plan(arm: Arm, planner: ScenePlanner) -> None:
    scene = PlanningScene((wall(),))
    request = dataclasses.replace(across(), goal=all_joints(arm))
    first, second = planner.plan(request, scene), ScenePlanner(arm).plan(request, scene)
    other = planner.plan(dataclasses.replace(request, seed=1), scene)
    assert first.digest == second.digest != other.digest
    assert dataclasses.replace(first, planning_time=9.0).digest == first.digest
    moved = first.way_points.copy()
    moved[0, 0] += 1e-12
    assert dataclasses.replace(first, way_points=moved).digest != first.digest


@pytest.mark.parametrize("law", ["toppra", "quintic"])
def test_a_plan_is_played_within_the_limits(arm: Arm, planner: ScenePlanner, law: str) -> None:
    if law == "toppra":
        pytest.importorskip("toppra", reason="toppra is not installed (requirements/planning.txt)")
    request = dataclasses.replace(across(time_law=law, speed=1.0), goal=all_joints(arm))
    plan = planner.plan(request, PlanningScene((wall(),)))
    period = 0.005
    rows = plan.move(arm.limits).timed.at(np.arange(0.0, plan.duration + 2 * period, period))
    padded = np.concatenate([rows[:1], rows, rows[-1:]])
    velocity = np.abs(np.diff(padded, axis=0)).max(axis=0) / period
    acceleration = np.abs(np.diff(padded, n=2, axis=0)).max(axis=0) / period**2
    assert (velocity <= arm.limits.velocity).all()
    assert (acceleration <= 1.02 * arm.limits.acceleration).all()
    if law == "toppra":
        near = np.maximum(velocity / arm.limits.velocity, acceleration / arm.limits.acceleration)
        assert near.max() > 0.9, "time-optimal: some joint is at a limit"


def test_one_of_several_poses_is_enough_and_the_far_one_is_not_needed(arm: Arm, planner: ScenePlanner) -> None:
    there = arm.tool_pose(reaching(-0.5))
    far = Pose(np.array([3.0, 0.0, 0.0]), np.eye(3))
    goals = PoseGoals((PoseTarget(far, Orientation.FREE), PoseTarget(there, Orientation.FREE)))
    plan = planner.plan(PlanRequest(goals, reaching(0.5), "rrt_connect", "quintic"), PlanningScene((wall(),)))
    end = reaching(0.5)
    end[[arm.limits.index[name] for name in plan.joint_names]] = plan.way_points[-1]
    assert np.linalg.norm(arm.tool_pose(end).position - there.position) < 0.002
    with pytest.raises(MotionError) as error:
        planner.plan(
            PlanRequest(PoseGoals((PoseTarget(far),)), reaching(0.5), "rrt_connect", "quintic"), PlanningScene()
        )
    assert error.value.reason == "unreachable"


def test_a_line_that_is_blocked_says_how_far_it_goes(arm: Arm, planner: ScenePlanner) -> None:
    start = reaching(0.0)
    tool = arm.tool_pose(start)
    up = Pose(tool.position + np.array([0.0, 0.0, 0.06]), tool.rotation)
    lid = box("lid", (float(tool.position[0]), 0.0, float(tool.position[2]) + 0.12), (0.04, 0.1, 0.005))
    free = planner.plan(PlanRequest(LineGoal(PoseTarget(up, Orientation.FREE)), start, "", "quintic"), PlanningScene())
    assert free.fraction == 1.0
    heights = []
    for row in free.move(arm.limits).timed.at(np.linspace(0.0, free.duration, 50)):
        position = start.copy()
        position[[arm.limits.index[name] for name in free.joint_names]] = row
        heights.append(arm.tool_pose(position).position - tool.position)
    assert np.abs(np.array(heights)[:, :2]).max() < 0.003, "straight"
    far = LineGoal(PoseTarget(Pose(tool.position + np.array([0.0, 0.0, 0.4]), tool.rotation), Orientation.FREE))
    with pytest.raises(MotionError, match=r"ends after \d+ percent: .*lid.*valid: min_fraction") as error:
        planner.plan(PlanRequest(far, start, "", "quintic"), PlanningScene((lid,)))
    assert error.value.reason == "collision"
    part = planner.plan(
        PlanRequest(dataclasses.replace(far, min_fraction=0.05), start, "", "quintic"), PlanningScene((lid,))
    )
    assert 0.05 <= part.fraction < 1.0


def test_what_the_robot_holds_moves_with_it_and_collides(arm: Arm, planner: ScenePlanner) -> None:
    goal, start = all_joints(arm, -0.6), reaching(0.6)
    link = arm.model.body(int(arm.tool[2])).name
    tool_in_link = planner.checker(PlanningScene()).link_pose(start, link).inverse().at(arm.tool_pose(start))
    ahead = Pose(np.array([0.0, 0.0, 0.05]), np.eye(3))
    stick = Shape("stick", "box", (0.004, 0.004, 0.045), tool_in_link.at(ahead))
    beyond = arm.tool_pose(reaching(-0.6)).at(Pose(np.array([0.0, 0.0, 0.08]), np.eye(3)))
    post = Shape("post", "box", (0.01, 0.01, 0.01), beyond)
    request = PlanRequest(goal, start, "rrt_connect", time_law="quintic")
    assert planner.plan(request, PlanningScene((post,))).attached == ()
    held = PlanningScene((post,), attached=(AttachedShape(stick, link),))
    with pytest.raises(MotionError, match=r"at the target 'stick' would be .* inside 'post'"):
        planner.plan(request, held)
    assert planner.plan(request, dataclasses.replace(held, shapes=())).attached == ("stick",)


def test_faults_are_named(arm: Arm, planner: ScenePlanner) -> None:
    def crate(pan: float) -> PlanningScene:
        return PlanningScene((box("crate", tuple(arm.tool_pose(reaching(pan)).position), (0.05, 0.05, 0.05)),))

    cases = {
        "start": (across(), crate(SIDE), "collision"),
        "target": (across(), crate(-SIDE), "collision"),
        "no way": (across(iterations=50), PlanningScene((wall(),)), "no_path"),  # only the shoulder may move
        "planner": (dataclasses.replace(across(), planner="astar"), PlanningScene(), "invalid_goal"),
        "time law": (across(time_law="fast"), PlanningScene(), "invalid_goal"),
        "start outside": (dataclasses.replace(across(), start=reaching(9.0)), PlanningScene(), "invalid_goal"),
        "target outside": (dataclasses.replace(across(), goal=JointTarget((0,), np.array([9.0]))), PlanningScene(), "invalid_goal"),
        "target nowhere": (dataclasses.replace(across(), goal=JointTarget((0,), np.array([np.nan]))), PlanningScene(), "invalid_goal"),
        "iterations": (across(iterations=0), PlanningScene(), "invalid_goal"),
    }  # fmt: skip
    for name, (request, scene, reason) in cases.items():
        with pytest.raises(MotionError) as error:
            planner.plan(request, scene)
        assert error.value.reason == reason, f"{name}: {error.value}"
    with pytest.raises(UnknownNameError, match="valid: home"):
        named_state(arm.config, "park")


def test_a_planner_that_is_not_installed_is_refused_with_those_that_are(monkeypatch, planner: ScenePlanner) -> None:
    monkeypatch.setitem(PLANNERS, "missing", PlannerEntry("nowhere", "X", "no_such_package", "pip install it"))
    with pytest.raises(
        MotionError, match=r"needs no_such_package, which is not installed \(pip install it\); valid: rrt_connect"
    ):
        planner.plan(dataclasses.replace(across(), planner="missing"), PlanningScene())


def test_the_clearance_is_kept_where_bounding_boxes_do_not_overlap(arm: Arm) -> None:
    start = reaching(0.0)
    tool = arm.tool_pose(start).position
    # MuJoCo compares boxes around bodies before it looks at shapes: a plate below the arm, brought nearer in small steps.
    free = []
    for gap in np.arange(0.06, -0.02, -0.0005):
        plate = box("plate", (tool[0], tool[1], tool[2] - gap), (0.2, 0.2, 0.001))
        free.append([SceneChecker(arm, PlanningScene((plate,), clearance=c)).is_free(start) for c in (0.0, 0.004)])
    touches, too_near = (next(i for i, row in enumerate(free) if not row[column]) for column in (0, 1))
    assert touches - too_near == pytest.approx(8, abs=1), "4 mm before it touches"


def test_a_shape_that_is_only_seen_may_be_named_by_a_sensor_or_a_tendon() -> None:
    arm = Arm(load_robot("so101"))
    base, moved = arm.spec.bodies[1], arm.spec.bodies[-1]
    for name in ("seen", "pulley"):
        base.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.01, 0.0, 0.0], contype=0, conaffinity=0)
    ends = [body.add_site(name=f"end{number}", pos=[0.0, 0.0, 0.1]) for number, body in enumerate((base, moved))]
    arm.spec.add_sensor(
        name="look", type=mujoco.mjtSensor.mjSENS_FRAMEPOS, objtype=mujoco.mjtObj.mjOBJ_GEOM, objname="seen"
    )
    tendon = arm.spec.add_tendon(name="rope")
    tendon.wrap_site(ends[0].name)
    tendon.wrap_geom("pulley", "")
    tendon.wrap_site(ends[1].name)
    assert SceneChecker(arm, PlanningScene()).is_free(reaching(0.0))


def test_allowed_contacts_may_touch(arm: Arm, planner: ScenePlanner) -> None:
    crate = box("crate", tuple(arm.tool_pose(reaching(-SIDE)).position), (0.02, 0.02, 0.02))
    names = [arm.model.body(i).name for i in range(1, arm.model.nbody)]
    scene = PlanningScene((crate,), allowed=tuple(("crate", name) for name in names))
    assert planner.plan(across(), scene).length > 0.0
    with pytest.raises(UnknownNameError, match=r"unknown part 'crat'.*did you mean 'crate'"):
        planner.plan(across(), PlanningScene((crate,), allowed=(("crat", names[0]),)))


def test_clouds_and_open_meshes_are_obstacles(arm: Arm, planner: ScenePlanner) -> None:
    tool = arm.tool_pose(reaching(-SIDE)).position
    cloud = cloud_shapes(tool + np.random.default_rng(0).uniform(-0.02, 0.02, (200, 3)), 0.01)
    corners = 0.03 * np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
    mesh = Shape("mesh", "mesh", (), Pose(tool, rotation_matrix(np.array([0.0, 0.0, 0.3]))), corners)
    for shapes in (cloud, (mesh,)):
        with pytest.raises(MotionError, match=r"at the target") as error:
            planner.plan(across(), PlanningScene(tuple(shapes)))
        assert error.value.reason == "collision"


def test_ompl_stands_behind_the_same_protocol(arm: Arm, planner: ScenePlanner) -> None:
    pytest.importorskip("ompl", reason="OMPL is not installed (requirements/planning.txt)")
    scene = PlanningScene((wall(),))
    request = dataclasses.replace(across(), goal=all_joints(arm), planner="ompl_rrt_connect")
    plan = planner.plan(request, scene)
    assert plan.planner == "ompl_rrt_connect" and rechecked(arm, plan, scene, request.start) == 0.0


def test_ruckig_limits_the_jerk_of_a_straight_way(arm: Arm, planner: ScenePlanner) -> None:
    pytest.importorskip("ruckig", reason="ruckig is not installed (requirements/planning.txt)")
    plan = planner.plan(across(time_law="ruckig", speed=1.0), PlanningScene())
    period = 0.01
    rows = plan.move(arm.limits).timed.at(np.arange(0.0, plan.duration + 2 * period, period))
    column = arm.limits.index[plan.joint_names[0]]
    jerk = np.abs(np.diff(np.concatenate([rows[:1], rows, rows[-1:]]), n=3, axis=0)).max() / period**3
    assert jerk <= 1.05 * arm.limits.acceleration[column] / 0.1
