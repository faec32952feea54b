"""motion_node: the action servers move_to and set_gripper, one goal for each robot.

Planning and waiting happen in the goals' own threads.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.task import Future
from strands_robots.action import MoveTo, SetGripper

from strands_robots.core.errors import ConfigurationError, MotionError, StrandsRobotsError, UnknownNameError
from strands_robots.core.stepping import LOCKSTEP
from strands_robots.core.types import Instant
from strands_robots.description.robot_spec import RobotSpec, robot_spec
from strands_robots.motion.ik import load_solver
from strands_robots.motion.motion_goal import MotionSession, run_lockstep, run_realtime
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.task import RobotKinematics, checked_source
from strands_robots.nodes.motion.robot_catalogue import RobotCatalogue
from strands_robots.nodes.motion.robot_models import RobotModels
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.goals.goal_audit import audited_goals
from strands_robots.ros.goals.goal_owners import GoalOwners
from strands_robots.ros.goals.motion_goals import (
    MESSAGE_LENGTH,
    grip_feedback,
    grip_result,
    grip_task,
    move_feedback,
    move_result,
    move_task,
)
from strands_robots.ros.goals.robot_subscriber import RobotSubscriber
from strands_robots.ros.goals.world_client import WorldClient, WorldClients
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters

END_WAIT = 0.4
"""How long the end of the node waits for its goals to brake [s]."""


@dataclass(frozen=True)
class MotionParameters:
    """Parameters of motion_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; for the log.")
    robots: tuple[str, ...] = parameter(
        ("so101=so101",), "Robots as sim_node has them, '<name>=<robot>'; a known robot or a YAML, MJCF or URDF file."
    )
    avoid_ground: bool = parameter(True, "Keep the robots clear of the plane under the lowest shape of their bases.")


SOLVER_DELAY = 3.0
"""The solver's libraries are loaded this long after the start [s], when the graph is armed; or by the first goal that needs them."""


@dataclass(frozen=True)
class _Goal:
    """One goal being carried out."""

    goal_id: str
    action: str
    session: MotionSession


