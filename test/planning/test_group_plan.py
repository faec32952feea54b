"""One plan for two arms on one table: what only a joint plan solves, what is refused, and a curve that touches nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import mujoco
import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, MotionError, UnknownNameError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import Orientation, PoseTarget
from strands_robots.planning.checked_curve import stops
from strands_robots.planning.goals import LineGoal, PoseGoals, RegionGoal
from strands_robots.planning.group_job import GroupJob, GroupPlace
from strands_robots.planning.group_planner import GroupPlanner, GroupRequest, RobotWish
from strands_robots.planning.plan import Plan
from strands_robots.planning.planning_scene import PlanningScene
from strands_robots.planning.robot_group import PlacedRobot, RobotGroup
from strands_robots.planning.scene_checker import SceneChecker
from strands_robots.planning.scene_planner import PlanRequest, ScenePlanner
from strands_robots.planning.surroundings import Surroundings, WorldBody, WorldGeom, WorldRobot, group_surroundings
from strands_robots.planning.tool_limits import ToolLimits

from .scenes import box
from .two_arms import APART, BASES, NAMES, TwoArms, planner, reaching, swap, to

EMPTY = PlanningScene()
SIDE = 0.5


@pytest.fixture(scope="module")
def arms() -> GroupPlanner:
    return planner()


@pytest.fixture(scope="module")
def world() -> TwoArms:
    return TwoArms(SIDE)


def closest(arms: GroupPlanner, world: TwoArms, plan: Plan, scene: PlanningScene = EMPTY) -> float:
    """Return the least distance of two things that may not touch, 1 mm apart along the played curve, in the simulated world's model [m]."""
    limits = dict.fromkeys(NAMES, world.limits)
    parts = {name: plan.part(name, limits) for name in NAMES}
    checker = arms.checker(BASES, scene)
    columns = [checker.arm.limits.index[name] for name in plan.joint_names]
    law = plan.part("left", limits).timed
    model, data = world.world.model, mujoco.MjData(world.world.model)
    before = model.geom_margin.copy(), model.body_margin.copy()
    model.geom_margin[:] = model.body_margin[:] = 0.02
    whole = dataclasses.replace(plan, robots=()).move(checker.arm.limits).path
    least = np.inf
    assert law is not None and np.allclose(law.path.knots, whole.knots), "one parameter for all parts"
    for s in stops(whole, checker, columns, plan.start, 0.001):
        for name, move in parts.items():
            position = plan.start_of(name, limits).copy()
            position[list(move.columns)] = move.path.at(np.array([s]))[0]
            for joint, value in zip(world.limits.names, position):
                data.joint(f"{name}/{joint}").qpos[0] = value
        mujoco.mj_kinematics(model, data)
        mujoco.mj_collision(model, data)
        # The world's floor is no part of these scenes: it lies 2.4 mm above the ground of the arms' own models.
        is_floor = (model.geom_bodyid[data.contact.geom] == 0).any(axis=1)
        least = min(least, float(data.contact.dist[~is_floor].min(initial=np.inf)))
    model.geom_margin[:], model.body_margin[:] = before
    return least


def test_arms_that_change_places_are_solved_by_a_joint_plan_alone(arms: GroupPlanner, world: TwoArms) -> None:
    checker = arms.checker(BASES, EMPTY)
    assert checker.problem(np.concatenate([reaching(0.0)] * 2)), "both in the middle touch"
    request = PlanRequest(to(reaching(-SIDE)), reaching(SIDE), "rrt_connect")
    # The other arm, where it stands, as an obstacle: what a plan for one robot gets.
    other = arms.arms[1]
    hull = [
        box(f"right{geom}", tuple(BASES[1].at(other.geom_pose(reaching(SIDE), geom)).position), (0.015, 0.015, 0.015))
        for geom in other.collision_geoms()
    ]
    with pytest.raises(MotionError, match="at the target"):
        ScenePlanner(arms.arms[0]).plan(request, PlanningScene(tuple(hull)))
    plan = arms.plan(swap(SIDE), BASES, EMPTY)
    assert plan.robots == NAMES and plan.robot == "left"
    assert set(plan.joint_names) == {f"{name}/{joint}" for name in NAMES for joint in world.limits.names}
    assert np.allclose(plan.way_points[-1], np.concatenate([reaching(-SIDE)] * 2))
    assert plan.length > 1.2 * plan.direct_length, "they give way to each other"
    assert closest(arms, world, plan) >= 0.0, "nothing touches"
    direct = dataclasses.replace(plan, way_points=plan.way_points[[0, -1]])
    assert closest(arms, world, direct) < -0.01, "the direct ways go through each other"
    assert (plan.clearance, plan.check_step) == (0.002, 0.002)


