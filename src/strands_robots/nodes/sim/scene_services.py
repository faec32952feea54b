"""Services that change what a simulated world holds, and that tell what it holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from rclpy.node import Node
from strands_robots.srv import Checkpoint, DescribeWorld, EditScene, LoadScene

from strands_robots.control.loop import count_substeps
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.futures import map_future, then
from strands_robots.nodes.sim.query_messages import object_to_msg
from strands_robots.nodes.sim.scene_messages import edits_from_msg, terrain_from_msg
from strands_robots.ros.calls.deferred_service import create_deferred_service
from strands_robots.ros.calls.executor_calls import ExecutorCalls
from strands_robots.ros.calls.responses import refusal
from strands_robots.ros.messages.geometry import to_pose, to_vector, triple
from strands_robots.ros.messages.stamps import to_time
from strands_robots.sim.edit.checkpoints import Checkpoints
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import Edit
from strands_robots.sim.edit.export import export_mjcf, held_files
from strands_robots.sim.edit.model_files import ModelGuard
from strands_robots.sim.query.describe import describe_world
from strands_robots.sim.query.objects import object_views, robot_poses
from strands_robots.sim.run.runtime import SimRuntime
from strands_robots.sim.world.world import World


class SceneServices:
    """world/edit, world/load, world/checkpoint and world/describe.

    Args:
        node: The node; its namespace is the graph's.
        runtime: The running world.
        world: The world that it runs.
        guard: Decides which files may be read.
        prune: Drops robots that the world no longer has from control; called in the physics thread with each change.
        follow: Brings the topics into line with the world; called in the executor's thread after each change.
    """

    def __init__(
        self,
        node: Node,
        runtime: SimRuntime,
        world: World,
        guard: ModelGuard,
        prune: Callable[[], None],
        follow: Callable[[], Future[None]],
    ) -> None:
        self._node = node
        self._runtime = runtime
        self._world = world
        self._guard = guard
        self._prune = prune
        self._follow = follow
        self._checkpoints = Checkpoints(world)
        self._executor = ExecutorCalls(node)
        for kind, name, callback in (
            (EditScene, "world/edit", self._edit),
            (LoadScene, "world/load", self._load),
            (Checkpoint, "world/checkpoint", self._checkpoint),
            (DescribeWorld, "world/describe", self._describe),
        ):
            create_deferred_service(node, kind, name, callback, refuse=refusal(kind))

    def _edit(self, request: EditScene.Request) -> Future[EditScene.Response]:
        edits = edits_from_msg(request, self._world.cameras, self._world.robots, self._guard)
        for each in request.properties:
            if each.kind == "option" and each.property == "timestep" and len(each.values) == 1:
                count_substeps(each.values[0], self._runtime.control.control_period)
        removed = [name for name in request.remove if name in self._world.robots]

        changed = self.change(edits, "world/edit", removed)
        return map_future(
            changed,
            lambda stamp: EditScene.Response(success=True, message=f"{len(edits)} changes made", stamp=to_time(stamp)),
        )

    def change(self, edits: Sequence[Edit], service: str, removed: Sequence[str]) -> Future[float]:
        """Change the world between two steps, and return its time then [s], once what is new has its topics.

        Args:
            edits: The changes.
            service: Who changes it, for a refusal.
            removed: Names of what is removed; robots among them must be at rest.
        """

        def make() -> None:
            self._runtime.require_rest(removed, service)
            edit(self._world, edits)
            self._prune()

        def change() -> float:
            self._runtime.change(make, service)
            self._runtime.set_timestep(self._world.timestep)
            return self._world.time

        return self._followed(self._runtime.call(change))

    def _load(self, request: LoadScene.Request) -> Future[LoadScene.Response]:
        if request.file and request.mjcf:
            raise ConfigurationError(
                "a file and MJCF text are given; valid: one of them, or none for the built-in floor"
            )
        if request.timestep:
            count_substeps(request.timestep, self._runtime.control.control_period)
        held = held_files(self._world) if request.mjcf else {}
        config = dataclasses.replace(
            self._world.config,
            scene=self._guard.scene(request.file) if request.file else None,
            scene_xml=self._guard.text(request.mjcf, held) if request.mjcf else "",
            scene_rule=self._guard.rule_with(held),
            cameras={},
            gravity=triple(request.gravity[0]) if request.gravity else None,
            ground=terrain_from_msg(request.ground[0]) if request.ground else None,
        )

        def make() -> None:
            # The world as it is then: robots may have been added in between.
            world = self._world
            if request.remove_robots:
                self._runtime.require_rest(list(world.robots), "world/load")
            robots = () if request.remove_robots else world.config.robots
            left_out = tuple(world.robots) if request.remove_robots else ()
            timestep = request.timestep or world.timestep
            world.load(dataclasses.replace(config, robots=robots, left_out=left_out, timestep=timestep))
            self._prune()

        def load() -> LoadScene.Response:
            self._runtime.change(make, "world/load")
            self._runtime.set_timestep(self._world.timestep)
            return LoadScene.Response(success=True, message="loaded", stamp=to_time(self._world.time))

        return self._followed(self._runtime.call(load))

    def _checkpoint(self, request: Checkpoint.Request) -> Future[Checkpoint.Response]:
        action, kinds = request.action, Checkpoint.Request
        if action > kinds.REMOVE:
            raise ConfigurationError(f"action {action} given; valid: 0 (LIST), 1 (SAVE), 2 (LOAD), 3 (REMOVE)")

        def act() -> Checkpoint.Response:
            if action == kinds.SAVE:
                self._checkpoints.save(request.name)
            elif action == kinds.LOAD:
                self._runtime.go_back(lambda: self._checkpoints.load(request.name), "world/checkpoint")
            elif action == kinds.REMOVE:
                self._checkpoints.remove(request.name)
            return Checkpoint.Response(success=True, names=self._checkpoints.names, stamp=to_time(self._world.time))

        return self._runtime.call(act)

    def _describe(self, request: DescribeWorld.Request) -> Future[DescribeWorld.Response]:
        name, namespace = self._node.get_name(), self._node.get_namespace()
        services = [
            f"{service} {kind}"
            for service, kinds in self._node.get_service_names_and_types_by_node(name, namespace)
            for kind in kinds
            if not kind.startswith("rcl_interfaces/")
        ]

        def describe() -> DescribeWorld.Response:
            found = describe_world(self._world)
            fields = dataclasses.asdict(found)
            return DescribeWorld.Response(
                success=True,
                stamp=to_time(self._world.time),
                checkpoints=self._checkpoints.names,
                gravity=to_vector(self._world.model.opt.gravity),
                timestep=self._world.timestep,
                robot_models=[robot.source for robot in self._world.config.robots],
                robot_poses=[to_pose(*pose) for pose in robot_poses(self._world)],
                object_states=[object_to_msg(view) for view in object_views(self._world)],
                services=services,
                mjcf=export_mjcf(self._world) if request.mjcf else "",
                **fields,
            )

        return self._runtime.call(describe)

    def _followed(self, changed: Future[Any]) -> Future[Any]:
        """Return the future answer of a change, once what is new has its topics."""
        return then(
            changed,
            lambda value: map_future(
                then(self._executor.call(self._follow), lambda followed: followed), lambda _: value
            ),
        )
