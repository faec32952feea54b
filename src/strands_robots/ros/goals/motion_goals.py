"""Goals and results of MoveTo, PlanMotion, ExecutePlan and SetGripper <-> the core's tasks."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped

from strands_robots.action import ExecutePlan, MoveTo, PlanMotion, SetGripper
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError
from strands_robots.core.pose import Pose, pose_from_quaternion, quaternion_of
from strands_robots.core.text import printable
from strands_robots.motion.gripper import grip
from strands_robots.motion.ik import Orientation, PoseTarget
from strands_robots.motion.motion_goal import MotionSession
from strands_robots.motion.motion_reason import MotionReason
from strands_robots.motion.motion_run import MotionEnding
from strands_robots.motion.move_to import JOINT_TOLERANCE, JointTarget, Target, joint_target, pose_target, positive
from strands_robots.motion.task import GripTask, MoveTask, RobotKinematics, checked_speed
from strands_robots.msg import PlanningOptions
from strands_robots.planning.goals import Goal, LineGoal, PoseGoals, RegionGoal, named_state
from strands_robots.planning.plan_task import PlanTask
from strands_robots.planning.planner import DEFAULT_PLANNER, planner
from strands_robots.planning.robot_group import checked_names
from strands_robots.planning.scene_move import SceneGoal, SceneMoveTask
from strands_robots.planning.time_law import DEFAULT_TIME_LAW
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.geometry import quadruple, triple
from strands_robots.ros.messages.planning_messages import checked_options, options_are_empty
from strands_robots.ros.messages.stamps import fill_time

MESSAGE_LENGTH = 4096

_OF_ROBOT = ("held", "may_touch", "upright", "cone", "cone_axis", "box", "tool_speed")
"""What of the planning options each robot of a plan for several has for itself."""

LARGEST_REGION = 5.0
"""Largest half length of a region [m]."""


def move_task(request: MoveTo.Goal, robot: RobotKinematics) -> MoveTask:
    """Return what a goal of MoveTo asks for that looks at the robot and its ground only.

    Raises:
        StrandsRobotsError: If anything is not valid; the message says what was given and what is valid.
    """
    speed = checked_speed(request.speed_scale)
    if not options_are_empty(request.planning) or any((*request.other_poses, *request.region, *request.through)):
        raise MotionError(
            "invalid_goal",
            "planning, other_poses, region or through are given without planning.planner; valid: a planner, for example "
            f"'{DEFAULT_PLANNER}', or none of them",
        )
    if request.min_fraction:
        raise MotionError(
            "invalid_goal", f"min_fraction is {request.min_fraction:g} without planning.planner; valid: a planner, or 0"
        )
    if request.target != MoveTo.Goal.TARGET_POSE:
        joints = _joints(request, robot)
        return MoveTask(robot, lambda _: joints, straight=False, speed=speed)
    asked, is_relative = _pose(request, request.pose, robot)

    def target(position: FloatArray) -> Target:
        return replace(asked, pose=robot.arm.tool_pose(position).at(asked.pose)) if is_relative else asked

    return MoveTask(robot, target, straight=request.straight, speed=speed)


def scene_goal(request: MoveTo.Goal | PlanMotion.Goal, robot: RobotKinematics) -> SceneGoal:
    """Return what a goal asks for that looks at the whole scene.

    Raises:
        StrandsRobotsError: If anything is not valid; the message says what was given and what is valid.
    """
    options: PlanningOptions = request.planning
    speed = checked_speed(request.speed_scale)
    iterations, clearances, limits = checked_options(options)
    min_fraction = positive("min_fraction", request.min_fraction, 1.0, 1.0)
    goal: Goal
    if request.target != MoveTo.Goal.TARGET_POSE:
        goal = _joints(request, robot)
        if request.other_poses:
            raise MotionError("invalid_goal", "other_poses are given; valid: for TARGET_POSE (1)")
        if request.region:
            raise MotionError("invalid_goal", "region is given; valid: for TARGET_POSE (1)")
    else:
        poses = [_pose(request, given, robot) for given in (request.pose, *request.other_poses)]
        if request.straight and len(poses) > 1:
            raise MotionError("invalid_goal", f"straight is true for {len(poses)} poses; valid: for one")
        goal = (
            _region(request, *poses[0])
            if request.region
            else LineGoal(poses[0][0], min_fraction, poses[0][1], _through(request))
            if request.straight
            else PoseGoals(tuple(pose for pose, _ in poses), tuple(is_relative for _, is_relative in poses))
        )
    if min_fraction < 1.0 and not request.straight:
        raise MotionError("invalid_goal", f"min_fraction is {min_fraction:g} without straight; valid: 0")
    if not request.straight and _through(request) is not None:
        raise MotionError("invalid_goal", "through is given without straight; valid: straight true, or no point")
    if not request.straight:
        planner(options.planner)  # says which there are
    return SceneGoal(
        goal,
        options.planner,
        options.time_law or DEFAULT_TIME_LAW,
        speed,
        options.seed,
        iterations,
        limits,
        tuple(options.held),
        tuple(options.may_touch),
        clearances,
    )


def goals_of_robots(request: PlanMotion.Goal) -> list[PlanMotion.Goal]:
    """Return what a goal of PlanMotion asks of each robot, the first first; each has the options that are said once.

    Raises:
        StrandsRobotsError: If the robots are not valid, or something is given for one that is said once.
    """
    if not request.others:
        return [request]
    checked_names([request.robot, *(target.robot for target in request.others)])
    if request.straight:
        raise MotionError("invalid_goal", "straight is true in a plan for several robots; valid: false")
    goals = [request]
    for target in request.others:
        name, own, said_once = target.robot, target.planning, PlanningOptions()
        for field in _OF_ROBOT:
            setattr(said_once, field, getattr(own, field))
        if own != said_once:
            raise MotionError(
                "invalid_goal",
                f"planning of '{printable(name)}' gives more than {', '.join(_OF_ROBOT)}; valid: the rest in the goal's own planning",
            )
        options = copy.copy(request.planning)
        for field in _OF_ROBOT:
            setattr(options, field, getattr(own, field))
        fields = [field for field in target.get_fields_and_field_types() if field != "planning"]
        goal = PlanMotion.Goal(source=request.source, speed_scale=request.speed_scale, planning=options)
        for field in fields:
            setattr(goal, field, getattr(target, field))
        goals.append(goal)
    return goals


def _through(request: MoveTo.Goal | PlanMotion.Goal) -> tuple[float, float, float] | None:
    """Return the point of an arc; None for a straight line."""
    if not request.through:
        return None
    given = request.through[0]
    point = (given.x, given.y, given.z)
    if not all(math.isfinite(value) for value in point):
        raise MotionError("invalid_goal", f"through is {point}; valid: finite numbers")
    return point


def _region(request: MoveTo.Goal | PlanMotion.Goal, middle: PoseTarget, is_relative: bool) -> RegionGoal:
    """Return the goal that is a box about a pose."""
    half = (request.region[0].x, request.region[0].y, request.region[0].z)
    if request.straight or request.other_poses:
        raise MotionError("invalid_goal", "region is given with straight or other_poses; valid: one of the three")
    if not all(0.0 <= length <= LARGEST_REGION for length in half):
        raise MotionError(
            "invalid_goal", f"region has half lengths {half} m; valid: 0 to {LARGEST_REGION:g} along each axis"
        )
    return RegionGoal(middle, half, is_relative)


def _joints(request: MoveTo.Goal | PlanMotion.Goal, robot: RobotKinematics) -> JointTarget:
    if request.target not in (MoveTo.Goal.TARGET_JOINTS, MoveTo.Goal.TARGET_NAMED):
        raise MotionError(
            "invalid_goal", f"target is {request.target}; valid: 0 (TARGET_JOINTS), 1 (TARGET_POSE), 2 (TARGET_NAMED)"
        )
    if request.straight:
        raise MotionError("invalid_goal", "straight is true for a joint target; valid: for TARGET_POSE (1)")
    if request.target == MoveTo.Goal.TARGET_NAMED:
        named = named_state(robot.config, request.named_state)
        return replace(named, tolerance=positive("joint_tolerance", request.joint_tolerance, JOINT_TOLERANCE))
    return joint_target(robot.limits, list(request.joint_names), list(request.positions), request.joint_tolerance)


def _pose(
    request: MoveTo.Goal | PlanMotion.Goal, given: PoseStamped, robot: RobotKinematics
) -> tuple[PoseTarget, bool]:
    """Return a pose that is asked for, and whether it is in the tool's frame."""
    if not robot.config.tool_frame:
        raise MotionError("invalid_goal", f"robot '{robot.name}' has no tool_frame in its configuration; valid: joints")
    frame = robot.frame(given.header.frame_id)
    is_free = request.orientation == Orientation.FREE
    rotation = (0.0, 0.0, 0.0, 1.0) if is_free else quadruple(given.pose.orientation)
    pose = pose_from_quaternion(triple(given.pose.position), rotation)
    tolerances = request.position_tolerance, request.orientation_tolerance
    return pose_target(pose, request.orientation, *tolerances), frame == "tool"


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


