"""Goals of ros2_control's controllers, as MoveIt and others send them: what they ask for, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from control_msgs.action import FollowJointTrajectory, GripperCommand, ParallelGripperCommand
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectoryPoint

from strands_robots.core.errors import MotionError, ShapeError, StrandsRobotsError, UnknownNameError
from strands_robots.core.types import JointLimits
from strands_robots.motion.gripper import Grip, grip
from strands_robots.motion.motion_goal import MotionSession
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.move_to import SLOWEST
from strands_robots.motion.task import GripTask, RobotKinematics, checked_speed
from strands_robots.motion.trajectory_task import TrajectoryTask
from strands_robots.motion.trajectory_tolerance import JointTolerance, TrajectoryTolerances
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.stamps import fill_time, to_duration, to_seconds
from strands_robots.ros.robot.standard_inputs import trajectory_of

MESSAGE_LENGTH = 1024
PREEMPTED = "Current goal preempted by new incoming action."
"""The controller's own words."""

_CODES = {
    MotionReason.REACHED: FollowJointTrajectory.Result.SUCCESSFUL,
    MotionReason.BLOCKED: FollowJointTrajectory.Result.PATH_TOLERANCE_VIOLATED,
    MotionReason.NOT_REACHED: FollowJointTrajectory.Result.GOAL_TOLERANCE_VIOLATED,
}
"""error_code by how a motion ended; INVALID_GOAL for all others, as the controller answers when it is deactivated."""


def trajectory_task(
    request: FollowJointTrajectory.Goal,
    limits: JointLimits,
    defaults: TrajectoryTolerances,
    now: Callable[[], float],
) -> TrajectoryTask:
    """Return what a goal of FollowJointTrajectory asks for.

    Raises:
        StrandsRobotsError: If anything is not valid; `refusal` makes the result of it.
    """
    trajectory = request.trajectory
    if request.multi_dof_trajectory.joint_names or request.multi_dof_trajectory.points:
        raise MotionError(
            "invalid_goal", "multi_dof_trajectory is given; valid: none, because no joint here has several axes"
        )
    if request.component_path_tolerance or request.component_goal_tolerance:
        raise MotionError(
            "invalid_goal", "tolerances of components are given; valid: path_tolerance and goal_tolerance"
        )
    if not trajectory.points:
        raise MotionError(
            "invalid_goal", "the trajectory has no points; valid: at least one, and cancelling the goal to stop"
        )
    tolerances = defaults.with_goal(
        limits,
        _tolerances(request.path_tolerance),
        _tolerances(request.goal_tolerance),
        to_seconds(request.goal_time_tolerance),
    )
    start = to_seconds(trajectory.header.stamp)
    task = TrajectoryTask(trajectory.joint_names, trajectory_of(trajectory), start, limits, tolerances, now)
    task.check_stamp(now())
    return task


def parallel_grip_task(request: ParallelGripperCommand.Goal, robot: RobotKinematics) -> GripTask:
    """Return what a goal of ParallelGripperCommand asks for.

    Raises:
        StrandsRobotsError: If anything is not valid.
    """
    command = request.command
    sizes = (len(command.position), len(command.velocity), len(command.effort))
    if sizes[0] != 1 or max(sizes[1:]) > 1:
        raise ShapeError(
            f"command has {sizes[0]} positions, {sizes[1]} velocities and {sizes[2]} efforts; valid: 1 position, and up to 1 of the others"
        )
    joints = robot.config.gripper.joints if robot.config.gripper is not None else ()
    for name in command.name:
        if name not in joints:
            raise UnknownNameError("gripper joint", name, joints)
    speed = 0.0
    if len(command.velocity):
        largest = float(min(robot.limits.velocity[robot.limits.index[name]] for name in joints))
        if not command.velocity[0] > 0.0:
            raise MotionError("invalid_goal", f"velocity is {command.velocity[0]:g}; valid: above 0, or none")
        speed = min(max(command.velocity[0] / largest, SLOWEST), 1.0)
    return _grip_task(robot, command.position[0], command.effort[0] if len(command.effort) else 0.0, speed)


def gripper_task(request: GripperCommand.Goal, robot: RobotKinematics) -> GripTask:
    """Return what a goal of GripperCommand asks for.

    Raises:
        StrandsRobotsError: If anything is not valid.
    """
    return _grip_task(robot, request.command.position, request.command.max_effort, 0.0)