def random_problem(arms: GroupPlanner, random: np.random.Generator) -> GroupRequest:
    """Return a wish between two random places of both arms that are free, near each other."""
    checker = arms.checker(BASES, EMPTY)
    limits = checker.arm.limits

    def free() -> np.ndarray:
        while True:
            place = random.uniform(limits.lower, limits.upper)
            place[[0, 6]] = random.uniform(-0.8, 0.8, 2)
            place[[1, 7]], place[[5, 11]] = random.uniform(-0.3, 0.6, 2), 0.2
            if not checker.problem(place):
                return place

    checker.start_at(np.concatenate([reaching(SIDE)] * 2))
    start, goal = free(), free()
    wishes = tuple(RobotWish(to(goal[own]), start[own]) for own in (slice(0, 6), slice(6, 12)))
    return GroupRequest(wishes, "rrt_connect", seed=int(random.integers(1000)), iterations=3000)


def check_random_problems(arms: GroupPlanner, world: TwoArms, seed: int, count: int) -> int:
    random, solved = np.random.default_rng(seed), 0
    for _ in range(count):
        try:
            plan = arms.plan(random_problem(arms, random), BASES, EMPTY)
        except MotionError as error:
            assert error.reason == "no_path", error
            continue
        solved += 1
        assert closest(arms, world, plan) >= 0.0
    return solved


def test_random_plans_touch_nothing_at_one_millimetre(arms: GroupPlanner, world: TwoArms) -> None:
    assert check_random_problems(arms, world, seed=1, count=3) >= 2


@pytest.mark.long
def test_many_random_plans_touch_nothing_at_one_millimetre(arms: GroupPlanner, world: TwoArms) -> None:
    assert check_random_problems(arms, world, seed=2, count=40) >= 36


def test_the_same_request_gives_the_same_digest_and_other_places_another(arms: GroupPlanner) -> None:
    first, again = arms.plan(swap(0.7), BASES, EMPTY), planner().plan(swap(0.7), BASES, EMPTY)
    assert first.digest == again.digest
    nearer = (BASES[0], Pose(np.array([APART - 0.001, 0.0, 0.0]), BASES[1].rotation))
    moved = arms.plan(swap(0.7), nearer, EMPTY)
    assert moved.scene_version != first.scene_version and moved.digest != first.digest
    assert dataclasses.replace(first, robots=("right", "left")).digest != first.digest


def test_all_joints_keep_their_limits_on_one_clock(arms: GroupPlanner, world: TwoArms) -> None:
    plan = arms.plan(swap(0.7, speed=1.0), BASES, EMPTY)
    limits, period = dict.fromkeys(NAMES, world.limits), 0.005
    times = np.arange(0.0, plan.duration + 2 * period, period)
    nearest = 0.0
    for name in NAMES:
        move = plan.part(name, limits)
        assert move.timed is not None and move.timed.duration == plan.duration
        rows = move.timed.at(times)
        velocity = np.abs(np.diff(rows, axis=0)).max(axis=0) / period / world.limits.velocity
        acceleration = np.abs(np.diff(rows, n=2, axis=0)).max(axis=0) / period**2 / world.limits.acceleration
        assert (velocity <= 1.0).all() and (acceleration <= 1.02).all()
        nearest = max(nearest, float(velocity.max()), float(acceleration.max()))
    assert nearest > 0.9, "time-optimal: some joint of some arm is at a limit"


def test_each_tool_keeps_its_own_limits(arms: GroupPlanner) -> None:
    limits = dict.fromkeys(NAMES, arms.arms[0].limits)
    low = ToolLimits(box=((0.0, -0.4, 0.0), (0.42, 0.4, 0.16)))
    slow = ToolLimits(speed=0.1)
    left, right = swap(0.7).wishes
    request = dataclasses.replace(
        swap(0.7), wishes=(dataclasses.replace(left, tool=low), dataclasses.replace(right, tool=slow))
    )
    plan = arms.plan(request, BASES, EMPTY)
    places = {}
    for arm in arms.arms:
        move = plan.part(arm.name, limits)
        rows = np.tile(plan.start_of(arm.name, limits), (400, 1))
        assert move.timed is not None
        rows[:, list(move.columns)] = move.timed.at(np.linspace(0.0, plan.duration, 400))
        places[arm.name] = np.array([arm.tool_pose(row).position for row in rows])
    assert places["left"][:, 2].max() < 0.16 + plan.check_step
    speeds = {
        name: np.linalg.norm(np.diff(place, axis=0), axis=1) * 399 / plan.duration for name, place in places.items()
    }
    assert 0.09 < speeds["right"].max() < 0.1, "as fast as it may be"


