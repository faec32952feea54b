"""moveit_msgs/PlanningScene -> the scene of the core. Reads fields only, so moveit_msgs is not imported here.

Source: github.com/moveit/moveit_msgs, branch ros2, at commit ec3ba4bfa2ec37df576bcf7a087e5a4ab88d79a4, octomap_msgs, branch ros2, at
commit 67be62db91510f3a10ac6c37b1013307c290631c, and what MoveIt makes of them: github.com/moveit/moveit2 at commit
8fcb5d2327767af3c764b1348a69a9b74c5efd18, planning_scene/src/planning_scene.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.pose import Pose, pose_from_quaternion
from strands_robots.core.text import printable
from strands_robots.planning.moveit.contact_matrix import ContactMatrix
from strands_robots.planning.moveit.moveit_scene import OCTOMAP, MoveItScene, SceneObject, checked_padding
from strands_robots.planning.moveit.object_shapes import plane_shape, primitive_shape
from strands_robots.planning.octree import octree_shapes
from strands_robots.planning.planning_scene import Shape
from strands_robots.ros.messages.geometry import quadruple, triple

ADD, REMOVE, APPEND, MOVE = 0, 1, 2, 3
"""Operations of moveit_msgs/CollisionObject."""

MOST_OBJECTS = 2000
"""Most objects of one message: each is taken in the executor's thread."""

_HERE = Pose(np.zeros(3), np.eye(3))
_POSES = {"primitives": "primitive_poses", "meshes": "mesh_poses", "planes": "plane_poses"}


def updated_scene(scene: MoveItScene, message: Any, frames: Mapping[str, Pose], robot: str) -> MoveItScene:
    """Return the scene after a message. What is not valid in it is a fault of its part; nothing is raised.

    Args:
        scene: The scene before it.
        message: moveit_msgs/PlanningScene.
        frames: Poses of the known frames in the robot's base frame [m].
        robot: Name of the robot: "<robot>/<link>" is the link.
    """
    if not message.is_diff:
        kept = scene.held if message.robot_state.is_diff else {}
        scene = MoveItScene(is_full=True, held=kept)
    if message.fixed_frame_transforms:
        scene = _guarded(
            scene,
            "fixed_frame_transforms",
            lambda old: replace(old, frames={**old.frames, **_fixed_frames(message, frames)}),
        )
    known = {**scene.frames, **frames}
    scene = _with_state(scene, message.robot_state, robot)
    matrix = message.allowed_collision_matrix
    if matrix.entry_names or matrix.default_entry_names:
        scene = _guarded(scene, "allowed_collision_matrix", lambda old: replace(old, contacts=_contacts(matrix)))
    scene = _with_padding(scene, message)
    count = len(message.world.collision_objects)
    if count > MOST_OBJECTS:
        words = f"has {count} objects in one message; valid: up to {MOST_OBJECTS}, so a full scene; an object may have many shapes"
        return scene.with_fault("", words)
    for entry in message.world.collision_objects:
        scene = _guarded(scene, str(entry.id), partial(_with_object, entry=entry, frames=known))
    if message.world.octomap.octomap.id:
        scene = _guarded(scene, OCTOMAP, lambda old: replace(old, octomap=_octomap(message.world.octomap, known, old)))
    return scene.bounded()


def _guarded(scene: MoveItScene, part: str, change: Callable[[MoveItScene], MoveItScene]) -> MoveItScene:
    """Return the scene with a part changed, or with a fault of it."""
    try:
        return change(scene).without_fault(part)
    except StrandsRobotsError as error:
        return scene.with_fault(part, str(error))


def _fixed_frames(message: Any, frames: Mapping[str, Pose]) -> dict[str, Pose]:
    """Return the poses of the frames that a scene tells of; MoveIt lists the base frame in itself among them."""
    made: dict[str, Pose] = {}
    for entry in message.fixed_frame_transforms:
        parent, child = entry.header.frame_id.lstrip("/"), entry.child_frame_id.lstrip("/")
        if parent == child:
            continue
        place = {**made, **frames}.get(parent)
        if place is None:
            raise ConfigurationError(f"has '{printable(child)}' in {_not_known(parent, frames)}")
        transform = entry.transform
        made[child] = place.at(_pose_of(transform.translation, transform.rotation))
    return made