def refusal(error: StrandsRobotsError) -> FollowJointTrajectory.Result:
    """Return the result of a goal that cannot be carried out."""
    result = FollowJointTrajectory.Result(error_string=clip(str(error), MESSAGE_LENGTH))
    reason = error.reason if isinstance(error, MotionError) else ""
    result.error_code = {
        "old_stamp": FollowJointTrajectory.Result.OLD_HEADER_TIMESTAMP,
        "invalid_joints": FollowJointTrajectory.Result.INVALID_JOINTS,
    }.get(reason, FollowJointTrajectory.Result.INVALID_GOAL)
    if isinstance(error, UnknownNameError) and error.kind == "joint":
        result.error_code = FollowJointTrajectory.Result.INVALID_JOINTS
    return result


def trajectory_result(session: MotionSession, is_preempted: bool, is_cancelled: bool) -> FollowJointTrajectory.Result:
    """Return what became of a trajectory.

    Args:
        session: The session, which is over.
        is_preempted: A newer trajectory came.
        is_cancelled: The client cancelled it; a cancelled goal has no code of its own, as with the controller.
    """
    ending = session.ending
    assert ending is not None  # results are made when a session is over
    if is_preempted and ending.reason is MotionReason.CANCELLED:
        return FollowJointTrajectory.Result(
            error_code=FollowJointTrajectory.Result.INVALID_GOAL, error_string=PREEMPTED
        )
    if is_cancelled and ending.reason is MotionReason.CANCELLED:
        return FollowJointTrajectory.Result(error_string=clip(ending.message, MESSAGE_LENGTH))
    return FollowJointTrajectory.Result(
        error_code=_CODES.get(ending.reason, FollowJointTrajectory.Result.INVALID_GOAL),
        error_string=clip(ending.message, MESSAGE_LENGTH),
    )


def trajectory_feedback(
    session: MotionSession, task: TrajectoryTask, limits: JointLimits
) -> FollowJointTrajectory.Feedback:
    """Return where the joints of a trajectory should be, where they are, and the difference."""
    feedback = FollowJointTrajectory.Feedback(joint_names=[limits.names[column] for column in task.columns])
    watch, run = session.watch, session.run
    if run is None:
        return feedback
    fill_time(feedback.header.stamp, watch.stamp)
    columns = task.columns
    planned = run.planned_at(watch.stamp)
    position, velocity = watch.position[columns], watch.velocity[columns]
    since = to_duration(session.elapsed)
    feedback.desired = JointTrajectoryPoint(positions=planned.tolist(), time_from_start=since)
    feedback.actual = JointTrajectoryPoint(
        positions=position.tolist(), velocities=velocity.tolist(), time_from_start=since
    )
    feedback.error = JointTrajectoryPoint(positions=(planned - position).tolist(), time_from_start=since)
    return feedback


def parallel_grip_state(session: MotionSession, task: GripTask, names: Iterable[str]) -> JointState:
    """Return the measured state of a gripper's joints."""
    state = JointState(name=list(names))
    if task.grip is not None:
        columns, watch = list(task.grip.columns), session.watch
        fill_time(state.header.stamp, watch.stamp)
        state.position, state.velocity = watch.position[columns].tolist(), watch.velocity[columns].tolist()
        state.effort = watch.effort[columns].tolist()
    return state


def fill_grip(message: Any, session: MotionSession, task: GripTask) -> None:
    """Fill a feedback or result of GripperCommand."""
    if task.grip is not None:
        watch = session.watch
        message.position = task.grip.position(watch.position)
        message.effort = float(np.abs(watch.effort[list(task.grip.columns)]).max())


def grip_flags(session: MotionSession, task: GripTask) -> tuple[bool, bool]:
    """Return whether a gripper stalled, and whether it reached its goal."""
    ending = session.ending
    is_stalled = ending is not None and ending.reason is MotionReason.STALLED
    return is_stalled, task.grip is not None and task.grip.is_reached(session.watch.position)


def _grip_task(robot: RobotKinematics, position: float, max_effort: float, speed: float) -> GripTask:
    def make(effort: Any) -> Grip:
        return grip(
            robot.config,
            position=position,
            is_fraction=False,
            tolerance=0.0,
            max_effort=max_effort,
            effort=effort.tolist(),
        )

    return GripTask(robot, make, speed=checked_speed(speed))


def _tolerances(given: Iterable[Any]) -> list[JointTolerance]:
    return [JointTolerance(one.name, one.position, one.velocity, one.acceleration) for one in given]
