"""Moves a robot as a client of the action servers of motion_node."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from geometry_msgs.msg import Point, Vector3

from strands_robots.action import MoveTo, SetGripper
from strands_robots.clients.client import GraphClient
from strands_robots.clients.client_goal import client_goal
from strands_robots.core.errors import MotionError
from strands_robots.msg import PlanningOptions

FEEDBACK_PERIOD = 1.0
"""Shortest time between two lines of feedback [s]."""


def planning_options(planner: str, held: list[str]) -> PlanningOptions:
    """Return how to plan around the scene: a planner's name, empty for none, and the objects that move with the tool."""
    return PlanningOptions(planner=planner, held=held)


def tool_limits(
    options: PlanningOptions, upright: float, cone: Sequence[float], box: Sequence[float], tool_speed: float
) -> PlanningOptions:
    """Return options with what the tool keeps to.

    Args:
        options: The options; changed.
        upright: Largest change of the tool's tilt [rad]; 0 for no limit.
        cone: Largest angle of the tool's z axis [rad], and the direction x, y, z that it is measured from; empty for no limit.
        box: Two corners x, y, z, x, y, z [m]; empty for none.
        tool_speed: Largest speed of the tool [m/s]; 0 for no limit.
    """
    options.upright, options.tool_speed, options.box = upright, tool_speed, points_of(box)
    if cone:
        options.cone = cone[0]
        options.cone_axis = vectors_of(cone[1:])[0]
    return options


def points_of(numbers: Sequence[float]) -> list[Point]:
    """Return points from x, y, z of each."""
    return [Point(x=x, y=y, z=z) for x, y, z in zip(*(iter(numbers),) * 3)]


def vectors_of(numbers: Sequence[float]) -> list[Vector3]:
    """Return vectors from x, y, z of each."""
    return [Vector3(x=x, y=y, z=z) for x, y, z in zip(*(iter(numbers),) * 3)]


def move_joints_goal(names: list[str], positions: list[float], **fields: Any) -> MoveTo.Goal:
    """Return a goal of MoveTo for joints; `fields` are the goal's other fields."""
    return MoveTo.Goal(target=MoveTo.Goal.TARGET_JOINTS, joint_names=names, positions=positions, **fields)


def move_pose_goal(
    position: tuple[float, float, float], quaternion: tuple[float, float, float, float], frame: str, **fields: Any
) -> MoveTo.Goal:
    """Return a goal of MoveTo for a pose.

    Args:
        position: x, y, z [m].
        quaternion: x, y, z, w.
        frame: Frame of both.
        fields: The goal's other fields.
    """
    goal = MoveTo.Goal(target=MoveTo.Goal.TARGET_POSE, **fields)
    goal.pose.header.frame_id = frame
    point, turn = goal.pose.pose.position, goal.pose.pose.orientation
    point.x, point.y, point.z = position
    turn.x, turn.y, turn.z, turn.w = quaternion
    return goal


def grip_goal(fraction: float, **fields: Any) -> SetGripper.Goal:
    """Return a goal of SetGripper; `fields` are the goal's other fields."""
    return SetGripper.Goal(unit=SetGripper.Goal.UNIT_FRACTION, position=fraction, **fields)


def run_motion(client: GraphClient, goal: MoveTo.Goal | SetGripper.Goal, tell: Callable[[str], None]) -> Any:
    """Carry a goal out and return its result; KeyboardInterrupt cancels it and still returns the result.

    The goal ends with this process: whatever ends it, motion_node brakes half a second later.

    Args:
        client: Client of the graph.
        goal: What to do.
        tell: Takes a line of progress, at most one a second.

    Raises:
        NoAnswerError: If motion_node is not there, or stops answering.
    """
    is_move = isinstance(goal, MoveTo.Goal)
    name = "move_to" if is_move else "set_gripper"
    refused = MotionError("refused", f"{name} refused the goal; motion_node's log says why")
    gone = "motion_node is gone; the robot comes to rest by itself"
    kind = MoveTo if is_move else SetGripper
    with client_goal(client, kind, name, goal, _MotionFeedback(tell), refused, gone) as running:
        return running.result(tell).result


class _MotionFeedback:
    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._next = time.monotonic() + FEEDBACK_PERIOD

    def __call__(self, feedback: Any) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + FEEDBACK_PERIOD
        if isinstance(feedback, MoveTo.Feedback):
            self._tell(f"{feedback.elapsed:.1f} s, {100.0 * feedback.progress:.0f} percent of the way")
        else:
            self._tell(f"{feedback.elapsed:.1f} s, {100.0 * feedback.fraction:.0f} percent open")
