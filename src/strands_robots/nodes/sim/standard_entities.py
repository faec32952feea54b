"""Entities of a simulated world in the words of simulation_interfaces."""

from __future__ import annotations

import math
import re
from concurrent.futures import Future
from typing import Any

import numpy as np

from strands_robots.core.errors import ConfigurationError, ModelError, StrandsRobotsError, WorldError
from strands_robots.core.futures import done, map_future
from strands_robots.core.share import robot_names
from strands_robots.core.text import printable
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
from strands_robots.sim.world.checks import unit_quaternion
from strands_robots.sim.world.inspection import Still, take_snapshot
from strands_robots.sim.world.world import World

WORLD_FRAMES = ("", "world")
MAX_PATTERN = 128
_QUANTIFIERS = "*+?{"
_CATEGORIES = {EntityKind.ROBOT: 1, EntityKind.MOVING: 0, EntityKind.FIXED: 5}
SPHERE = 3


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
        _require_world(state.header.frame_id)
        linear, angular = triple(state.twist.linear), triple(state.twist.angular)

        still = self._still()
        found = entity(self._world, still, name)
        if found.kind is EntityKind.ROBOT:
            raise WorldError(
                f"'{name}' is a robot, whose base stays; valid: an object, or delete_entity and spawn_entity"
            )
        if found.kind is EntityKind.FIXED or not _is_free(still, name):
            if sets_twist and any((*linear, *angular)):
                raise WorldError(f"'{name}' cannot move freely and is given a velocity; valid: zero")
            where = SetPose(name, triple(state.pose.position), quadruple(state.pose.orientation))
            changed = self._scene.change([where], "set_entity_state", ()) if sets_pose else done(None)
            return map_future(changed, lambda _: answers(result=result(1)))

        def put() -> Any:
            still = self._still()
            found = entity(self._world, still, name)
            present = self._state(still, found)
            pose = state.pose if sets_pose else present.pose
            position, rotation = triple(pose.position), quadruple(pose.orientation)
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
        except _Spawn as refused:
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
        pattern = _pattern(filters.filter)
        if filters.tags.tags:
            raise ConfigurationError("tags are given; valid: none, entities have no tags")
        found = [each for each in entities(self._world, still) if pattern.search(each.name)]
        wanted = {int(category.category) for category in filters.categories}
        if wanted:
            found = [each for each in found if _CATEGORIES[each.kind] in wanted]
        bounds = filters.bounds
        if bounds.type:
            if bounds.type != SPHERE or len(bounds.points) != 2:
                raise ConfigurationError(
                    f"bounds of type {bounds.type} are given; valid: none, or 3 (sphere) with two points"
                )
            centre, radius = np.array(triple(bounds.points[0])), float(bounds.points[1].x)
            found = [each for each in found if overlaps_sphere(still, each, centre, radius)]
        return found

    def _spawning(self, request: Any, resource: Any, codes: Any) -> tuple[Edit, str]:
        """Return the edit of a request and the name that the entity gets."""
        uri, text = resource.uri.removeprefix("file://"), resource.resource_string
        if not uri and not text:
            raise _Spawn(
                codes.NO_RESOURCE, f"no uri and no resource_string; valid: {', '.join(robot_names())}, or a model"
            )
        name = self._name(request, uri, codes)
        if request.entity_namespace.strip("/") not in ("", name):
            raise _Spawn(codes.NAMESPACE_INVALID, "valid: an empty entity_namespace; a robot's name is its namespace")
        position, rotation, yaw = _place(request.initial_pose, codes)
        try:
            if uri in robot_names():
                return AddRobot(RobotSpec(name, load_robot(uri), position, _only(yaw, codes), uri)), name
            if uri:
                model = ModelSource(self._guard.scene(uri), rule=self._guard.rule)
            else:
                model = ModelSource(text=self._guard.text(text), rule=self._guard.rule)
            if is_robot(model, name):
                if model.file is None:
                    raise _Spawn(
                        codes.UNSUPPORTED_FORMAT, "a robot as text is given; valid: a robot by uri, objects as text"
                    )
                config = describe_model(model.file, model.rule)
                spec = RobotSpec(name, config, position, _only(yaw, codes), str(model.file), model.rule)
                return AddRobot(spec), name
            return AddModel(name, model, position, rotation), name
        except ModelError as error:
            raise _Spawn(codes.RESOURCE_PARSE_ERROR, str(error)) from error
        except ConfigurationError as error:
            raise _Spawn(codes.UNSUPPORTED_FORMAT, str(error)) from error

    def _name(self, request: Any, uri: str, codes: Any) -> str:
        taken = {each.name for each in entities(self._world, self._still())}
        name = str(request.name)
        if not name and not request.allow_renaming:
            raise _Spawn(codes.NAME_INVALID, "the name is empty; valid: a name, or allow_renaming")
        name = (
            name or re.sub(r"[^a-z0-9_]", "_", uri.rsplit("/", 1)[-1].partition(".")[0].lower()).strip("_") or "entity"
        )
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,57}", name):
            raise _Spawn(
                codes.NAME_INVALID, f"name '{printable(name)}' given; valid: a letter, then up to 57 of a-z 0-9 _"
            )
        if name in taken and not request.allow_renaming:
            raise _Spawn(codes.NAME_NOT_UNIQUE, f"'{name}' exists already; valid: another name, or allow_renaming")
        unique = name
        for number in range(2, len(taken) + 3):
            if unique not in taken:
                break
            unique = f"{name}_{number}"
        return unique


class _Spawn(StrandsRobotsError):
    """Why nothing was spawned, with its code."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = int(code)


def _pattern(text: str) -> re.Pattern[str]:
    """Return a filter that takes time in proportion to its length and the names'."""
    if len(text) > MAX_PATTERN or sum(text.count(sign) for sign in _QUANTIFIERS) > 3 or re.search(r"\)[*+?{]", text):
        raise ConfigurationError("the filter is too costly; valid: at most 3 of * + ? {, none after a group")
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigurationError(f"the filter is no regular expression: {error}") from error


def _require_world(frame: str) -> None:
    if frame not in WORLD_FRAMES:
        raise ConfigurationError(f"frame '{printable(frame[:100])}' given; valid: world, or empty")


def _place(stamped: Any, codes: Any) -> tuple[Triple, tuple[float, float, float, float], float | None]:
    """Return position, rotation, and the rotation about z; None when it is about another axis as well."""
    position, rotation = triple(stamped.pose.position), quadruple(stamped.pose.orientation)
    try:
        _require_world(stamped.header.frame_id)
        w, x, y, z = unit_quaternion("the entity", rotation)
    except StrandsRobotsError as error:
        raise _Spawn(codes.INVALID_POSE, str(error)) from error
    if not all(math.isfinite(value) for value in position):
        raise _Spawn(codes.INVALID_POSE, f"position {position} given; valid: finite numbers")
    return position, rotation, 2.0 * math.atan2(z, w) if math.hypot(x, y) < 1e-6 else None


def _only(yaw: float | None, codes: Any) -> float:
    if yaw is None:
        raise _Spawn(codes.INVALID_POSE, "a robot is tilted; valid: a rotation about z only")
    return yaw


def _is_free(still: Still, name: str) -> bool:
    return int(still.model.body(name).dofnum[0]) == 6