def test_poses_and_regions_are_had_together(arms: GroupPlanner, world: TwoArms) -> None:
    left, right = arms.arms
    pose = PoseGoals((PoseTarget(left.tool_pose(reaching(-0.7)), Orientation.FREE),))
    there = right.tool_pose(reaching(-0.7))
    region = RegionGoal(PoseTarget(Pose(there.position, np.eye(3)), Orientation.FREE), (0.02, 0.02, 0.02))
    wishes = (RobotWish(pose, reaching(0.7)), RobotWish(region, reaching(0.7)))
    plan = arms.plan(GroupRequest(wishes, "rrt_connect"), BASES, EMPTY)
    limits = dict.fromkeys(NAMES, left.limits)
    for arm, goal, near in ((left, pose.targets[0].pose, 0.003), (right, there, 0.036)):
        end = plan.start_of(arm.name, limits).copy()
        move = plan.part(arm.name, limits)
        end[list(move.columns)] = move.end
        assert np.linalg.norm(arm.tool_pose(end).position - goal.position) < near
    assert closest(arms, world, plan) >= 0.0


AWAY = RobotWish(to(reaching(SIDE)), reaching(0.0))
FAR = PoseGoals((PoseTarget(Pose(np.array([0.0, 0.0, 3.0]), np.eye(3))),))
MIDDLE = RobotWish(to(reaching(0.0)), reaching(SIDE))


