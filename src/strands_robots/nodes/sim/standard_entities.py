"""Entities of a simulated world in the words of simulation_interfaces."""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
import tempfile
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import (
    ConfigurationError,
    MissingFileError,
    ModelError,
    ModelFormatError,
    StrandsRobotsError,
    WorldError,
)
from strands_robots.core.futures import done, map_future
from strands_robots.core.pose import Pose, pose_from_quaternion, quaternion_of
from strands_robots.core.posix_pattern import posix_pattern
from strands_robots.core.share import robot_names
from strands_robots.core.text import printable
from strands_robots.description.file_rule import FileRule
from strands_robots.description.robot_config import load_robot
from strands_robots.description.robot_model import describe_model
from strands_robots.description.robot_spec import RobotSpec
from strands_robots.nodes.sim.scene_services import SceneServices
from strands_robots.ros.messages.geometry import Triple, quadruple, to_pose, to_twist, triple
from strands_robots.ros.messages.stamps import to_time
from strands_robots.sim.edit.edits import DeleteBody, Edit, SetPose
from strands_robots.sim.edit.entities import Entity, EntityKind, entities, entity, overlaps_sphere
from strands_robots.sim.edit.model_edits import AddModel, ModelSource, is_robot
from strands_robots.sim.edit.model_files import ModelGuard
from strands_robots.sim.edit.placement import EntityPlacement, place
from strands_robots.sim.edit.world_edits import AddRobot, RemoveRobot
from strands_robots.sim.query import queries
from strands_robots.sim.run.runtime import SimRuntime
from strands_robots.sim.world.inspection import Still, take_snapshot
from strands_robots.sim.world.world import World

WORLD_FRAMES = ("", "world")
UNIT_ERROR = 1e-2
"""A quaternion whose length differs from 1 by more is refused."""
_CATEGORIES = {EntityKind.ROBOT: 1, EntityKind.MOVING: 0, EntityKind.FIXED: 5}
_OTHER_FORMATS = (".sdf", ".world", ".usd", ".usda", ".usdc", ".usdz")
SPHERE = 3
UNSUPPORTED, FAILED = 0, 4


def result(code: int, words: str = "") -> Any:
    """Return a simulation_interfaces/Result; 1 is OK, 0 unsupported, 2 not found, 4 failed."""
    from simulation_interfaces.msg import Result

    return Result(result=code, error_message=words if words.isascii() else printable(words))