def move_feedback(session: MotionSession, task: MoveTask | SceneMoveTask) -> MoveTo.Feedback:
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


def move_result(session: MotionSession, task: MoveTask | SceneMoveTask, robot: RobotKinematics) -> MoveTo.Result:
    """Return what became of a motion, from measured joints."""
    result = MoveTo.Result(joint_names=list(robot.limits.names), elapsed=session.elapsed)
    _fill_ending(result, session)
    if session.run is not None:
        result.planned_duration, result.chunks = session.run.planned_duration, session.run.chunks
        made = task.made if isinstance(task, SceneMoveTask) else None
        result.fraction = 1.0 if made is None else made.fraction
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


def execute_feedback(session: MotionSession) -> ExecutePlan.Feedback:
    """Return how far a plan is."""
    return ExecutePlan.Feedback(elapsed=session.elapsed, progress=session.run.progress if session.run else 0.0)


def execute_result(session: MotionSession, task: PlanTask, digest: str, robot: RobotKinematics) -> ExecutePlan.Result:
    """Return what became of a plan that was played, from measured joints."""
    result = ExecutePlan.Result(joint_names=list(robot.limits.names), elapsed=session.elapsed)
    _fill_ending(result, session)
    if session.run is not None:
        result.digest = digest
        result.planned_duration, result.chunks = session.run.planned_duration, session.run.chunks
    if session.watch.is_ready:
        result.positions = session.watch.position.tolist()
        if task.planned is not None:
            away = session.watch.position[list(task.planned.columns)] - task.planned.end
            result.joint_error = float(np.abs(away).max())
    return result