def _with_state(scene: MoveItScene, state: Any, robot: str) -> MoveItScene:
    if not state.is_diff and state.joint_state.name:
        scene = replace(scene, held={})
    for entry in state.attached_collision_objects:
        operation = _operation(entry.object)
        if not state.is_diff and operation != ADD:
            words = "is changed in a robot_state that is no difference; valid: is_diff true of robot_state"
            scene = scene.with_fault(str(entry.object.id), words)
            continue
        link = entry.link_name.removeprefix(f"{robot}/")
        if operation == REMOVE:
            try:
                scene = scene.detached(entry.object.id, link)
            except ConfigurationError as error:
                scene = scene.with_fault(str(entry.object.id), str(error))
            continue
        scene = _guarded(
            scene,
            str(entry.object.id),
            partial(_with_held, entry=entry, link=link, robot=robot),
        )
    return scene


def _with_held(scene: MoveItScene, entry: Any, link: str, robot: str) -> MoveItScene:
    """Return the scene with an object attached to a link."""
    thing, operation = entry.object, _operation(entry.object)
    _check_name(thing.id)
    if operation not in (ADD, APPEND):
        raise ConfigurationError(
            f"is held and changed by operation {operation}; valid: ADD (0), REMOVE (1), APPEND (2)"
        )
    frame = thing.header.frame_id.lstrip("/").removeprefix(f"{robot}/")
    if not _count(thing):
        raise ConfigurationError(
            f"is attached to '{printable(link)}' without shapes; valid: its shapes in the frame of the link, because where the link was "
            "is not known here"
        )
    if thing.planes:
        raise ConfigurationError(f"is attached to '{printable(link)}' with a plane; valid: primitives and meshes")
    if frame != link:
        raise ConfigurationError(
            f"is attached to '{printable(link)}' in frame '{printable(frame)}'; valid: the frame of the link"
        )
    made = _object(thing, _HERE)
    touched = tuple(name.removeprefix(f"{robot}/") for name in entry.touch_links)
    made = replace(made, link=link, touch_links=touched)
    return scene.attached(made, appends=operation == APPEND, keeps_pose=_is_empty(thing.pose))


def _with_object(scene: MoveItScene, entry: Any, frames: Mapping[str, Pose]) -> MoveItScene:
    """Return the scene after one object of the world."""
    operation = _operation(entry)
    if operation == REMOVE:
        return scene.removed(entry.id)
    _check_name(entry.id)
    if operation == MOVE:
        base = _frame(scene, entry.header.frame_id, frames)
        places = [_pose(each) for each in (*entry.primitive_poses, *entry.mesh_poses, *entry.plane_poses)]
        return scene.moved(entry.id, base.at(_pose(entry.pose)), places)
    if operation not in (ADD, APPEND):
        raise ConfigurationError(f"has operation {operation}; valid: ADD (0), REMOVE (1), APPEND (2), MOVE (3)")
    if not _count(entry):
        raise ConfigurationError("has no shapes; valid: at least one primitive, mesh or plane")
    made = _object(entry, _frame(scene, entry.header.frame_id, frames))
    return scene.added(made, appends=operation == APPEND)


def _object(entry: Any, frame: Pose) -> SceneObject:
    """Return an object with its shapes; its frame's pose is in the base frame, or in that of the link."""
    poses = [*_places(entry, "primitives"), *_places(entry, "meshes"), *_places(entry, "planes")]
    pose = _pose(entry.pose)
    if len(poses) == 1 and _is_empty(entry.pose):
        pose, poses = poses[0], [_HERE]  # as MoveIt does: the pose of the only shape is the object's
    rest = iter(poses)
    shapes = [primitive_shape(entry.id, each.type, each.dimensions, next(rest)) for each in entry.primitives]
    shapes += [Shape(entry.id, "mesh", (), next(rest), _vertices(each)) for each in entry.meshes]
    shapes += [plane_shape(entry.id, each.coef, next(rest)) for each in entry.planes]
    return SceneObject(entry.id, frame.at(pose), tuple(shapes))


def _places(entry: Any, kind: str) -> list[Pose]:
    """Return the pose of each shape of a kind; MoveIt takes a missing one for the object's own."""
    poses, shapes = getattr(entry, _POSES[kind]), getattr(entry, kind)
    if len(poses) > len(shapes):
        raise ConfigurationError(f"has {len(poses)} poses of {len(shapes)} {kind}; valid: up to as many")
    return [*(_pose(each) for each in poses), *[_HERE] * (len(shapes) - len(poses))]