@pytest.mark.parametrize(
    ("wishes", "changes", "reason", "words"),
    [
        ((MIDDLE, MIDDLE), {}, "collision", "left and right cannot be had at the same time: 'left/.*' would be .* inside 'right/"),
        ((AWAY, AWAY), {}, "collision", "at the start 'left/.*' would be .* inside 'right/"),
        ((MIDDLE,), {}, "invalid_goal", "1 goals and 2 places are given; valid: one of each for left, right"),
        ((MIDDLE, RobotWish(to(reaching(9.0)), reaching(SIDE))), {}, "invalid_goal", "'right': target of 'shoulder_pan' is 9; valid"),
        ((MIDDLE, RobotWish(to(reaching(0.0)), np.zeros(2))), {}, "invalid_goal", "'right': start has 2 numbers; valid: 6"),
        ((MIDDLE, RobotWish(LineGoal(PoseTarget(BASES[0])), reaching(SIDE))), {}, "invalid_goal", "'right' is to go on a line"),
        ((MIDDLE, RobotWish(FAR, reaching(SIDE))), {}, "unreachable", "'right': "),
        (swap().wishes, {"planner": "astar"}, "invalid_goal", "unknown planner 'astar'; valid: rrt_connect"),
        (swap().wishes, {"planner": "roboplan"}, "invalid_goal", "roboplan"),
        (swap().wishes, {"iterations": 0}, "invalid_goal", "iterations is 0; valid: 1 to"),
        (swap().wishes, {"iterations": 5}, "no_path", "within 5 iterations"),
        (swap().wishes, {"time_law": "fast"}, "invalid_goal", "time_law is 'fast'"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_says_why(
    arms: GroupPlanner, wishes: Any, changes: dict, reason: str, words: str
) -> None:
    with pytest.raises(MotionError, match=words) as error:
        arms.plan(dataclasses.replace(swap(), wishes=wishes, **changes), BASES, EMPTY)
    assert error.value.reason == reason


@pytest.mark.parametrize(
    ("names", "words"),
    [(("left", "left"), "robot 'left' is given twice in one plan; valid: each robot once"), (("left",), "has 1; valid: 2 to 8")],
)  # fmt: skip
def test_a_group_has_each_robot_once(names: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        RobotGroup([PlacedRobot(Arm(load_robot("so101"), name), BASES[0]) for name in names])


def test_what_one_robot_may_touch_or_holds_is_not_the_others(arms: GroupPlanner) -> None:
    start = reaching(SIDE)
    tool = arms.arms[0].tool_pose(start).position
    tray = box("tray", (float(tool[0]), float(tool[1]), float(tool[2]) - 0.045), (0.04, 0.04, 0.004))
    place = GroupPlace(NAMES, BASES, Surroundings((tray,)))

    def job(held: tuple, may_touch: tuple) -> GroupJob:
        return GroupJob(swap(SIDE, iterations=2000), place, held, may_touch)

    plan = job((("tray",), ()), ((), ())).plan(arms)
    assert plan.attached == ("tray",)
    with pytest.raises(UnknownNameError, match="unknown object in held 'cup'; valid: tray"):
        job((("cup",), ()), ((), ())).plan(arms)
    with pytest.raises(ConfigurationError, match="'tray' is held by two robots"):
        job((("tray",), ("tray",)), ((), ())).plan(arms)
    with pytest.raises(UnknownNameError, match="unknown object in may_touch 'cup'"):
        job(((), ()), ((), ("cup",))).plan(arms)


def test_where_robots_of_a_world_stand_and_what_is_around_them_is_in_the_first_ones_frame() -> None:
    bodies = [
        WorldBody("left/base", "world", Pose(np.array([1.0, 0.0, 0.2]), np.eye(3))),
        WorldBody("right/base", "world", Pose(np.array([1.5, 0.0, 0.2]), np.eye(3))),
        WorldBody("third/base", "world", Pose(np.array([0.0, 2.0, 0.2]), np.eye(3))),
    ]

    def geom(name: str, body: str, x: float, kind: str = "box") -> WorldGeom:
        return WorldGeom(name, body, kind, np.array([0.1, 0.1, 0.1]), Pose(np.array([x, 0.0, 0.0]), np.eye(3)))

    geoms = [geom("a", "left/base", 1.0), geom("b", "right/base", 1.5), geom("c", "third/base", 0.0)]
    geoms += [geom("floor", "world", 0.0, "plane"), geom("post", "world", 1.2)]
    robots = [WorldRobot(name, "base", -0.2) for name in NAMES]
    around, bases = group_surroundings(robots, bodies, geoms)
    assert [base.position.tolist() for base in bases] == [[0.0, 0.0, 0.0], [0.5, 0.0, 0.0]]
    assert set(around.objects) == {"third", "world"}, "their own links are no obstacles, and the ground is their own"
    assert around.objects["world"] == ("world",) and around.names_of("third") == ("third",)
    told = Surroundings((box("crate", (0.1, 0.0, 0.0), (0.1, 0.1, 0.1)),)).of_robot("right", bases[1])
    assert told.shapes[0].name == "right/crate" and told.shapes[0].pose.position[0] == pytest.approx(0.6)
    place = GroupPlace(NAMES, bases, around)
    moved = dataclasses.replace(place, bases=(bases[0], Pose(np.array([0.6, 0.0, 0.0]), np.eye(3))))
    assert "the base of 'right' has moved by 100.0 mm" in moved.change_from(place, ())
    assert place.change_from(place, ()) == ""


@pytest.mark.parametrize("robot", ["panda", "ur5e", "koch", "omx", "so100"])
def test_a_robot_of_a_group_is_checked_as_it_is_alone(robot: str) -> None:
    first, second = Arm(load_robot("so101"), "small"), Arm(load_robot(robot), "other")
    turned = Pose(np.array([3.0, 1.0, 0.5]), rotation_matrix(np.array([0.0, 0.0, 0.7])))
    post = box("post", (0.3, 0.1, 0.2), (0.05, 0.05, 0.2))
    there = dataclasses.replace(post, name="far", pose=turned.at(post.pose))
    group = RobotGroup([PlacedRobot(first, Pose(np.zeros(3), np.eye(3))), PlacedRobot(second, turned)])
    together = SceneChecker(group, PlanningScene((post, there)))
    checkers = [SceneChecker(arm, PlanningScene((post,))) for arm in (first, second)]
    random = np.random.default_rng(0)
    limits = group.limits
    low, high = np.maximum(limits.lower, -3.0), np.minimum(limits.upper, 3.0)
    found = set()
    for _ in range(60):
        place = random.uniform(low, high)
        alone = []
        for number, checker in enumerate(checkers):
            alone.append(checker.is_free(place[group.columns(number)]))
            with together.only(number):
                assert together.is_free(place) == alone[-1], together.problem(place)
        assert together.is_free(place) == all(alone)
        found.add(tuple(alone))
    assert len(found) > 1, "some of the states are free, and some are not"
