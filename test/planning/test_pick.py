"""Grasps from shapes, and picks and places that are planned whole among walls and a shelf."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, MotionError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.planning.pick.grasps import FRICTION_ANGLE, GAP, MOST, antipodal_grasps
from strands_robots.planning.pick.jaws import Jaws, jaws_of
from strands_robots.planning.pick.pick_planner import PickPlan, PickPlanner, PickRequest
from strands_robots.planning.pick.surface import surface_of
from strands_robots.planning.planning_scene import PlanningScene, Shape
from strands_robots.planning.scene_checker import SceneChecker

HALF = 0.0125
PLACE = np.array([0.2, -0.12, HALF])


def shape(kind: str, size: tuple[float, ...], at: tuple[float, float, float], name: str = "thing") -> Shape:
    return Shape(name, kind, size, Pose(np.array(at), np.eye(3)))


CUBE = shape("box", (HALF, HALF, HALF), (0.22, 0.02, HALF), "cube")
WALL = shape("box", (0.03, 0.003, 0.03), (0.21, -0.05, 0.03), "wall")


@pytest.fixture(scope="module")
def arm() -> Arm:
    return Arm(load_robot("so101"))


@pytest.fixture(scope="module")
def planner(arm: Arm) -> PickPlanner:
    return PickPlanner(arm)


def home(arm: Arm) -> FloatArray:
    return np.array([arm.config.home[name] for name in arm.limits.names])


@pytest.mark.parametrize(
    ("robot", "axis", "is_one_sided"), [("so101", 0, True), ("panda", 1, False), ("koch", 1, True), ("omx", 1, False)]
)
def test_how_a_gripper_closes_is_read_from_the_model(robot: str, axis: int, is_one_sided: bool) -> None:
    jaws = jaws_of(Arm(load_robot(robot)))
    assert abs(jaws.axis[axis]) > 0.99 and jaws.is_one_sided == is_one_sided


def test_a_robot_without_gripper_says_so() -> None:
    with pytest.raises(MotionError, match="'ur5e' has no gripper"):
        jaws_of(Arm(load_robot("ur5e")))


@pytest.mark.parametrize(
    ("kind", "size", "area"),
    [
        ("box", (0.01, 0.02, 0.03), 8.0 * (0.01 * 0.02 + 0.02 * 0.03 + 0.01 * 0.03)),
        ("sphere", (0.02,), 4.0 * np.pi * 0.02**2),
        ("cylinder", (0.01, 0.03), 2.0 * np.pi * 0.01 * (0.06 + 0.01)),
        ("capsule", (0.01, 0.03), 2.0 * np.pi * 0.01 * (0.06 + 0.02)),
    ],
)
def test_a_surface_has_the_area_of_its_shape_and_its_normals_point_outwards(
    kind: str, size: tuple[float, ...], area: float
) -> None:
    surface = surface_of(shape(kind, size, (0.1, 0.0, 0.2)))
    assert surface.areas.sum() == pytest.approx(area, rel=0.05)
    away = surface.corners.mean(axis=1) - np.array([0.1, 0.0, 0.2])
    assert ((away * surface.normals).sum(axis=1) > 0.0).all()


def test_a_mesh_that_is_not_closed_is_grasped_by_its_hull() -> None:
    corners = np.array([[x, y, z] for x in (-0.01, 0.01) for y in (-0.02, 0.02) for z in (-0.01, 0.01)])
    mesh = Shape(
        "mesh", "mesh", (), Pose(np.array([0.2, 0.0, 0.01]), rotation_matrix(np.array([0.0, 0.0, 0.3]))), corners
    )
    box = Shape("box", "box", (0.01, 0.02, 0.01), mesh.pose)
    assert surface_of(mesh).areas.sum() == pytest.approx(surface_of(box).areas.sum(), rel=1e-6)
    assert surface_of(mesh).corners.mean(axis=(0, 1)) == pytest.approx(mesh.pose.position, abs=1e-3)


def test_a_plane_has_no_surface_to_grasp() -> None:
    with pytest.raises(ConfigurationError, match="'thing' is a plane; valid for grasps: box"):
        surface_of(shape("plane", (0.0, 0.0), (0.0, 0.0, 0.0)))


@pytest.mark.parametrize("robot", ["so101", "panda"])
@pytest.mark.parametrize(
    ("kind", "size"), [("box", (0.01, 0.015, 0.02)), ("cylinder", (0.012, 0.02)), ("sphere", (0.014,))]
)
def test_grasps_have_the_object_between_the_jaws_and_opposite_normals(
    robot: str, kind: str, size: tuple[float, ...]
) -> None:
    jaws = jaws_of(Arm(load_robot(robot)))
    thing = shape(kind, size, (0.3, 0.05, 0.1))
    grasps = antipodal_grasps([thing], jaws, seed=1)
    assert 5 < len(grasps) <= MOST and [g.cost for g in grasps] == sorted(g.cost for g in grasps)
    for grasp in grasps:
        line = grasp.tool.rotation @ jaws.axis
        assert np.linalg.det(grasp.tool.rotation) == pytest.approx(1.0)
        assert grasp.width <= jaws.opening
        centre = (
            grasp.tool.position + grasp.depth * grasp.tool.axis - (0.5 * grasp.width + GAP) * line * jaws.is_one_sided
        )
        out = surface_of(thing).exit(centre, line), surface_of(thing).exit(centre, -line)
        for side, direction in zip(out, (line, -line)):
            assert side is not None and side[0] == pytest.approx(0.5 * grasp.width, abs=1e-3)
            assert side[1] @ direction > np.cos(FRICTION_ANGLE + 0.15)  # round shapes are faceted
    assert grasps[0].tool.axis @ np.array([0.0, 0.0, -1.0]) > np.cos(FRICTION_ANGLE)
    again = antipodal_grasps([thing], jaws, seed=1)
    assert all(np.array_equal(a.tool.position, b.tool.position) for a, b in zip(grasps, again))


def test_what_is_too_wide_says_how_wide_it_is() -> None:
    jaws = jaws_of(Arm(load_robot("so101")))
    with pytest.raises(
        MotionError, match="'thing' is 120 mm wide where it is narrowest; valid between the jaws: up to 70 mm"
    ):
        antipodal_grasps([shape("box", (0.06, 0.06, 0.06), (0.3, 0.0, 0.06))], jaws)


@pytest.fixture(scope="module")
def planned(planner: PickPlanner) -> PickPlan:
    scene = PlanningScene((CUBE, WALL))
    return planner.plan(PickRequest(("cube",), home(planner.arm), PLACE, 0.0), scene)


def test_a_pick_and_place_has_its_stages_in_order_and_each_begins_where_the_last_one_ended(
    planned: PickPlan, arm: Arm
) -> None:
    names = [stage.name for stage in planned.stages]
    assert names == ["open", "approach", "descend", "close", "lift", "move", "lower", "release", "retreat"]
    ways = [stage.plan for stage in planned.stages if stage.plan is not None]
    for number in range(1, len(ways)):
        before, after = ways[number - 1], ways[number]
        assert before.way_points[-1] == pytest.approx(after.way_points[0], abs=1e-6)
    assert ways[0].way_points[0] == pytest.approx(home(arm)[arm.tool_columns])


def test_every_stage_is_free_of_contacts_at_each_millimetre(planned: PickPlan, arm: Arm) -> None:
    """Each played curve is checked again in the scene that it was planned in, with what is held."""
    for stage in planned.stages:
        if stage.plan is None:
            continue
        checker = SceneChecker(arm, replace(stage.scene, clearance=0.0))
        law = stage.plan.move(arm.limits).timed
        assert law is not None
        columns = [arm.limits.index[name] for name in stage.plan.joint_names]
        is_held = bool(stage.scene.attached)
        fraction = planned.jaws.fraction_for(planned.grasp.width) if is_held else 0.6
        whole = planned.jaws.at_fraction(home(arm), fraction)
        rows = law.at(np.linspace(0.0, law.duration, 200))
        whole[columns] = rows[0]
        checker.start_at(whole)
        for row in rows:
            whole[columns] = row
            assert checker.is_free(whole), f"{stage.name}: {checker.problem(whole)}"


def test_the_object_ends_at_its_place(planned: PickPlan, arm: Arm) -> None:
    lower = next(stage for stage in planned.stages if stage.name == "lower")
    assert lower.plan is not None
    (held,) = lower.scene.attached
    end = planned.jaws.at_fraction(home(arm), 0.0)
    end[[arm.limits.index[name] for name in lower.plan.joint_names]] = lower.plan.way_points[-1]
    there = SceneChecker(arm, lower.scene).link_pose(end, held.link).at(held.shape.pose)
    assert there.position == pytest.approx(PLACE, abs=0.008)
    assert there.position[2] > PLACE[2]


@pytest.mark.timeout(600)  # every grasp is tried
def test_an_object_in_a_narrow_pit_is_refused_with_what_is_in_the_way(planner: PickPlanner) -> None:
    pit = [shape("box", (0.004, 0.03, 0.04), (0.22 + dx, 0.02, 0.04), f"x{dx}") for dx in (-0.02, 0.02)] + [
        shape("box", (0.03, 0.004, 0.04), (0.22, 0.02 + dy, 0.04), f"y{dy}") for dy in (-0.02, 0.02)
    ]
    with pytest.raises(MotionError, match=r"none of .* grasps of 'cube' can be carried out") as error:
        planner.plan(PickRequest(("cube",), home(planner.arm)), PlanningScene((CUBE, *pit)))
    assert error.value.reason in ("collision", "unreachable", "no_path")


def test_an_object_that_is_not_there_is_named(planner: PickPlanner) -> None:
    with pytest.raises(MotionError, match="the scene has no 'cup'; valid: cube"):
        planner.plan(PickRequest(("cup",), home(planner.arm)), PlanningScene((CUBE,)))


def test_jaws_open_by_fractions() -> None:
    jaws = Jaws(np.array([1.0, 0.0, 0.0]), True, 0.06, 0.6, "link", ("link",), (1,), 1.0, 0.0, 0.0)
    assert jaws.at_fraction(np.zeros(2), 0.25).tolist() == [0.0, 0.25]
    assert jaws.fraction_for(0.06) == pytest.approx(0.6) and jaws.fraction_for(1.0) == 1.0
    assert jaws.width_at(jaws.at_fraction(np.zeros(2), 0.3)) == pytest.approx(0.03)


def test_what_lies_low_is_grasped_with_the_ends_of_the_fingers_and_what_is_wide_with_open_ones() -> None:
    """The Panda's fingers go on for 21 mm past the tool's frame, and are open for 80 mm only when they are fully open."""
    arm = Arm(load_robot("panda"))
    planner, home = PickPlanner(arm), np.zeros(len(arm.limits.names))
    for name, value in arm.config.home.items():
        home[arm.limits.index[name]] = value
    for size, is_shallow, least in (((0.012, 0.016, 0.012), True, 0.0), ((0.027, 0.028, 0.03), False, 0.7)):
        scene = PlanningScene((shape("box", size, (0.46, 0.1, size[2])),))
        found = planner.plan(PickRequest(("thing",), home), scene)
        assert (found.grasp.depth > 0.0) is is_shallow
        assert found.stages[0].gripper is not None and found.stages[0].gripper >= max(least, 0.6)