def group_result(
    sessions: Sequence[MotionSession], tasks: Sequence[PlanTask], digest: str, ending: MotionEnding
) -> ExecutePlan.Result:
    """Return what became of a plan of several robots, from measured joints."""
    parts = [
        (session, task, [f"{session.robot}/{name}" for name in session.watch.joint_names])
        for session, task in zip(sessions, tasks)
    ]
    result = ExecutePlan.Result(joint_names=[name for _, _, names in parts for name in names])
    result.elapsed = max(session.elapsed for session in sessions)
    result.success = ending.reason is MotionReason.REACHED
    result.message, result.termination_reason = clip(ending.message, MESSAGE_LENGTH), ending.reason.value
    runs = [session.run for session in sessions if session.run is not None]
    if len(runs) == len(sessions):
        result.digest, result.planned_duration = digest, runs[0].planned_duration
        result.chunks = sum(run.chunks for run in runs)
    if all(session.watch.is_ready for session in sessions):
        result.positions = [value for session in sessions for value in session.watch.position.tolist()]
        away = [
            float(np.abs(session.watch.position[list(task.planned.columns)] - task.planned.end).max(initial=0.0))
            for session, task in zip(sessions, tasks)
            if task.planned is not None
        ]
        result.joint_error = max(away, default=0.0)
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
