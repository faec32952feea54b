"""MoveIt's planning scenes become obstacles as MoveIt has them, and what is not valid is said and keeps the robot at rest.

The messages are those of moveit_msgs and octomap_msgs where they are installed, else stand-ins with the fields of their files.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import Point, Pose, TransformStamped
from planning.test_octree import BINARY, CUBES, RESOLUTION
from shape_msgs.msg import Mesh, Plane, SolidPrimitive

from strands_robots.core.errors import ConfigurationError
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.planning.moveit.moveit_scene import MoveItScene
from strands_robots.planning.moveit.static_frames import static_frames
from strands_robots.planning.surroundings import Surroundings
from strands_robots.ros.messages.moveit_scene_messages import updated_scene

from . import moveit_stand_in

IS_REAL = all(importlib.util.find_spec(package) for package in ("moveit_msgs", "octomap_msgs"))
moveit: Any = importlib.import_module("moveit_msgs.msg") if IS_REAL else moveit_stand_in
octomap: Any = importlib.import_module("octomap_msgs.msg") if IS_REAL else moveit_stand_in
ADD, REMOVE, APPEND, MOVE = b"\0", b"\1", b"\2", b"\3"


@pytest.fixture(scope="module")
def arm() -> Arm:
    return Arm(load_robot("so101"))


def pose(x: float = 0.0, y: float = 0.0, z: float = 0.0, turn: float = 0.0) -> Pose:
    made = Pose()
    made.position.x, made.position.y, made.position.z = x, y, z
    made.orientation.z, made.orientation.w = float(np.sin(turn / 2.0)), float(np.cos(turn / 2.0))
    return made


def box(*lengths: float) -> SolidPrimitive:
    return SolidPrimitive(type=SolidPrimitive.BOX, dimensions=list(lengths))


def crate(operation: bytes = ADD, frame: str = "base_link", name: str = "crate", **fields: Any) -> Any:
    made = moveit.CollisionObject(id=name, operation=operation)
    made.header.frame_id = frame
    if operation in (ADD, APPEND):
        fields = {
            "primitives": [box(0.2, 0.1, 0.1)],
            "primitive_poses": [pose()],
            "pose": pose(0.3, 0.1, 0.05),
            **fields,
        }
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def scene(*objects: Any, full: bool = False, **fields: Any) -> Any:
    made = moveit.PlanningScene(is_diff=not full)
    made.robot_state.is_diff = not full
    made.world.collision_objects = list(objects)
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def held(link: str = "gripper_link", operation: bytes = ADD, touch: tuple[str, ...] = (), **fields: Any) -> Any:
    thing = crate(operation, **{"frame": link, "name": "cup", "pose": pose(0.0, 0.0, -0.05), **fields})
    return moveit.AttachedCollisionObject(link_name=link, object=thing, touch_links=list(touch))


def heard(arm: Arm, *messages: Any) -> MoveItScene:
    made = MoveItScene()
    for message in (scene(full=True), *messages):
        made = updated_scene(made, message, static_frames(arm), "so101")
    return made


def around(arm: Arm, *messages: Any) -> Surroundings:
    return heard(arm, *messages).surroundings(arm.links)


def test_objects_come_change_and_go_as_in_moveit(arm: Arm) -> None:
    add = scene(crate())
    (shape,) = around(arm, add).shapes
    assert (shape.name, shape.kind, shape.size) == ("crate", "box", (0.1, 0.05, 0.05))
    assert shape.pose.position.tolist() == [0.3, 0.1, 0.05]
    (again,) = around(arm, add, add).shapes  # the same ADD twice is one object
    assert again.name == "crate"

    more = scene(crate(APPEND, primitives=[box(0.1, 0.1, 0.4)], primitive_poses=[pose(z=0.2)]))
    both = around(arm, add, more)
    assert both.objects == {"crate": ("crate/0", "crate/1")}
    assert both.shapes[1].pose.position.tolist() == [0.3, 0.1, 0.25]

    moved = around(arm, add, more, scene(crate(MOVE, pose=pose(0.0, 0.4, 0.05, np.pi / 2.0))))
    assert moved.shapes[0].pose.position == pytest.approx([0.0, 0.4, 0.05])
    assert moved.shapes[1].pose.position == pytest.approx([0.0, 0.4, 0.25])

    assert around(arm, add, scene(crate(REMOVE))).shapes == ()
    assert around(arm, add, scene(crate(name="other")), scene(crate(REMOVE, name=""))).shapes == ()
    assert around(arm, add, scene(full=True)).shapes == (), "a full scene replaces what was there"


def test_the_pose_of_an_only_shape_is_the_objects(arm: Arm) -> None:
    only = crate(pose=pose(), primitive_poses=[pose(0.3, 0.1, 0.05)])
    (shape,) = around(arm, scene(only), scene(crate(MOVE, pose=pose(0.2, 0.0, 0.1)))).shapes
    assert shape.pose.position.tolist() == [0.2, 0.0, 0.1], "not 0.5, as if the shape had kept its own pose"


def test_every_shape_that_moveit_has_is_an_obstacle(arm: Arm) -> None:
    ball = SolidPrimitive(type=SolidPrimitive.SPHERE, dimensions=[0.05])
    tin = SolidPrimitive(type=SolidPrimitive.CYLINDER, dimensions=[0.2, 0.04])
    cone = SolidPrimitive(type=SolidPrimitive.CONE, dimensions=[0.2, 0.04])
    corners = [(0.0, 0.0, 0.0), (0.1, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 0.1)]
    mesh = Mesh(vertices=[Point(x=x, y=y, z=z) for x, y, z in corners])
    all_of_them = crate(
        primitives=[ball, tin, cone],
        primitive_poses=[],
        meshes=[mesh],
        mesh_poses=[pose()],
        planes=[Plane(coef=[0.0, 0.0, 2.0, 0.6])],
        plane_poses=[pose()],
        pose=pose(0.3, 0.0, 0.0),
    )
    shapes = around(arm, scene(all_of_them)).shapes
    assert [(shape.kind, shape.size) for shape in shapes] == [
        ("sphere", (0.05,)),
        ("cylinder", (0.04, 0.1)),
        ("mesh", ()),
        ("mesh", ()),
        ("plane", (0.0, 0.0)),
    ]
    tip = shapes[2].vertices
    assert tip is not None and tip[:, 2].max() == 0.1 and tip[:, 2].min() == -0.1
    assert np.linalg.norm(tip[:-1, :2].mean(axis=0)) < 1e-9 and np.linalg.norm(tip[0, :2]) >= 0.04
    assert shapes[4].pose.position == pytest.approx([0.3, 0.0, -0.3]) and shapes[4].pose.rotation[2, 2] == 1.0


def test_a_plane_is_full_on_the_side_where_the_robot_is_not(arm: Arm) -> None:
    wall = crate(
        primitives=[], primitive_poses=[], planes=[Plane(coef=[1.0, 0.0, 0.0, -0.5])], plane_poses=[pose()], pose=pose()
    )
    (shape,) = around(arm, scene(wall)).shapes
    assert shape.pose.position == pytest.approx([0.5, 0.0, 0.0])
    assert shape.pose.rotation[:, 2] == pytest.approx([-1.0, 0.0, 0.0]), "the robot stands in front of it"


def test_frames_are_the_base_what_the_scene_tells_of_and_objects(arm: Arm) -> None:
    to_table = TransformStamped(child_frame_id="table")
    to_table.header.frame_id, to_table.transform.translation.x = "/so101/base_link", 0.5
    told = scene(
        crate(frame="table"), crate(frame="crate", name="lid", pose=pose(z=0.1)), fixed_frame_transforms=[to_table]
    )
    shapes = {shape.name: shape.pose.position.tolist() for shape in around(arm, told).shapes}
    assert shapes["crate"] == pytest.approx([0.8, 0.1, 0.05]) and shapes["lid"] == pytest.approx([0.8, 0.1, 0.15])
    (later,) = around(arm, scene(fixed_frame_transforms=[to_table]), scene(crate(frame="table"))).shapes
    assert later.pose.position.tolist() == pytest.approx([0.8, 0.1, 0.05])


def test_what_is_held_moves_with_its_link_and_may_touch_it(arm: Arm) -> None:
    attach = scene()
    attach.robot_state.attached_collision_objects = [held(touch=("so101/wrist_link", "no_such_link"))]
    made = around(arm, scene(crate(name="cup")), attach)
    assert made.shapes == (), "an object that is held is not in the world any more"
    ((shape, link),) = [(entry.shape, entry.link) for entry in made.attached]
    assert link == "gripper_link" and shape.pose.position.tolist() == [0.0, 0.0, -0.05]
    assert made.allowed == (("cup", "wrist_link"),)

    let_go = scene(crate(name="cup", pose=pose(0.3, 0.0, 0.02)))
    let_go.robot_state.attached_collision_objects = [held("", REMOVE)]
    put_down = around(arm, attach, let_go)
    assert put_down.attached == () and [shape.name for shape in put_down.shapes] == ["cup"]

    full = scene(full=True)
    assert around(arm, attach, full).attached == ()
    full.robot_state.is_diff = True
    assert len(around(arm, attach, full).attached) == 1


def test_contacts_are_those_of_the_matrix_and_its_defaults(arm: Arm) -> None:
    matrix = moveit.AllowedCollisionMatrix(entry_names=["crate", "gripper_link", "wrist_link"])
    rows = [[False, True, False], [True, False, True], [False, True, False]]
    matrix.entry_values = [moveit.AllowedCollisionEntry(enabled=row) for row in rows]
    given = scene(crate(), crate(name="mat"), allowed_collision_matrix=matrix)
    assert around(arm, given).allowed == (("crate", "gripper_link"),), "two links are the robot's own matter"
    matrix.default_entry_names, matrix.default_entry_values = ["mat"], [True]
    allowed = around(arm, given).allowed
    assert set(allowed) == {("crate", "gripper_link"), *(("mat", link) for link in arm.links)}
    assert around(arm, given, scene(crate(REMOVE, name="mat"))).allowed == (("crate", "gripper_link"),)


def test_the_largest_padding_is_a_distance_that_is_kept(arm: Arm) -> None:
    padding = [moveit.LinkPadding(link_name="gripper_link", padding=0.02), moveit.LinkPadding(link_name="base_link")]
    made = around(arm, scene(crate(), link_padding=padding))
    here = static_frames(arm)["base_link"]
    assert made.padding == 0.02
    assert made.scene((), (), 0.005, "gripper_link", here, arm.links).clearance == 0.02
    assert made.scene((), (), 0.05, "gripper_link", here, arm.links).clearance == 0.05


def octree(frame: str = "base_link", data: bytes = BINARY, kind: str = "OcTree") -> Any:
    made = octomap.OctomapWithPose(origin=pose(x=1.0))
    made.header.frame_id = frame
    made.octomap = octomap.Octomap(
        binary=True, id=kind, resolution=RESOLUTION, data=np.frombuffer(data, dtype=np.int8).tolist()
    )
    return made


def test_an_octree_is_there_until_it_is_cleared(arm: Arm) -> None:
    seen = scene()
    seen.world.octomap = octree()
    made = around(arm, seen, scene(crate()))
    cubes = [shape.pose.position[0] for shape in made.shapes if shape.name.startswith("<octomap>")]
    assert sorted(cubes) == pytest.approx(sorted(1.0 + cube[0] for cube in CUBES))
    cleared = scene()
    cleared.world.octomap = octree(data=b"", kind="cleared")
    assert around(arm, seen, cleared).shapes == ()


def broken(change: Callable[[Any], None]) -> Any:
    made = scene(crate())
    change(made)
    return made


def _with(**fields: Any) -> Callable[[Any], None]:
    return lambda made: (
        [setattr(made.world.collision_objects[0], field, value) for field, value in fields.items()] and None
    )


def _in_map(made: Any) -> None:
    made.world.collision_objects[0].header.frame_id = "map"


def _padding(made: Any) -> None:
    made.link_padding = [moveit.LinkPadding(link_name="gripper_link", padding=0.5)]


def _scale(made: Any) -> None:
    made.link_scale = [moveit.LinkScale(link_name="gripper_link", scale=1.2)]


def _matrix(made: Any) -> None:
    made.allowed_collision_matrix.entry_names = ["crate"]


def _octomap(made: Any) -> None:
    made.world.octomap = octree(data=BINARY[:-1])


def _octomap_frame(made: Any) -> None:
    made.world.octomap = octree("camera")


def _attached(**fields: Any) -> Callable[[Any], None]:
    return lambda made: setattr(made.robot_state, "attached_collision_objects", [held(**fields)])


def _crowd(made: Any) -> None:
    made.world.collision_objects = [crate()] * 2001


BROKEN: dict[str, tuple[Callable[[Any], None], str]] = {
    "frame": (_in_map, "'crate' is in frame 'map', which is not known here; valid: '', 'base_link'"),
    "not a number": (_with(pose=pose(float("nan"))), "'crate' position is .nan, 0, 0.; valid: three finite"),
    "quaternion": (_with(primitive_poses=[Pose(orientation=pose(turn=1.0).orientation), pose()]), "2 poses of 1 primitives"),
    "prism": (_with(primitives=[SolidPrimitive(type=5, dimensions=[0.1])]), "primitive of type 5; valid: BOX .1., SPHERE"),
    "dimensions": (_with(primitives=[box(0.1, 0.1)]), "BOX .1. of dimensions .0.1, 0.1.; valid: 3 numbers above 0"),
    "negative": (_with(primitives=[box(0.1, -0.1, 0.1)]), "valid: 3 numbers above 0"),
    "flat mesh": (_with(meshes=[Mesh(vertices=[Point(x=float(k)) for k in range(5)])]), "lie in one plane"),
    "plane": (_with(planes=[Plane(coef=[0.0, 0.0, 0.0, 1.0])]), "the first three not all 0"),
    "no shapes": (_with(primitives=[], primitive_poses=[]), "has no shapes"),
    "operation": (_with(operation=b"\x07"), "has operation 7; valid: ADD .0., REMOVE"),
    "reserved": (_with(id="<octomap>"), "not empty and not <octomap>"),
    "nameless": (_with(id=""), "is no name of an object"),
    "unknown moved": (_with(operation=MOVE, id="vase"), "'vase' is to be moved and was never added"),
    "padding": (_padding, "'link_padding' of 'gripper_link' is 0.5 m; valid: 0 to 0.1"),
    "scale": (_scale, "'link_scale' of 'gripper_link' is 1.2; valid: 1"),
    "matrix": (_matrix, "'allowed_collision_matrix' has 1 names, rows of .0. entries"),
    "octomap": (_octomap, "'<octomap>' the octree's 95 bytes end in the middle"),
    "octomap's frame": (_octomap_frame, "'<octomap>' is in frame 'camera'"),
    "link": (_attached(link="claw"), "'cup' is held by 'claw'; valid: base_link"),
    "frame of a link": (_attached(frame="base_link"), "'cup' is attached to 'gripper_link' in frame 'base_link'; valid: the frame"),
    "no shape to hold": (_attached(primitives=[], primitive_poses=[]), "without shapes"),
    "held and moved": (_attached(operation=MOVE), "'cup' is held and changed by operation 3"),
    "too many": (_crowd, "the world has 2001 objects in one message; valid: up to 2000"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_valid_is_said_until_it_is_put_right(arm: Arm, name: str) -> None:
    change, words = BROKEN[name]
    with pytest.raises(ConfigurationError, match=words):
        around(arm, broken(change), scene(crate(name="other")))
    assert len(around(arm, broken(change), scene(crate(), full=True)).shapes) == 1, "a full scene puts all right"


def test_differences_cannot_add_for_ever(arm: Arm) -> None:
    many = [scene(crate(APPEND, primitives=[box(0.1, 0.1, 0.1)] * 9000, primitive_poses=[])) for _ in range(3)]
    with pytest.raises(
        ConfigurationError, match="the world has 27000 shapes; valid: up to 20000, so a full scene with fewer"
    ):
        around(arm, *many)
    assert heard(arm, *many).world == {}, "they are not kept"
    assert len(around(arm, *many, scene(crate(), full=True)).shapes) == 1


def test_an_object_that_is_sent_again_puts_its_own_fault_right(arm: Arm) -> None:
    wrong = broken(BROKEN["frame"][0])
    assert len(around(arm, wrong, scene(crate())).shapes) == 1
    assert around(arm, wrong, scene(crate(REMOVE))).shapes == ()


def test_an_object_that_is_let_go_without_a_place_keeps_the_robot_at_rest(arm: Arm) -> None:
    attach, let_go = scene(), scene()
    attach.robot_state.attached_collision_objects = [held()]
    let_go.robot_state.attached_collision_objects = [held("", REMOVE)]
    with pytest.raises(ConfigurationError, match="'cup' was let go, and where it is now is not known"):
        around(arm, attach, let_go)
    assert around(arm, attach, let_go, scene(crate(REMOVE, name="cup"))).shapes == ()
    other = scene()
    other.robot_state.attached_collision_objects = [held("wrist_link", REMOVE)]
    with pytest.raises(ConfigurationError, match="let go by 'wrist_link' and held by 'gripper_link'"):
        around(arm, attach, other)


def test_a_difference_to_a_scene_that_was_never_heard_is_not_enough(arm: Arm) -> None:
    made = updated_scene(MoveItScene(), scene(crate()), static_frames(arm), "so101")
    with pytest.raises(ConfigurationError, match="only differences were heard; valid: a full scene first"):
        made.surroundings(arm.links)
