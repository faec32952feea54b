"""motion_node: move_to, execute_plan, set_gripper and plan_motion. Goals wait in threads, plans are made in processes of their own."""

from __future__ import annotations

import importlib.util
import threading
import time
from dataclasses import dataclass
from typing import Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.task import Future
from strands_robots.action import ExecutePlan, MoveTo, SetGripper
from strands_robots.msg import PlanningOptions

from strands_robots.core.errors import ConfigurationError, MotionError, StrandsRobotsError, UnknownNameError
from strands_robots.core.stepping import LOCKSTEP
from strands_robots.core.types import Instant
from strands_robots.description.robot_spec import RobotSpec, robot_spec
from strands_robots.motion.ik import load_solver
from strands_robots.motion.motion_goal import MotionSession, run_lockstep, run_realtime
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.task import MoveTask, RobotKinematics, checked_source
from strands_robots.nodes.motion.motion_parameters import MotionParameters
from strands_robots.nodes.motion.move_group import move_group_search
from strands_robots.nodes.motion.plan_server import PlanServer
from strands_robots.nodes.motion.plans import Plans
from strands_robots.nodes.motion.robot_catalogue import RobotCatalogue
from strands_robots.nodes.motion.robot_models import RobotModels
from strands_robots.nodes.motion.scene_source import SceneSource
from strands_robots.nodes.motion.takeover import begin_in_motion, checked_right
from strands_robots.planning.plan_task import PlanTask
from strands_robots.planning.scene_move import SceneMoveTask
from strands_robots.planning.scene_watch import SceneWatch
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.goals.goal_audit import audited_goals
from strands_robots.ros.goals.goal_owners import GoalOwners
from strands_robots.ros.goals.motion_goals import (
    MESSAGE_LENGTH,
    execute_feedback,
    execute_result,
    grip_feedback,
    grip_result,
    grip_task,
    move_feedback,
    move_result,
    move_task,
    scene_goal,
)
from strands_robots.ros.goals.robot_subscriber import RobotSubscriber
from strands_robots.ros.goals.world_client import WorldClient, WorldClients
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import read_parameters
from strands_robots.ros.process.polled_clock import ros_time

MOST_REPLANS = 3
"""How often a goal plans anew because the scene changed while it moved."""

END_WAIT = 0.4
"""How long the end of the node waits for its goals to brake [s]."""

SOLVER_DELAY = 3.0
"""The solver's libraries are loaded this long after the start [s], when the graph is armed; or by the first goal that needs them."""