def _vertices(mesh: Any) -> Any:
    return np.array([triple(corner) for corner in mesh.vertices], dtype=np.float64).reshape(-1, 3)


def _contacts(matrix: Any) -> ContactMatrix:
    names, rows = list(matrix.entry_names), [list(row.enabled) for row in matrix.entry_values]
    lengths = {len(rows), *(len(row) for row in rows)}
    if lengths - {len(names)} or len(matrix.default_entry_names) != len(matrix.default_entry_values):
        raise ConfigurationError(
            f"has {len(names)} names, rows of {sorted(lengths)} entries, {len(matrix.default_entry_names)} names of defaults and "
            f"{len(matrix.default_entry_values)} defaults; valid: a square matrix, and as many defaults as names of them"
        )
    defaults = {name: bool(value) for name, value in zip(matrix.default_entry_names, matrix.default_entry_values)}
    entries: dict[tuple[str, str], bool] = {}
    for row, first in enumerate(names):
        for column in range(row + 1, len(names)):  # MoveIt reads the upper half
            entries[first, names[column]] = entries[names[column], first] = bool(rows[row][column])
    return ContactMatrix(entries, defaults)


def _with_padding(scene: MoveItScene, message: Any) -> MoveItScene:
    def padded(old: MoveItScene) -> MoveItScene:
        given = {entry.link_name: checked_padding(entry.link_name, entry.padding) for entry in message.link_padding}
        return replace(old, padding={**old.padding, **given})

    def scaled(old: MoveItScene) -> MoveItScene:
        for entry in message.link_scale:
            if entry.scale != 1.0:
                raise ConfigurationError(f"of '{printable(entry.link_name)}' is {entry.scale:g}; valid: 1")
        return old

    if message.link_padding:
        scene = _guarded(scene, "link_padding", padded)
    return _guarded(scene, "link_scale", scaled) if message.link_scale else scene


def _octomap(message: Any, frames: Mapping[str, Pose], scene: MoveItScene) -> tuple[Shape, ...]:
    """Return the cubes of an octree; no data is none, as when MoveIt clears it."""
    octree = message.octomap
    if not octree.data:
        return ()
    origin = _frame(scene, message.header.frame_id, frames).at(_pose(message.origin))
    data = np.array(octree.data, dtype=np.int8).tobytes()
    return octree_shapes(octree.id, data, octree.resolution, origin, is_binary=octree.binary, name=OCTOMAP)


def _frame(scene: MoveItScene, name: str, frames: Mapping[str, Pose]) -> Pose:
    """Return the pose of a frame, or of an object, in the base frame."""
    name = name.lstrip("/")
    if name in frames:
        return frames[name]
    if name in scene.world:
        return scene.world[name].pose
    raise ConfigurationError(f"is in {_not_known(name, frames)}")


def _not_known(name: str, frames: Mapping[str, Pose]) -> str:
    valid = ", ".join(f"'{known}'" for known in list(frames)[:12])
    return f"frame '{printable(name)}', which is not known here; valid: {valid}, or one in fixed_frame_transforms"


def _check_name(name: str) -> None:
    if not name or name == OCTOMAP:
        raise ConfigurationError(f"is no name of an object; valid: an id that is not empty and not {OCTOMAP}")


def _operation(entry: Any) -> int:
    """Return an operation; rclpy has a byte as one byte of bytes."""
    given = entry.operation
    return given[0] if isinstance(given, bytes) else int(given)


def _count(entry: Any) -> int:
    return len(entry.primitives) + len(entry.meshes) + len(entry.planes)


def _pose(message: Any) -> Pose:
    return _pose_of(message.position, message.orientation)


def _pose_of(position: Any, orientation: Any) -> Pose:
    """Return a pose; a quaternion of zeros is no turn, as for MoveIt."""
    turn = quadruple(orientation)
    return pose_from_quaternion(triple(position), turn if any(turn) else (0.0, 0.0, 0.0, 1.0))


def _is_empty(pose: Any) -> bool:
    return triple(pose.position) == (0.0, 0.0, 0.0) and quadruple(pose.orientation) == (0.0, 0.0, 0.0, 1.0)