class MotionNode(Node):
    """Wires goals to sessions.

    A goal that cannot run, because the robot is busy or unknown or a value is wrong, is accepted and aborted at once
    with termination_reason "refused" or "invalid_goal": a rejected goal could not say why.
    """

    def __init__(self) -> None:
        super().__init__("motion_node")
        given = read_parameters(self, MotionParameters)
        specs = [robot_spec(text, i, camera_rate=30.0) for i, text in enumerate(given.robots)]
        self._avoid_ground = given.avoid_ground
        self._robots = {spec.name: self._kinematics(spec) for spec in specs}
        self._sources = {spec.name: spec.source for spec in specs}
        self._models = RobotModels(self)
        if len(self._robots) != len(specs) or not specs:
            raise ConfigurationError(f"robots is {list(given.robots)}; valid: at least one, every name once")
        self._catalogue = RobotCatalogue(self, self._robot, self._robots)
        self._goals: dict[str, _Goal] = {}
        self._threads: set[threading.Thread] = set()
        self._world = WorldClients(self)
        self._servers = [
            ActionServer(self, kind, name, audited_goals(self, kind, name, execute), cancel_callback=self._on_cancel)
            for kind, name, execute in (
                (MoveTo, "move_to", self._move_to),
                (SetGripper, "set_gripper", self._set_gripper),
            )
        ]
        GoalOwners(self, lambda: [goal.goal_id for goal in self._goals.values()], self._on_lost_owner)
        self.get_logger().info(f"moves {', '.join(self._robots)}, run '{given.run_id}'")
        loading = threading.Timer(SOLVER_DELAY, load_solver)
        loading.daemon = True
        loading.start()

    def destroy_node(self) -> None:
        """Brake every robot that moves, then end the node."""
        for goal in self._goals.values():
            goal.session.cancel("motion_node ends")
        deadline = time.monotonic() + END_WAIT
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.0))
        for server in self._servers:
            server.destroy()
        audit_of(self).close(0.1)
        super().destroy_node()

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        for goal in self._goals.values():
            if goal.goal_id == _goal_id(handle):
                goal.session.cancel("cancelled by the client")
        return CancelResponse.ACCEPT

    def _on_lost_owner(self, goal_id: str) -> None:
        for goal in self._goals.values():
            if goal.goal_id == goal_id:
                goal.session.cancel("whoever started the goal is gone")

    async def _move_to(self, handle: ServerGoalHandle) -> MoveTo.Result:
        """Carry out a goal of MoveTo; the executor goes on while this waits."""
        request = handle.request
        try:
            robot = await self._free_robot(request.robot)
            source, task = checked_source(request.source), move_task(request, robot)
        except StrandsRobotsError as error:
            return self._refuse(handle, MoveTo.Result(), error)

        def report() -> None:
            handle.publish_feedback(move_feedback(session, task))

        session = MotionSession(robot.name, source, task, robot.limits, self._now(), report)
        await self._carry_out(handle, session, "move_to", request.lockstep)
        return self._finish(handle, session, move_result(session, task, robot))

    async def _set_gripper(self, handle: ServerGoalHandle) -> SetGripper.Result:
        """Carry out a goal of SetGripper; the executor goes on while this waits."""
        request = handle.request
        try:
            robot = await self._free_robot(request.robot)
            source, task = checked_source(request.source), grip_task(request, robot)
        except StrandsRobotsError as error:
            return self._refuse(handle, SetGripper.Result(), error)

        def report() -> None:
            handle.publish_feedback(grip_feedback(session, task))

        session = MotionSession(robot.name, source, task, robot.limits, self._now(), report)
        await self._carry_out(handle, session, "set_gripper", request.lockstep)
        return self._finish(handle, session, grip_result(session, task))

    def _kinematics(self, spec: RobotSpec) -> RobotKinematics:
        return RobotKinematics(spec.name, spec.config, avoid_ground=self._avoid_ground)

    async def _robot(self, name: str) -> RobotKinematics:
        """Return a robot; one that joined the simulated world after the start is learnt."""
        source = await self._models.source(name)
        if source and source != self._sources.get(name):
            self._robots[name] = self._kinematics(robot_spec(f"{name}={source}", 0, camera_rate=30.0))
            self._sources[name] = source
        robot = self._robots.get(name)
        if robot is None:
            raise UnknownNameError("robot", name, self._robots)
        return robot

    async def _free_robot(self, name: str) -> RobotKinematics:
        """Return a robot that carries out no goal."""
        robot = await self._robot(name)
        running = self._goals.get(name)
        if running is not None:
            raise MotionError(
                "refused",
                f"'{name}' already carries out {running.action} goal {running.goal_id}; valid: one goal for each "
                "robot, so cancel that one first",
            )
        return robot

    async def _carry_out(self, handle: ServerGoalHandle, session: MotionSession, action: str, lockstep: bool) -> None:
        goal = self._goals[session.robot] = _Goal(_goal_id(handle), action, session)
        self.get_logger().info(f"goal {goal.goal_id[:8]}: {action} for '{session.source}' on '{session.robot}'")
        feed = RobotSubscriber(self, session.robot, session, lockstep=lockstep)
        world = WorldClient(self._world, session.robot, lambda: None)
        done: Future[None] = Future()
        thread = threading.Thread(
            target=self._run, args=(goal, feed, world, lockstep, done), name=f"motion of {session.robot}", daemon=True
        )
        self._threads.add(thread)
        thread.start()
        try:
            await done
        finally:
            self._threads.discard(thread)
            del self._goals[session.robot]
            feed.close()

    def _run(self, goal: _Goal, feed: RobotSubscriber, world: WorldClient, lockstep: bool, done: Future[None]) -> None:
        """Body of a goal's thread."""
        session = goal.session
        try:
            if lockstep:
                run_lockstep(session, world, f"motion/{goal.goal_id}")
            else:
                mode = world.mode()[0] if world.has_world() else ""
                if mode == LOCKSTEP:
                    session.end(
                        MotionReason.REFUSED, "the world runs in lockstep and this goal does not; valid: lockstep true"
                    )
                run_realtime(session, feed)
        except StrandsRobotsError as error:
            session.end(MotionReason.WORLD_FAILED, str(error))
        finally:
            session.end(MotionReason.WORLD_FAILED, "the motion's thread failed; motion_node's log says how")
            done.set_result(None)
            if self.executor is not None:
                self.executor.wake()

    def _refuse(self, handle: ServerGoalHandle, result: Any, error: StrandsRobotsError) -> Any:
        result.termination_reason = error.reason if isinstance(error, MotionError) else MotionReason.INVALID_GOAL.value
        result.message = clip(str(error), MESSAGE_LENGTH)
        self.get_logger().warning(_text(handle, result))
        handle.abort()
        return result

    def _finish(self, handle: ServerGoalHandle, session: MotionSession, result: Any) -> Any:
        """Give the goal its final state and return its result."""
        if result.success:
            self.get_logger().info(_text(handle, result))
            handle.succeed()
        else:
            self.get_logger().warning(_text(handle, result))
            is_cancelled = result.termination_reason == MotionReason.CANCELLED.value and handle.is_cancel_requested
            handle.canceled() if is_cancelled else handle.abort()
        return result

    def _now(self) -> Instant:
        return Instant(self.get_clock().now().nanoseconds * 1e-9, time.monotonic())


def _goal_id(handle: ServerGoalHandle) -> str:
    return bytes(handle.goal_id.uuid).hex()


def _text(handle: ServerGoalHandle, result: Any) -> str:
    return f"goal {_goal_id(handle)[:8]}: {result.termination_reason}: {result.message}"


def main() -> int:
    """Run motion_node until a signal."""
    return run_node(MotionNode)