class StandardEntities:
    """Spawns, deletes, lists and places entities.

    Args:
        runtime: The running world.
        world: The world that it runs.
        guard: Decides which files may be read.
        scene: Changes the world and gives what is new its topics.
    """

    def __init__(self, runtime: SimRuntime, world: World, guard: ModelGuard, scene: SceneServices) -> None:
        from simulation_interfaces import msg, srv

        self._runtime, self._world, self._guard, self._scene = runtime, world, guard, scene
        self._msg, self._srv = msg, srv
        self._spawned: set[str] = set()
        self._texts = tempfile.TemporaryDirectory(prefix="strands_robots_spawned_", ignore_cleanup_errors=True)

    def names(self, request: Any) -> Future[Any]:
        """Answer GetEntities."""

        def find() -> Any:
            found = self._filtered(request.filters, self._still())
            return self._srv.GetEntities.Response(result=result(1), entities=[each.name for each in found])

        return self._runtime.call(find)

    def states(self, request: Any) -> Future[Any]:
        """Answer GetEntitiesStates."""

        def find() -> Any:
            still = self._still()
            found = self._filtered(request.filters, still)
            return self._srv.GetEntitiesStates.Response(
                result=result(1),
                entities=[each.name for each in found],
                states=[self._state(still, each) for each in found],
            )

        return self._runtime.call(find)

    def state(self, request: Any) -> Future[Any]:
        """Answer GetEntityState."""

        def read() -> Any:
            still = self._still()
            found = entity(self._world, still, request.entity)
            return self._srv.GetEntityState.Response(result=result(1), state=self._state(still, found))

        return self._runtime.call(read)

    def set_state(self, request: Any) -> Future[Any]:
        """Answer SetEntityState: free objects by their state, others by where they stand from now on; accelerations are not set."""
        answers = self._srv.SetEntityState.Response
        state, name = request.state, request.entity
        sets_pose, sets_twist = getattr(request, "set_pose", True), getattr(request, "set_twist", True)
        linear, angular = triple(state.twist.linear), triple(state.twist.angular)
        target = None
        if sets_pose:
            try:
                target = self._frame(state.header.frame_id).at(_pose_of(state.pose, name))
            except StrandsRobotsError as error:
                # Humble's package has no code of its own for it.
                raise Refusal(getattr(answers, "INVALID_POSE", FAILED), str(error)) from error

        still = self._still()
        found = entity(self._world, still, name)
        if found.kind is EntityKind.ROBOT:
            raise WorldError(
                f"'{name}' is a robot, whose base stays; valid: an object, or delete_entity and spawn_entity"
            )
        if found.kind is EntityKind.FIXED or not _is_free(still, name):
            if sets_twist and any((*linear, *angular)):
                raise WorldError(f"'{name}' cannot move freely and is given a velocity; valid: zero")
            if target is None:
                return done(answers(result=result(1)))
            where = SetPose(name, _triple(target.position), _quadruple(target))
            changed = self._scene.change([where], "set_entity_state", ())
            return map_future(changed, lambda _: answers(result=result(1)))

        def put() -> Any:
            still = self._still()
            found = entity(self._world, still, name)
            present = self._state(still, found)
            position, rotation = triple(present.pose.position), quadruple(present.pose.orientation)
            if target is not None:
                position, rotation = _triple(target.position), _quadruple(target)
            before = triple(present.twist.linear), triple(present.twist.angular)
            speed = (linear, angular) if sets_twist else before
            placement = EntityPlacement(name, position, rotation, *speed)
            self._runtime.change(lambda: place(self._world, [placement]), "set_entity_state")
            return answers(result=result(1))

        return self._runtime.call(put)

    def spawn(self, request: Any) -> Future[Any]:
        """Answer SpawnEntity."""
        kind = self._srv.SpawnEntity
        codes = self._msg.SpawnResult if hasattr(self._msg, "SpawnResult") else kind.Response
        resource = getattr(request, "entity_resource", request)
        try:
            edit, name = self._spawning(request, resource, codes)
        except Refusal as refused:
            return done(kind.Response(result=result(refused.code, str(refused))))

        def tell() -> Any:
            self._spawned.add(name)
            return kind.Response(result=result(1), entity_name=name)

        changed = self._scene.change([edit], "spawn_entity", ())
        return map_future(changed, lambda _: tell())

    def delete(self, request: Any) -> Future[Any]:
        """Answer DeleteEntity."""
        name = request.entity
        found = entity(self._world, self._still(), name)
        removal: Edit = RemoveRobot(name) if found.kind is EntityKind.ROBOT else DeleteBody(name)

        def tell() -> Any:
            self._spawned.discard(name)
            return self._srv.DeleteEntity.Response(result=result(1))

        return map_future(self._scene.change([removal], "delete_entity", (name,)), lambda _: tell())

    def remove_spawned(self) -> Future[Any]:
        """Remove what spawn_entity added and is still there."""
        present = {each.name: each.kind for each in entities(self._world, self._still())}
        names = sorted(self._spawned & present.keys())
        self._spawned.clear()
        edits: list[Edit] = [
            RemoveRobot(name) if present[name] is EntityKind.ROBOT else DeleteBody(name) for name in names
        ]
        return self._scene.change(edits, "reset_simulation", tuple(names)) if edits else done(None)

    def _still(self) -> Still:
        return Still(take_snapshot(self._world))

    def _state(self, still: Still, found: Entity) -> Any:
        (body,) = [each for each in queries.bodies(still, [found.body]) if each.name == found.body]
        state = self._msg.EntityState(
            pose=to_pose(body.position, body.quaternion), twist=to_twist(body.linear_velocity, body.angular_velocity)
        )
        state.header.frame_id = "world"
        state.header.stamp = to_time(still.data.time)
        return state

    def _filtered(self, filters: Any, still: Still) -> list[Entity]:
        pattern = posix_pattern(filters.filter)
        if filters.tags.tags:
            raise Refusal(UNSUPPORTED, "tags are given; valid: none, entities have no tags")
        found = [each for each in entities(self._world, still) if pattern.search(each.name)]
        wanted = {int(category.category) for category in filters.categories}
        if wanted:
            found = [each for each in found if _CATEGORIES[each.kind] in wanted]
        bounds = filters.bounds
        if bounds.type:
            if bounds.type != SPHERE:
                raise Refusal(UNSUPPORTED, f"bounds of type {bounds.type} are given; valid: none, or 3 (sphere)")
            if len(bounds.points) != 2:
                raise ConfigurationError(f"a sphere with {len(bounds.points)} points given; valid: two")
            centre, radius = np.array(triple(bounds.points[0])), float(bounds.points[1].x)
            found = [each for each in found if overlaps_sphere(still, each, centre, radius)]
        return found

    def _spawning(self, request: Any, resource: Any, codes: Any) -> tuple[Edit, str]:
        """Return the edit of a request and the name that the entity gets."""
        uri, text = resource.uri.removeprefix("file://"), resource.resource_string
        if not uri and not text:
            raise Refusal(
                codes.NO_RESOURCE, f"no uri and no resource_string; valid: {', '.join(robot_names())}, or a model"
            )
        if uri.lower().endswith(_OTHER_FORMATS):
            raise Refusal(codes.UNSUPPORTED_FORMAT, f"'{printable(uri[-100:])}' given; valid: MJCF or URDF")
        try:
            model = self._model(uri, text)
            name = self._name(request, uri if model is None else _own_name(uri, text, model), codes)
            self._require_namespace(request.entity_namespace, name, codes)
            place = self._placed(request.initial_pose, name, codes)
            if model is None:
                return AddRobot(
                    RobotSpec(name, load_robot(uri), _triple(place.position), _yaw(place, codes), uri)
                ), name
            if is_robot(model, name):
                return AddRobot(self._robot(name, model, place, codes)), name
            return AddModel(name, model, _triple(place.position), _quadruple(place)), name
        except ModelFormatError as error:
            raise Refusal(codes.UNSUPPORTED_FORMAT, str(error)) from error
        except MissingFileError as error:
            raise Refusal(codes.MISSING_ASSETS, str(error)) from error
        except ModelError as error:
            raise Refusal(codes.RESOURCE_PARSE_ERROR, str(error)) from error
        except ConfigurationError as error:
            raise Refusal(codes.UNSUPPORTED_FORMAT, str(error)) from error

    def _model(self, uri: str, text: str) -> ModelSource | None:
        """Return the model that is meant; None for a robot that comes with the package."""
        if uri in robot_names():
            return None
        if uri:
            return ModelSource(self._guard.scene(uri), rule=self._guard.rule)
        return ModelSource(text=self._guard.text(text), rule=self._guard.rule)

    def _robot(self, name: str, model: ModelSource, place: Pose, codes: Any) -> RobotSpec:
        """Return a robot of a model; one that came as text gets a file, by which motion_node finds it too."""
        file, rule = model.file, model.rule
        if file is None:
            digest = hashlib.sha256(model.text.encode()).hexdigest()[:16]
            suffix = "urdf" if "<robot" in model.text else "xml"
            file = Path(self._texts.name).resolve() / f"{name}_{digest}.{suffix}"
            file.write_text(model.text, encoding="utf-8")
            rule = FileRule((*(rule.folders or ()), file.parent), rule.held)
        config = describe_model(file, rule)
        return RobotSpec(name, config, _triple(place.position), _yaw(place, codes), str(file), rule)

    def _require_namespace(self, given: str, name: str, codes: Any) -> None:
        namespace = given.strip("/")
        if namespace and not re.fullmatch(r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*", namespace, re.ASCII):
            raise Refusal(codes.NAMESPACE_INVALID, f"entity_namespace '{printable(given[:100])}' is no ROS namespace")
        if namespace not in ("", name):
            words = f"entity_namespace '{namespace}' given; valid: empty; a robot's name '{name}' is its namespace"
            raise Refusal(UNSUPPORTED, words)

    def _placed(self, stamped: Any, name: str, codes: Any) -> Pose:
        """Return a pose in the world that is given there or in the frame of an entity."""
        try:
            return self._frame(stamped.header.frame_id).at(_pose_of(stamped.pose, name))
        except StrandsRobotsError as error:
            raise Refusal(codes.INVALID_POSE, str(error)) from error

    def _frame(self, frame: str) -> Pose:
        """Return where a frame is: the world, or the entity of this name as it stands now."""
        if frame in WORLD_FRAMES:
            return Pose(np.zeros(3), np.eye(3))
        still = self._still()
        names = sorted(each.name for each in entities(self._world, still))
        if frame not in names:
            raise ConfigurationError(
                f"frame '{printable(frame[:100])}' given; valid: world, or an entity: {', '.join(names)[:200]}"
            )
        state = self._state(still, entity(self._world, still, frame))
        return pose_from_quaternion(triple(state.pose.position), quadruple(state.pose.orientation))

    def _name(self, request: Any, own: str, codes: Any) -> str:
        """Return the entity's name: the one asked for, or the model's own, with a number where that is taken and allowed."""
        taken = {each.name for each in entities(self._world, self._still())}
        name = str(request.name) or own
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,57}", name):
            raise Refusal(
                codes.NAME_INVALID, f"name '{printable(name)}' given; valid: a letter, then up to 57 of a-z 0-9 _"
            )
        if name in taken and not request.allow_renaming:
            raise Refusal(codes.NAME_NOT_UNIQUE, f"'{name}' exists already; valid: another name, or allow_renaming")
        unique = name
        for number in range(2, len(taken) + 3):
            if unique not in taken:
                break
            unique = f"{name}_{number}"
        return unique


