"""Goals and results of MoveTo and SetGripper <-> the core's tasks."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import PoseStamped

from strands_robots.action import MoveTo, SetGripper
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose, pose_from_quaternion, quaternion_of
from strands_robots.motion.gripper import grip
from strands_robots.motion.ik import Orientation
from strands_robots.motion.motion_goal import MotionSession
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.move_to import Target, joint_target, pose_target
from strands_robots.motion.task import GripTask, MoveTask, RobotKinematics, checked_speed
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.stamps import fill_time

MESSAGE_LENGTH = 4096


def move_task(request: MoveTo.Goal, robot: RobotKinematics) -> MoveTask:
    """Return what a goal of MoveTo asks for.

    Raises:
        StrandsRobotsError: If anything is not valid; the message says what was given and what is valid.
    """
    speed = checked_speed(request.speed_scale)
    if request.target == MoveTo.Goal.TARGET_JOINTS:
        joints = joint_target(robot.limits, list(request.joint_names), list(request.positions), request.joint_tolerance)
        if request.straight:
            raise MotionError("invalid_goal", "straight is true for a joint target; valid: for TARGET_POSE (1)")
        return MoveTask(robot, lambda _: joints, straight=False, speed=speed)
    if request.target != MoveTo.Goal.TARGET_POSE:
        raise MotionError("invalid_goal", f"target is {request.target}; valid: 0 (TARGET_JOINTS), 1 (TARGET_POSE)")
    if not robot.config.tool_frame:
        raise MotionError("invalid_goal", f"robot '{robot.name}' has no tool_frame in its configuration; valid: joints")
    frame = robot.frame(request.pose.header.frame_id)
    point, q = request.pose.pose.position, request.pose.pose.orientation
    is_free = request.orientation == Orientation.FREE
    rotation = (0.0, 0.0, 0.0, 1.0) if is_free else (q.x, q.y, q.z, q.w)
    given = pose_from_quaternion((point.x, point.y, point.z), rotation)
    tolerances = request.position_tolerance, request.orientation_tolerance
    asked = pose_target(given, request.orientation, *tolerances)

    def target(position: FloatArray) -> Target:
        if frame == "base":
            return asked
        return pose_target(robot.arm.tool_pose(position).at(given), request.orientation, *tolerances)

    return MoveTask(robot, target, straight=request.straight, speed=speed)


def grip_task(request: SetGripper.Goal, robot: RobotKinematics) -> GripTask:
    """Return what a goal of SetGripper asks for.

    Raises:
        StrandsRobotsError: If anything is not valid; the message says what was given and what is valid.
    """
    if request.unit not in (SetGripper.Goal.UNIT_FRACTION, SetGripper.Goal.UNIT_JOINT):
        raise MotionError("invalid_goal", f"unit is {request.unit}; valid: 0 (UNIT_FRACTION), 1 (UNIT_JOINT)")

    def make(effort: FloatArray) -> Any:
        return grip(
            robot.config,
            position=request.position,
            is_fraction=request.unit == SetGripper.Goal.UNIT_FRACTION,
            tolerance=request.tolerance,
            max_effort=request.max_effort,
            effort=effort.tolist(),
        )

    return GripTask(robot, make, speed=checked_speed(request.speed_scale))


def move_feedback(session: MotionSession, task: MoveTask) -> MoveTo.Feedback:
    """Return how far a motion is."""
    reached = task.reached(session.watch.position)
    feedback = MoveTo.Feedback(elapsed=session.elapsed, progress=session.run.progress if session.run else 0.0)
    if reached is not None:
        feedback.joint_error = reached.joint_error
        feedback.position_error, feedback.orientation_error = reached.position_error, reached.orientation_error
    return feedback


def grip_feedback(session: MotionSession, task: GripTask) -> SetGripper.Feedback:
    """Return how far a gripper is."""
    feedback = SetGripper.Feedback(elapsed=session.elapsed)
    if task.grip is not None:
        position = session.watch.position
        feedback.position, feedback.fraction = task.grip.position(position), task.grip.fraction(position)
        feedback.effort = float(abs(session.watch.effort[list(task.grip.columns)]).max())
    return feedback


def move_result(session: MotionSession, task: MoveTask, robot: RobotKinematics) -> MoveTo.Result:
    """Return what became of a motion, from measured joints."""
    result = MoveTo.Result(joint_names=list(robot.limits.names), elapsed=session.elapsed)
    _fill_ending(result, session)
    if session.run is not None:
        result.planned_duration, result.chunks = session.run.planned_duration, session.run.chunks
    if not session.watch.is_ready:
        return result
    position = session.watch.position
    result.positions = position.tolist()
    reached = task.reached(position)
    if robot.arm.tool is not None:
        result.tool_pose = pose_to_msg(
            robot.arm.tool_pose(position), f"{robot.name}/{robot.config.base_frame}", session.watch.stamp
        )
    if reached is not None:
        result.joint_error = reached.joint_error
        result.position_error, result.orientation_error = reached.position_error, reached.orientation_error
    if result.termination_reason == MotionReason.UNREACHABLE.value:
        result.position_error, result.orientation_error = session.miss
    return result


def grip_result(session: MotionSession, task: GripTask) -> SetGripper.Result:
    """Return what became of a grip, from measured joints."""
    result = SetGripper.Result(elapsed=session.elapsed)
    _fill_ending(result, session)
    result.stalled = result.termination_reason == MotionReason.STALLED.value
    if session.run is not None:
        result.chunks = session.run.chunks
    if task.grip is not None:
        position = session.watch.position
        result.position, result.fraction = task.grip.position(position), task.grip.fraction(position)
        result.effort = float(abs(session.watch.effort[list(task.grip.columns)]).max())
        result.reached_goal = task.grip.is_reached(position)
    return result


def pose_to_msg(pose: Pose, frame_id: str, stamp: float) -> PoseStamped:
    """Return a pose as a message."""
    message = PoseStamped()
    message.header.frame_id = frame_id
    fill_time(message.header.stamp, stamp)
    point, turn = message.pose.position, message.pose.orientation
    point.x, point.y, point.z = pose.position.tolist()
    turn.x, turn.y, turn.z, turn.w = quaternion_of(pose.rotation).tolist()
    return message


def _fill_ending(result: Any, session: MotionSession) -> None:
    ending = session.ending
    assert ending is not None  # results are made when a session is over
    result.success = ending.reason in (MotionReason.REACHED, MotionReason.STALLED)
    result.message = clip(ending.message, MESSAGE_LENGTH)
    result.termination_reason = ending.reason.value
