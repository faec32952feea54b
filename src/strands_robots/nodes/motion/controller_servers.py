"""Action servers of ros2_control's controllers for each robot, so that MoveIt and others can command it. The gate is behind them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from control_msgs.action import FollowJointTrajectory, GripperCommand, ParallelGripperCommand
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.types import Instant
from strands_robots.motion.motion_goal import MotionSession
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.task import GripTask, RobotKinematics
from strands_robots.motion.trajectory_tolerance import TrajectoryTolerances
from strands_robots.nodes.motion.motion_parameters import MotionParameters
from strands_robots.ros.goals import controller_goals as goals
from strands_robots.ros.goals.goal_audit import audited_goals
from strands_robots.ros.robot.robot_discovery import robots_on_graph

TRAJECTORY = "joint_trajectory_controller/follow_joint_trajectory"
PARALLEL_GRIPPER = "gripper_controller/gripper_cmd"
GRIPPER = "gripper_action_controller/gripper_cmd"
"""Names below the robot's, as controllers of these names would have them."""

SOURCE = "external/controllers"
"""Source of all their commands. It is one, so that a gripper need not wait for the lease of the arm's last trajectory."""

LOOK_PERIOD = 1.0
"""Time between two looks for robots that joined the graph [s, steady time]."""


@dataclass(frozen=True)
class ControllerConfig:
    """What a goal that says nothing gets.

    Attributes:
        path_tolerance, goal_tolerance: Largest error of a joint [rad] or [m]; 0 for none.
        stopped_velocity_tolerance: Largest velocity at the end [rad/s] or [m/s]; 0 for none.
        goal_time: How long after the end of a trajectory the joints may need [s].
        allow_stalling: A gripper that holds something has succeeded.
    """

    path_tolerance: float = 0.0
    goal_tolerance: float = 0.02
    stopped_velocity_tolerance: float = 0.01
    goal_time: float = 2.0
    allow_stalling: bool = True

    @classmethod
    def of(cls, given: MotionParameters) -> ControllerConfig:
        """Return what the node's parameters say."""
        return cls(
            given.path_tolerance,
            given.goal_tolerance,
            given.stopped_velocity_tolerance,
            given.goal_time,
            given.allow_stalling,
        )


@dataclass(frozen=True)
class MotionAccess:
    """What the servers need of the node that carries goals out.

    Attributes:
        find: Returns a robot by its name.
        find_free: Returns a robot that carries out no goal; raises MotionError where it does.
        carry_out: Carries a session out: handle, session, name of the action, lockstep.
        on_cancel: Takes the request to cancel a goal.
        now: Returns the present.
    """

    find: Callable[[str], Awaitable[RobotKinematics]]
    find_free: Callable[[str], Awaitable[RobotKinematics]]
    carry_out: Callable[[ServerGoalHandle, MotionSession, str, bool], Awaitable[None]]
    on_cancel: Callable[[ServerGoalHandle], CancelResponse]
    now: Callable[[], Instant]


@dataclass
class _Playing:
    """A trajectory that is being played."""

    session: MotionSession
    ended: Future[None]
    is_preempted: bool = False