@dataclass(frozen=True)
class _Goal:
    """One goal being carried out."""

    goal_id: str
    action: str
    session: MotionSession
    lockstep: bool
    ended: Future[None]


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
        is_simulated = bool(self.get_parameter("use_sim_time").value)
        self._scenes = SceneSource(self, self._robots, self._world, is_simulated=is_simulated)
        self._plans = Plans(avoid_ground=given.avoid_ground, search=move_group_search(self))
        self._planning = PlanServer(self, self._robot, self._plans, self._scenes, self._world)
        self._servers = [
            ActionServer(self, kind, name, audited_goals(self, kind, name, execute), cancel_callback=self._on_cancel)
            for kind, name, execute in (
                (MoveTo, "move_to", self._move_to),
                (ExecutePlan, "execute_plan", self._execute_plan),
                (SetGripper, "set_gripper", self._set_gripper),
            )
        ]
        self._controllers = self._controller_servers(given)
        GoalOwners(
            self,
            lambda: [*(goal.goal_id for goal in self._goals.values()), *self._planning.goal_ids()],
            self._on_lost_owner,
        )
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
        self._planning.close()
        self._plans.close()
        for server in self._servers:
            server.destroy()
        if self._controllers is not None:
            self._controllers.close()
        audit_of(self).close(0.1)
        super().destroy_node()

    def _controller_servers(self, given: MotionParameters) -> Any:
        """Return the action servers of ros2_control's controllers, or None where their interfaces are not installed."""
        if importlib.util.find_spec("control_msgs") is None:
            self.get_logger().warning(
                "control_msgs is not installed: no FollowJointTrajectory, so MoveIt cannot move the robots; install it, for "
                "example with rosdep, and start again"
            )
            return None
        from strands_robots.nodes.motion import controller_servers

        access = controller_servers.MotionAccess(
            self._robot, self._free_robot, self._carry_out, self._on_cancel, self._now
        )
        config = controller_servers.ControllerConfig(
            given.path_tolerance,
            given.goal_tolerance,
            given.stopped_velocity_tolerance,
            given.goal_time,
            given.allow_stalling,
        )
        return controller_servers.ControllerServers(self, list(self._robots.values()), access, config)

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        for goal in self._goals.values():
            if goal.goal_id == _goal_id(handle):
                goal.session.cancel("cancelled by the client")
        return CancelResponse.ACCEPT

    def _on_lost_owner(self, goal_id: str) -> None:
        self._planning.give_up(goal_id)
        for goal in self._goals.values():
            if goal.goal_id == goal_id:
                goal.session.cancel("the client that started the goal is gone")

    async def _move_to(self, handle: ServerGoalHandle) -> MoveTo.Result:
        """Carry out a goal of MoveTo; the executor goes on while this waits."""
        request = handle.request
        for replans in range(MOST_REPLANS + 1):
            try:
                robot = await self._robot(request.robot)
                source = checked_source(request.source)
                over: list[MotionSession] = []
                task = self._scene_task(request, robot, over) if _is_planned(request) else move_task(request, robot)
                if not (request.preempt and await self._takes_place(source, task, robot.name, request.lockstep)):
                    self._check_free(robot.name)
            except StrandsRobotsError as error:
                return self._refuse(handle, MoveTo.Result(), error)
            session = self._session(handle, source, task, robot)
            over.append(session)
            if handle.is_cancel_requested:
                session.cancel("cancelled by the client while another motion made way")
            await self._carry_out(handle, session, "move_to", request.lockstep)
            goes_on = request.planning.on_change == PlanningOptions.REPLAN and not handle.is_cancel_requested
            if not (goes_on and _has_changed(session)) or replans == MOST_REPLANS:
                break
            self.get_logger().info(f"goal {_goal_id(handle)[:8]}: plans anew: {_ending_words(session)}")
        return self._finish(handle, session, move_result(session, task, robot))

    def _session(
        self, handle: ServerGoalHandle, source: str, task: MoveTask | SceneMoveTask, robot: RobotKinematics
    ) -> MotionSession:
        """Return a session of MoveTo that tells its client how far it is."""

        def report() -> None:
            handle.publish_feedback(move_feedback(session, task))

        session = MotionSession(robot.name, source, task, robot.limits, self._now(), report)
        return session

    def _scene_task(self, request: MoveTo.Goal, robot: RobotKinematics, over: list[MotionSession]) -> SceneMoveTask:
        """Return a goal of MoveTo that is planned through the scene.

        Args:
            request: The goal.
            robot: Its robot.
            over: Gets the session of the task, where it has one: once that has an ending, the plan is given up.
        """
        return SceneMoveTask(
            robot,
            scene_goal(request, robot),
            lambda: self._scenes.look(robot.name),
            lambda job: self._plans.make(robot, job, lambda: any(session.ending is not None for session in over)),
        )

    async def _takes_place(self, source: str, task: MoveTask | SceneMoveTask, robot: str, lockstep: bool) -> bool:
        """Let a goal take the place of the one that a robot carries out; return whether it begins in its middle, else the robot rests.

        Raises:
            MotionError: "refused" if the source may not do so.
        """
        running = self._goals.get(robot)
        if running is None:
            return False
        other, words = running.session, f"a goal of '{source}' took its place"
        checked_right(source, other)
        if isinstance(task, SceneMoveTask) and not lockstep and not running.lockstep:
            begin = await begin_in_motion(self, source, other, task, lambda: self._now().ros)
            if begin is not None and self._goals.get(robot) is running:
                other.hand_over(begin, words)
                return True
            task.forget()
        other.cancel(words)
        await running.ended
        return False

    async def _execute_plan(self, handle: ServerGoalHandle) -> ExecutePlan.Result:
        """Play a plan; the executor goes on while this waits."""
        request = handle.request
        try:
            robot = await self._free_robot(request.robot)
            source, kept = checked_source(request.source), self._plans.find(robot.name, request.digest)
        except StrandsRobotsError as error:
            return self._refuse(handle, ExecutePlan.Result(), error)

        def change() -> str:
            return self._scenes.look(robot.name).change_from(kept.surroundings, kept.held)

        def report() -> None:
            handle.publish_feedback(execute_feedback(session))

        task = PlanTask(kept.plan, request.digest, robot.name, robot.limits, change)
        session = MotionSession(robot.name, source, task, robot.limits, self._now(), report)
        await self._carry_out(handle, session, "execute_plan", request.lockstep)
        return self._finish(handle, session, execute_result(session, task, request.digest, robot))

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
        self._scenes.listen(name)
        return robot

    async def _free_robot(self, name: str) -> RobotKinematics:
        """Return a robot that carries out no goal."""
        robot = await self._robot(name)
        self._check_free(name)
        return robot

    def _check_free(self, name: str) -> None:
        """Check that a robot carries out no goal; raises MotionError with the one that it does."""
        running = self._goals.get(name)
        if running is not None:
            raise MotionError(
                "refused",
                f"'{name}' already carries out {running.action} goal {running.goal_id}; valid: one goal for each "
                "robot, so cancel that one first, or move_to with preempt",
            )

    async def _carry_out(self, handle: ServerGoalHandle, session: MotionSession, action: str, lockstep: bool) -> None:
        goal = self._goals[session.robot] = _Goal(_goal_id(handle), action, session, lockstep, Future())
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
            if self._goals.get(session.robot) is goal:  # not where another goal has begun in its middle
                del self._goals[session.robot]
            feed.close()
            goal.ended.set_result(None)

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
                if isinstance(session.task, (PlanTask, SceneMoveTask)):
                    SceneWatch(session, session.task.scene_change).start()
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
        return Instant(ros_time(self), time.monotonic())


def _is_planned(request: MoveTo.Goal) -> bool:
    return bool(request.planning.planner)


def _has_changed(session: MotionSession) -> bool:
    return session.ending is not None and session.ending.reason is MotionReason.SCENE_CHANGED


def _ending_words(session: MotionSession) -> str:
    return "" if session.ending is None else session.ending.message


def _goal_id(handle: ServerGoalHandle) -> str:
    return bytes(handle.goal_id.uuid).hex()


def _text(handle: ServerGoalHandle, result: Any) -> str:
    return f"goal {_goal_id(handle)[:8]}: {result.termination_reason}: {result.message}"


def main() -> int:
    """Run motion_node until a signal."""
    return run_node(MotionNode)
