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
from strands_robots.motion.group_motion import GroupMotion, run_together
from strands_robots.motion.ik import load_solver
from strands_robots.motion.motion_goal import MotionSession, run_lockstep, run_realtime
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.task import MoveTask, RobotKinematics, checked_source
from strands_robots.nodes.motion.motion_parameters import MotionParameters
from strands_robots.nodes.motion.move_group import move_group_search
from strands_robots.nodes.motion.plan_goals import PlanAccess, PlanGoals
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
    group: GroupMotion | None = None


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
        access = PlanAccess(self._robot, self._check_free, self._carry_out, self._refuse, self._finish, self._now)
        plan_goals = PlanGoals(access, self._plans, self._scenes)
        self._servers = [
            ActionServer(self, kind, name, audited_goals(self, kind, name, execute), cancel_callback=self._on_cancel)
            for kind, name, execute in (
                (MoveTo, "move_to", self._move_to),
                (ExecutePlan, "execute_plan", plan_goals.execute),
                (SetGripper, "set_gripper", self._set_gripper),
            )
        ]
        self._controllers = self._controller_servers(given)
        GoalOwners(
            self,
            lambda: [*{goal.goal_id for goal in self._goals.values()}, *self._planning.goal_ids()],
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
        config = controller_servers.ControllerConfig.of(given)
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
                task = self._task(request, robot, over)
                if not request.preempt:
                    self._check_free(robot.name)
                elif not await self._takes_place(source, task, robot.name, request.lockstep):
                    self._check_free(robot.name)
                    # A takeover that came too late may still be planning with the first task, in a thread of its own.
                    task = self._task(request, robot, over)
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
        return self._finish(handle, move_result(session, task, robot))

    def _session(
        self, handle: ServerGoalHandle, source: str, task: MoveTask | SceneMoveTask, robot: RobotKinematics
    ) -> MotionSession:
        """Return a session of MoveTo that tells its client how far it is."""

        def report() -> None:
            handle.publish_feedback(move_feedback(session, task))

        session = MotionSession(robot.name, source, task, robot.limits, self._now(), report)
        return session

    def _task(
        self, request: MoveTo.Goal, robot: RobotKinematics, over: list[MotionSession]
    ) -> MoveTask | SceneMoveTask:
        """Return a goal of MoveTo.

        Args:
            request: The goal.
            robot: Its robot.
            over: Gets the session of the task, where it has one: once that has an ending, its plan is given up.
        """
        if not _is_planned(request):
            return move_task(request, robot)
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
        if isinstance(task, SceneMoveTask) and not (lockstep or running.lockstep or running.group):
            begin = await begin_in_motion(self, source, other, task, lambda: self._now().ros)
            if begin is not None and self._goals.get(robot) is running:
                other.hand_over(begin, words)
                return True
        other.cancel(words)
        await running.ended
        return False

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
        return self._finish(handle, grip_result(session, task))

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

    async def _carry_out(
        self,
        handle: ServerGoalHandle,
        session: MotionSession,
        action: str,
        lockstep: bool,
        group: GroupMotion | None = None,
    ) -> None:
        """Carry out a session, or all sessions of a group whose first it is."""
        done: Future[None] = Future()
        sessions = group.sessions if group is not None else (session,)
        ended: Future[None] = Future()
        goals = [_Goal(_goal_id(handle), action, each, lockstep, ended, group) for each in sessions]
        self._goals.update((goal.session.robot, goal) for goal in goals)
        robots = "', '".join(each.robot for each in sessions)
        self.get_logger().info(f"goal {goals[0].goal_id[:8]}: {action} for '{session.source}' on '{robots}'")
        feeds = [RobotSubscriber(self, each.robot, each, lockstep=lockstep) for each in sessions]
        thread = threading.Thread(
            target=self._run, args=(goals[0], feeds, done), name=f"motion of {session.robot}", daemon=True
        )
        self._threads.add(thread)
        thread.start()
        try:
            await done
        finally:
            self._threads.discard(thread)
            for goal, feed in zip(goals, feeds):
                if self._goals.get(goal.session.robot) is goal:  # not where another goal has begun in its middle
                    del self._goals[goal.session.robot]
                feed.close()
            ended.set_result(None)

    def _run(self, goal: _Goal, feeds: list[RobotSubscriber], done: Future[None]) -> None:
        """Body of a goal's thread."""
        session, ends = goal.session, goal.group or goal.session
        world = WorldClient(self._world, session.robot, lambda: None)
        try:
            if goal.lockstep:
                run_lockstep(session, world, f"motion/{goal.goal_id}")
            else:
                mode = world.mode()[0] if world.has_world() else ""
                if mode == LOCKSTEP:
                    ends.end(
                        MotionReason.REFUSED, "the world runs in lockstep and this goal does not; valid: lockstep true"
                    )
                if isinstance(session.task, (PlanTask, SceneMoveTask)):
                    SceneWatch(session, session.task.scene_change).start()
                if goal.group is not None:
                    run_together(goal.group, feeds)
                else:
                    run_realtime(session, feeds[0])
        except StrandsRobotsError as error:
            ends.end(MotionReason.WORLD_FAILED, str(error))
        finally:
            ends.end(MotionReason.WORLD_FAILED, "the motion's thread failed; motion_node's log says how")
            done.set_result(None)
            if self.executor is not None:
                self.executor.wake()

    def _refuse(self, handle: ServerGoalHandle, result: Any, error: StrandsRobotsError) -> Any:
        result.termination_reason = error.reason if isinstance(error, MotionError) else MotionReason.INVALID_GOAL.value
        result.message = clip(str(error), MESSAGE_LENGTH)
        self.get_logger().warning(_text(handle, result))
        handle.abort()
        return result

    def _finish(self, handle: ServerGoalHandle, result: Any) -> Any:
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