class ControllerServers:
    """Serves FollowJointTrajectory and both gripper actions for every robot of the graph.

    Their commands pass the same gate, lease, limits and stop as every other command.
    A goal that cannot run is accepted and aborted with its code and reason, because a rejected goal could not say why.

    Args:
        node: The node; its namespace is the graph's.
        robots: Robots that are known from the start.
        access: The node's ways to carry out goals.
        config: Tolerances where a goal gives none.
    """

    def __init__(
        self, node: Node, robots: Iterable[RobotKinematics], access: MotionAccess, config: ControllerConfig
    ) -> None:
        self._node, self._access, self._config = node, access, config
        self._servers: dict[str, list[ActionServer]] = {}
        self._playing: dict[str, _Playing] = {}
        for robot in robots:
            self._serve(robot)
        self._joining: set[str] = set()
        node.create_timer(LOOK_PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def close(self) -> None:
        """Take the servers off the graph."""
        for servers in self._servers.values():
            for server in servers:
                server.destroy()

    def _look(self) -> None:
        """Look for robots that joined the simulated world."""
        for name in robots_on_graph(self._node):
            if name not in self._servers and name not in self._joining:
                self._joining.add(name)
                # A task of its own: a coroutine of the timer would keep the node's callbacks waiting, its answers among them.
                self._node.executor.create_task(self._join, name)

    async def _join(self, name: str) -> None:
        """Serve a robot that joined."""
        try:
            robot = await self._access.find(name)
        except StrandsRobotsError:
            return  # A robot that left again, or whose model this node does not know.
        finally:
            self._joining.discard(name)
        if name not in self._servers:
            self._serve(robot)

    def _serve(self, robot: RobotKinematics) -> None:
        kinds: list[tuple[Any, str, Any]] = [(FollowJointTrajectory, TRAJECTORY, self._follow)]
        if robot.config.gripper is not None:
            kinds += [
                (ParallelGripperCommand, PARALLEL_GRIPPER, self._grip_parallel),
                (GripperCommand, GRIPPER, self._grip),
            ]
        self._servers[robot.name] = [self._server(robot.name, *kind) for kind in kinds]

    def _server(self, robot: str, kind: Any, name: str, execute: Any) -> ActionServer:
        async def run(handle: ServerGoalHandle) -> Any:
            return await execute(robot, handle)

        audited = audited_goals(self._node, kind, f"{robot}/{name}", run, robot=robot, actor=SOURCE, ending=_ending)
        return ActionServer(self._node, kind, f"{robot}/{name}", audited, cancel_callback=self._access.on_cancel)

    async def _follow(self, name: str, handle: ServerGoalHandle) -> FollowJointTrajectory.Result:
        now = self._access.now
        try:
            known = await self._access.find(name)
            task = goals.trajectory_task(handle.request, known.limits, self._defaults(known), lambda: now().ros)
            # Only a goal that can be played ends the one that is.
            await self._preempt(name)
            robot = await self._access.find_free(name)
        except StrandsRobotsError as error:
            return self._refuse(handle, goals.refusal(error))

        def report() -> None:
            handle.publish_feedback(goals.trajectory_feedback(session, task, robot.limits))

        session = MotionSession(name, SOURCE, task, robot.limits, now(), report)
        playing = self._playing[name] = _Playing(session, Future())
        try:
            await self._access.carry_out(handle, session, TRAJECTORY, False)
        finally:
            if self._playing.get(name) is playing:
                del self._playing[name]
            playing.ended.set_result(None)
        result = goals.trajectory_result(session, playing.is_preempted, handle.is_cancel_requested)
        self._end(handle, session, result, is_success=result.error_code == FollowJointTrajectory.Result.SUCCESSFUL)
        return result

    async def _preempt(self, name: str) -> None:
        """End the trajectory that a robot plays: it brakes, and the next one begins from rest."""
        playing = self._playing.get(name)
        if playing is not None:
            playing.is_preempted = True
            playing.session.cancel(goals.PREEMPTED)
            await playing.ended

    async def _grip_parallel(self, name: str, handle: ServerGoalHandle) -> ParallelGripperCommand.Result:
        result = ParallelGripperCommand.Result()
        joints: tuple[str, ...] = ()

        def report(session: MotionSession, task: GripTask) -> None:
            state = goals.parallel_grip_state(session, task, joints)
            handle.publish_feedback(ParallelGripperCommand.Feedback(state=state))

        try:
            robot = await self._access.find_free(name)
            joints = tuple(robot.config.gripper.joints) if robot.config.gripper is not None else ()
            task = goals.parallel_grip_task(handle.request, robot)
        except StrandsRobotsError as error:
            return self._refuse(handle, result, str(error))
        session = await self._carry_grip(handle, robot, task, PARALLEL_GRIPPER, report)
        result.state = goals.parallel_grip_state(session, task, joints)
        result.stalled, result.reached_goal = goals.grip_flags(session, task)
        self._end_grip(handle, session, result)
        return result

    async def _grip(self, name: str, handle: ServerGoalHandle) -> GripperCommand.Result:
        result = GripperCommand.Result()

        def report(session: MotionSession, task: GripTask) -> None:
            feedback = GripperCommand.Feedback()
            goals.fill_grip(feedback, session, task)
            handle.publish_feedback(feedback)

        try:
            robot = await self._access.find_free(name)
            task = goals.gripper_task(handle.request, robot)
        except StrandsRobotsError as error:
            return self._refuse(handle, result, str(error))
        session = await self._carry_grip(handle, robot, task, GRIPPER, report)
        goals.fill_grip(result, session, task)
        result.stalled, result.reached_goal = goals.grip_flags(session, task)
        self._end_grip(handle, session, result)
        return result

    async def _carry_grip(
        self,
        handle: ServerGoalHandle,
        robot: RobotKinematics,
        task: GripTask,
        action: str,
        report: Callable[[MotionSession, GripTask], None],
    ) -> MotionSession:
        session = MotionSession(
            robot.name, SOURCE, task, robot.limits, self._access.now(), lambda: report(session, task)
        )
        await self._access.carry_out(handle, session, action, False)
        return session

    def _end_grip(self, handle: ServerGoalHandle, session: MotionSession, result: Any) -> None:
        is_held = result.stalled and self._config.allow_stalling
        self._end(handle, session, result, is_success=_reason(session) is MotionReason.REACHED or is_held)

    def _end(self, handle: ServerGoalHandle, session: MotionSession, result: Any, *, is_success: bool) -> None:
        """Give a goal its final state."""
        ending = session.ending
        assert ending is not None  # it was carried out
        if ending.reason is MotionReason.CANCELLED and handle.is_cancel_requested:
            handle.canceled()
        elif is_success and ending.reason is not MotionReason.CANCELLED:
            handle.succeed()
        else:
            handle.abort()
        words = f"'{session.source}' on '{session.robot}': {ending.message}"
        # Two places: rclpy's logger refuses another severity from the same one.
        if is_success:
            self._node.get_logger().info(words)
        else:
            self._node.get_logger().warning(words)

    def _refuse(self, handle: ServerGoalHandle, result: Any, message: str = "") -> Any:
        self._node.get_logger().warning(f"a controller's goal is refused: {message or result.error_string}")
        handle.abort()
        return result

    def _defaults(self, robot: RobotKinematics) -> TrajectoryTolerances:
        config, size = self._config, len(robot.limits)
        return TrajectoryTolerances(
            np.full(size, config.path_tolerance),
            np.zeros(size),
            np.full(size, config.goal_tolerance),
            np.full(size, config.stopped_velocity_tolerance),
            config.goal_time,
        )


def _reason(session: MotionSession) -> MotionReason | None:
    return session.ending.reason if session.ending is not None else None


def _ending(result: Any) -> dict[str, object]:
    """Return how a controller's goal ended, for the audit log."""
    if isinstance(result, FollowJointTrajectory.Result):
        return {
            "success": result.error_code == FollowJointTrajectory.Result.SUCCESSFUL,
            "termination_reason": f"error_code {result.error_code}",
            "message": result.error_string[:512],
        }
    words = "stalled" if result.stalled else "reached" if result.reached_goal else "not_reached"
    return {"success": result.stalled or result.reached_goal, "termination_reason": words, "message": ""}
