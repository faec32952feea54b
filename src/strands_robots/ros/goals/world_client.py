"""The simulated world as a client in another thread than the executor's sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node

from strands_robots.core.body_box import BodyBox
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import UnknownNameError, WorldError
from strands_robots.core.pose import Pose, pose_from_quaternion
from strands_robots.core.stepping import StepAnswer
from strands_robots.msg import BodyState
from strands_robots.planning.surroundings import (
    Surroundings,
    WorldBody,
    WorldGeom,
    WorldRobot,
    group_surroundings,
    world_surroundings,
)
from strands_robots.policies.run.snapshot import Snapshot
from strands_robots.ros.calls.service_question import ask_repeatedly
from strands_robots.ros.messages.conversions import chunk_to_msg, observation_from_joint_state
from strands_robots.ros.messages.geometry import triple
from strands_robots.ros.messages.images import rgb_from_msg
from strands_robots.ros.robot.robot_discovery import camera_path
from strands_robots.srv import DescribeWorld, GetWorldState, QueryWorld, RenderCamera, StepWorld

DISCOVERY_TIMEOUT = 2.0
QUESTION_TIMEOUT = 1.0
"""How long a question that changes nothing may take before it is asked again [s]."""
QUESTIONS = 5
STEP_TIMEOUT = 30.0
TOUCHING = 0.001
"""Surfaces that are this near touch [m]."""


class WorldClients:
    """The clients of a world, made once for every goal: a server may lose its first answers to new ones.

    Args:
        node: The node; its namespace is the graph's.
    """

    def __init__(self, node: Node) -> None:
        self.step = node.create_client(StepWorld, "world/step")
        self.state = node.create_client(GetWorldState, "world/get_state")
        self.render = node.create_client(RenderCamera, "world/render")
        self.query = node.create_client(QueryWorld, "world/query")
        self.describe = node.create_client(DescribeWorld, "world/describe")


class WorldClient:
    """Calls world/step and world/get_state for one robot and waits; not to be used from the executor's thread.

    Args:
        services: The clients.
        robot: The robot whose state is returned and whose gate gets the chunks.
        on_progress: Called by `report_progress`.
    """

    def __init__(self, services: WorldClients, robot: str, on_progress: Callable[[], None]) -> None:
        self._services = services
        self._robot = robot
        self._on_progress = on_progress

    def has_world(self) -> bool:
        """Return whether a simulated world serves this graph."""
        return bool(self._services.state.service_is_ready())

    def mode(self) -> tuple[str, float]:
        """Return the world's mode and control period [s].

        Raises:
            WorldError: If no world answers.
        """
        answer = self._call(self._services.state, GetWorldState.Request(), QUESTION_TIMEOUT, QUESTIONS)
        return answer.mode, answer.control_period

    def step(self, client: str, steps: int, chunk: Chunk | None, *, release: bool = False) -> StepAnswer:
        """Advance the world; see `policies.lockstep.WorldLink`.

        Raises:
            WorldError: If no world answers.
        """
        request = StepWorld.Request(client=client, steps=steps, release=release)
        if chunk is not None:
            request.chunk_robots, request.chunks = [self._robot], [chunk_to_msg(chunk)]
        # A request that advances nothing may be repeated; one that does may have been heard though its answer was lost.
        is_question = steps == 0 and chunk is None
        answer = self._call(
            self._services.step,
            request,
            QUESTION_TIMEOUT if is_question else STEP_TIMEOUT,
            QUESTIONS if is_question else 1,
        )
        observation = applied = None
        if self._robot in answer.robots:
            i = list(answer.robots).index(self._robot)
            observation = observation_from_joint_state(answer.joint_states[i])
            done = answer.applied[i]
            applied = (done.source, done.sequence, tuple(done.joint_names), np.array(done.values, dtype=np.float64))
        return StepAnswer(answer.success, answer.message, tuple(answer.refusals), observation, applied)

    def picture(self, camera: str) -> NDArray[np.uint8]:
        """Return a picture (H, W, 3) RGB of a camera of the robot, or of the world ("/top"), at the present instant.

        Raises:
            WorldError: If no world answers, or it has no such camera.
        """
        request = RenderCamera.Request(camera=camera_path(self._robot, camera), kind=RenderCamera.Request.RGB)
        answer = self._call(self._services.render, request, STEP_TIMEOUT, 1)
        if not answer.success:
            raise WorldError(answer.message)
        return rgb_from_msg(answer.image)

    def body_pose(self, name: str) -> Pose:
        """Return where a body of the world, or a link of the robot, is in the robot's base frame.

        Raises:
            WorldError: If no world answers.
            UnknownNameError: If it has no such body.
        """
        answer = self._call(
            self._services.query, QueryWorld.Request(what=QueryWorld.Request.BODIES), QUESTION_TIMEOUT, QUESTIONS
        )
        if not answer.success:
            raise WorldError(answer.message)
        bodies = {body.name: body for body in answer.bodies}
        links = [body for key, body in bodies.items() if key.startswith(f"{self._robot}/")]
        base = next((body for body in links if body.parent == "world"), None)
        found = bodies.get(name) or bodies.get(f"{self._robot}/{name}")
        if base is None or found is None:
            raise UnknownNameError("body", self._robot if base is None else name, bodies)
        return _pose(base).inverse().at(_pose(found))

    def body_box(self, name: str) -> BodyBox:
        """Return how large an object of the world is, and where its middle is in the robot's base frame.

        Raises:
            WorldError: If no world answers.
            UnknownNameError: If it has no such object.
        """
        answer = self._call(self._services.describe, DescribeWorld.Request(), QUESTION_TIMEOUT, QUESTIONS)
        if not answer.success:
            raise WorldError(answer.message)
        objects = {entry.name: entry for entry in answer.object_states}
        if name not in objects:
            raise UnknownNameError("object", name, objects)
        if self._robot not in answer.robots:
            raise UnknownNameError("robot", self._robot, answer.robots)
        entry, base = objects[name], _pose_of(answer.robot_poses[list(answer.robots).index(self._robot)])
        centre = base.inverse().at(Pose(np.array(triple(entry.centre)), np.eye(3))).position
        return BodyBox(centre, np.array(triple(entry.size)), np.array(triple(entry.own_size)))

    def surroundings(self, base_frame: str, ground: float | None) -> Surroundings:
        """Return the shapes around the robot, in its base frame.

        Args:
            base_frame: The robot's base frame.
            ground: Height of the ground that the robot's own model has, in its base frame [m]; None for none.

        Raises:
            WorldError: If no world answers.
            MotionError: If it cannot be planned in; see `world_surroundings`.
        """
        bodies, geoms = self._bodies_and_geoms()
        return world_surroundings(self._robot, base_frame, bodies, geoms, ground)

    def group_surroundings(self, robots: Sequence[WorldRobot]) -> tuple[Surroundings, tuple[Pose, ...]]:
        """Return the shapes around some robots, in the base frame of the first, and the poses of their base frames in it.

        Raises:
            WorldError: If no world answers.
            MotionError: If it cannot be planned in; see `world_surroundings`.
        """
        return group_surroundings(robots, *self._bodies_and_geoms())

    def _bodies_and_geoms(self) -> tuple[list[WorldBody], list[WorldGeom]]:
        """Return all bodies, and the shapes that can touch something."""
        what = QueryWorld.Request.BODIES | QueryWorld.Request.GEOMS
        answer = self._call(self._services.query, QueryWorld.Request(what=what), QUESTION_TIMEOUT, QUESTIONS)
        if not answer.success:
            raise WorldError(answer.message)
        bodies = [WorldBody(body.name, body.parent, _pose(body)) for body in answer.bodies]
        geoms = [
            WorldGeom(geom.name, geom.body, geom.type, np.array(geom.size), _pose_of(geom.pose))
            for geom in answer.geoms
            if geom.collides
        ]
        return bodies, geoms

    def snapshot(self) -> Snapshot:
        """Return where everything in the world is at one instant, and what touches what.

        Raises:
            WorldError: If no world answers.
        """
        what = QueryWorld.Request.BODIES | QueryWorld.Request.CONTACTS
        answer = self._call(self._services.query, QueryWorld.Request(what=what), QUESTION_TIMEOUT, QUESTIONS)
        if not answer.success:
            raise WorldError(answer.message)
        places = {body.name: _pose(body) for body in answer.bodies}
        speeds = {body.name: float(np.linalg.norm(triple(body.twist.linear))) for body in answer.bodies}
        free = frozenset(body.name for body in answer.bodies if body.is_free)
        touching = frozenset(frozenset(contact.bodies) for contact in answer.contacts if contact.distance <= TOUCHING)
        return Snapshot(self._robot, places, speeds, free, touching)

    def report_progress(self) -> None:
        """Publish the action's feedback."""
        self._on_progress()

    def _call(self, client: Any, request: Any, timeout: float, attempts: int) -> Any:
        """Return the answer, asking up to `attempts` times and waiting `timeout` [s] each time."""
        if not client.wait_for_service(DISCOVERY_TIMEOUT):
            raise WorldError(f"no node serves {client.srv_name}; valid: lockstep needs a simulated world")
        answer = ask_repeatedly(client, request, timeout, attempts)
        if answer is not None:
            return answer
        raise WorldError(f"{client.srv_name} has not answered for {attempts * timeout:g} s")


def _pose(body: BodyState) -> Pose:
    return _pose_of(body.pose)


def _pose_of(message: Any) -> Pose:
    p, q = message.position, message.orientation
    return pose_from_quaternion((p.x, p.y, p.z), (q.x, q.y, q.z, q.w))