class Refusal(StrandsRobotsError):
    """Why a request was not carried out, with its code."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = int(code)


def _pose_of(pose: Any, name: str) -> Pose:
    """Return a pose from a message.

    Raises:
        ConfigurationError: If it is not finite, or its quaternion is far from a unit.
    """
    position, quaternion = triple(pose.position), quadruple(pose.orientation)
    if not all(math.isfinite(value) for value in (*position, *quaternion)):
        raise ConfigurationError(f"the pose of '{name}' has {(*position, *quaternion)}; valid: finite numbers")
    if abs(math.hypot(*quaternion) - 1.0) > UNIT_ERROR:
        raise ConfigurationError(f"the quaternion of '{name}' is {quaternion}; valid: a unit quaternion")
    return pose_from_quaternion(position, quaternion)


def _triple(values: FloatArray) -> Triple:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _quadruple(place: Pose) -> tuple[float, float, float, float]:
    """Return the rotation of a pose as a quaternion xyzw."""
    x, y, z, w = (float(value) for value in quaternion_of(place.rotation))
    return x, y, z, w


def _yaw(place: Pose, codes: Any) -> float:
    """Return the rotation about z of a pose that has no other."""
    if place.rotation[2, 2] < 1.0 - 1e-6:
        raise Refusal(codes.INVALID_POSE, "a robot is tilted; valid: a rotation about z only")
    return math.atan2(place.rotation[1, 0], place.rotation[0, 0])


def _own_name(uri: str, text: str, model: ModelSource) -> str:
    """Return the name that a model has by itself, as names are here: the one in it, or its file's; "entity" for none."""
    given = ""
    with contextlib.suppress(ElementTree.ParseError, OSError):
        root = ElementTree.fromstring(text) if model.file is None else ElementTree.parse(model.file).getroot()
        given = root.get("name" if root.tag == "robot" else "model", "")
    plain = given or uri.rsplit("/", 1)[-1].partition(".")[0]
    return re.sub(r"[^a-z0-9_]", "_", plain.lower()).strip("_0123456789")[:50] or "entity"


def _is_free(still: Still, name: str) -> bool:
    return int(still.model.body(name).dofnum[0]) == 6
