"""What move_group is asked, and what is made of its answer, with messages that have the fields of moveit_msgs' files."""

from __future__ import annotations

import numpy as np
import pytest
from shape_msgs.msg import SolidPrimitive
from trajectory_msgs.msg import JointTrajectoryPoint

from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.planning.outside_planner import OutsideSearch
from strands_robots.planning.planning_scene import AttachedShape, PlanningScene, Shape
from strands_robots.ros.messages.moveit_messages import move_group_goal, way_points

from . import moveit_stand_in

JOINTS = ("shoulder_pan", "shoulder_lift", "gripper")
AT = Pose(np.array([0.3, 0.0, 0.1]), rotation_matrix(np.array([0.0, 0.0, 0.5])))
KINDS = {
    "box": (0.1, 0.02, 0.1),
    "sphere": (0.05,),
    "cylinder": (0.02, 0.1),
    "plane": (1.0, 1.0),
    "capsule": (0.02, 0.1),
}


@pytest.fixture(autouse=True)
def moveit(monkeypatch: pytest.MonkeyPatch) -> None:
    moveit_stand_in.install(monkeypatch)


def search() -> OutsideSearch:
    shapes = tuple(Shape(kind, kind, size, AT) for kind, size in KINDS.items())
    held = AttachedShape(Shape("cup", "box", (0.01, 0.01, 0.03), AT), "gripper_link")
    start = np.array([0.1, 0.2, 0.3])
    goals = (np.array([0.5, 0.6]), np.array([-0.5, 0.6]))
    return OutsideSearch("so101", "base_link", JOINTS, start, JOINTS[:2], goals, PlanningScene(shapes, (held,)))


def answer(names: tuple[str, ...], rows: list[list[float]], code: int = 1) -> object:
    result = moveit_stand_in.MoveGroupResult()
    result.error_code.val = code
    trajectory = result.planned_trajectory.joint_trajectory
    trajectory.joint_names = list(names)
    trajectory.points = [JointTrajectoryPoint(positions=row) for row in rows]
    return result


def test_a_search_is_a_plan_only_goal_with_every_shape_and_every_goal() -> None:
    goal = move_group_goal(search())
    request, options = goal.request, goal.planning_options
    assert options.plan_only and options.planning_scene_diff.is_diff, (
        "nothing moves, and MoveIt's own scene stays as it is"
    )
    assert request.group_name == "arm" and request.allowed_planning_time == 5.0
    state = request.start_state
    assert (
        state.is_diff
        and list(state.joint_state.name) == list(JOINTS)
        and list(state.joint_state.position) == [0.1, 0.2, 0.3]
    )
    (attached,) = state.attached_collision_objects
    assert (attached.link_name, attached.object.header.frame_id, attached.object.id) == (
        "gripper_link",
        "gripper_link",
        "cup",
    )
    wanted = [[(c.joint_name, c.position) for c in each.joint_constraints] for each in request.goal_constraints]
    assert wanted == [[("shoulder_pan", 0.5), ("shoulder_lift", 0.6)], [("shoulder_pan", -0.5), ("shoulder_lift", 0.6)]]
    objects = {entry.id: entry for entry in options.planning_scene_diff.world.collision_objects}
    assert set(objects) == set(KINDS) and {entry.header.frame_id for entry in objects.values()} == {"base_link"}
    box, cylinder = objects["box"].primitives[0], objects["cylinder"].primitives[0]
    assert box.type == SolidPrimitive.BOX and list(box.dimensions) == pytest.approx([0.204, 0.044, 0.204])
    assert cylinder.type == SolidPrimitive.CYLINDER and list(cylinder.dimensions) == pytest.approx([0.204, 0.022])
    assert objects["box"].pose.orientation.z == pytest.approx(np.sin(0.25)) and objects["box"].operation == b"\0"
    assert list(objects["plane"].planes[0].coef) == pytest.approx([0.0, 0.0, 1.0, -0.002])
    mesh = objects["capsule"].meshes[0]
    assert len(mesh.vertices) == 3 * len(mesh.triangles) > 100 and not objects["capsule"].primitives


def test_an_answer_is_way_points_in_the_order_that_was_asked() -> None:
    rows = way_points(answer(("shoulder_lift", "shoulder_pan"), [[0.2, 0.1], [0.6, 0.5]]), search())
    assert rows.tolist() == [[0.1, 0.2], [0.5, 0.6]]


@pytest.mark.parametrize(
    ("names", "rows", "code", "words"),
    [
        (JOINTS[:2], [], -10, r"MoveIt error code -10 \(START_STATE_IN_COLLISION\)"),
        (JOINTS[:2], [], 4711, "4711 .a code that is not known here"),
        (JOINTS[:1], [[0.1]], 1, "valid: at least one point, and shoulder_pan, shoulder_lift"),
        (JOINTS[:2], [], 1, "has 0 points"),
    ],
)
def test_an_answer_without_a_way_is_no_path(
    names: tuple[str, ...], rows: list[list[float]], code: int, words: str
) -> None:
    with pytest.raises(MotionError, match=words) as refused:
        way_points(answer(names, rows, code), search())
    assert refused.value.reason == "no_path"
